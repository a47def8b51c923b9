#include "io/record_files.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ensure.h"
#include "io/fd.h"
#include "io/guardian_protocol.h"
#include "io/system_error.h"

namespace leat::io {

namespace {

constexpr const char* kDefaultPlace = "/tmp";

std::string place() {
  const char* const told = std::getenv("TMPDIR");
  const std::string_view text = told == nullptr ? "" : told;
  // Tools have another working directory, and the guardian is told in a line.
  const bool is_good = text.starts_with('/') && text.find('\n') == std::string_view::npos &&
                       text.size() < kGuardianLineMax / 2;
  return std::string(is_good ? text : kDefaultPlace);
}

// False and errno when they do not fit.
bool write_all(const Fd& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file.get(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

bool is_another(const std::optional<User>& user) {
  return user && ::geteuid() == 0 && user->id != 0;
}

// Who may pass through sees nothing there. False and errno when it cannot be.
bool let_pass(const std::string& folder) {
  return ::chmod(folder.c_str(), S_IRWXU | S_IXGRP | S_IXOTH) == 0;
}

bool give(const Fd& file, const std::string& folder, const User& reader) {
  return let_pass(folder) && ::fchown(file.get(), reader.id, reader.group) == 0;
}

tl::unexpected<Error> cannot_write(const std::string& path) {
  return system_failure(Errc::kUnavailable, "cannot write the record's file '" + path + "'");
}

}  // namespace

Result<RecordFiles> RecordFiles::create() {
  std::string folder = place() + "/" + std::string(kRecordsFolder) + "XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) {
    return system_failure(Errc::kUnavailable, "cannot make a folder for records in '" + place() +
                                                  "' (TMPDIR names another place)");
  }
  return RecordFiles(std::move(folder));
}

RecordFiles::RecordFiles(RecordFiles&& other) noexcept
    : folder_(std::exchange(other.folder_, {})), count_(other.count_) {}

RecordFiles& RecordFiles::operator=(RecordFiles&& other) noexcept {
  std::swap(folder_, other.folder_);
  std::swap(count_, other.count_);
  return *this;
}

RecordFiles::~RecordFiles() {
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

Result<std::string> RecordFiles::write(std::string_view record, const std::optional<User>& reader) {
  std::string path = next_path();
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.is_open()) return cannot_write(path);
  const bool is_open = !is_another(reader) || give(file, folder_, *reader);
  if (!is_open || !write_all(file, record)) {
    auto error = cannot_write(path);
    remove(path);
    return error;
  }
  return path;
}

Result<std::string> RecordFiles::reserve(const std::optional<User>& user) {
  if (!is_another(user) || let_pass(folder_)) return next_path();
  return system_failure(Errc::kUnavailable, "cannot open the folder '" + folder_ +
                                                "' for the user '" + user->name + "'");
}

std::string RecordFiles::next_path() {
  ENSURE(!folder_.empty());
  return folder_ + "/" + std::to_string(++count_);
}

void RecordFiles::remove(const std::string& path) {
  // The tool may have done so.
  (void)::unlink(path.c_str());
}

}  // namespace leat::io
