#include "cli/result_file.h"

#include <cerrno>
#include <cstdio>
#include <utility>
#include <variant>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "io/system_error.h"

namespace leat::cli {

namespace {

// Deliveries that are not confirmed take a line each.
constexpr std::size_t kStateBytesMax = std::size_t{16} << 20;

std::string state_path(const std::string& path) {
  return path + ".leat";
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

tl::unexpected<Error> refused(const std::string& path, const std::string& what) {
  return failure(Errc::kInvalidArgument, "--to " + path + ": " + what);
}

tl::unexpected<Error> cannot_write(const std::string& path) {
  return io::system_failure(Errc::kSystem, "cannot write " + path);
}

Result<void> write_at(const io::Fd& fd, const std::string& path, std::string_view bytes,
                      std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return cannot_write(path);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
    at += static_cast<std::uint64_t>(wrote);
  }
  return {};
}

Result<void> write_file(const std::string& path, std::string_view text) {
  const io::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!fd.is_open()) return cannot_write(path);
  if (Result<void> written = write_at(fd, path, text, 0); !written) return written;
  if (::fsync(fd.get()) != 0) return cannot_write(path);
  return {};
}

// So that a name in it is there after the machine has failed, too.
Result<void> sync_directory_of(const std::string& path) {
  const std::string directory = directory_of(path);
  const io::Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems have nothing to sync there.
  if (!fd.is_open() || (::fsync(fd.get()) != 0 && errno != EINVAL)) return cannot_write(directory);
  return {};
}

// Opening what is not a file could wait, or do things.
bool is_other_than_file(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

Result<io::Fd> open_locked(const std::string& path) {
  if (is_other_than_file(path)) {
    return refused(path,
                   "it is not a regular file, and only such a one can be gone on with; without "
                   "--to results go to standard output");
  }
  io::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!fd.is_open()) return cannot_write(path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return io::system_failure(Errc::kSystem, "cannot lock " + path);
  return refused(path, "another `leat recv --to` writes to it; end that one, or give another file");
}

Result<std::optional<std::string>> read_state(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0 && errno == ENOENT) return std::nullopt;
  Result<std::string> text = io::read_file(path, kStateBytesMax);
  if (!text) return tl::unexpected(text.error());
  return *std::move(text);
}

}  // namespace

Result<ResultFile> ResultFile::open(const std::string& path, FileSink::Purpose purpose,
                                    const std::string& consumer) {
  Result<io::Fd> fd = open_locked(path);
  if (!fd) return tl::unexpected(fd.error());
  struct stat status{};
  if (::fstat(fd->get(), &status) != 0) return cannot_write(path);
  Result<std::optional<std::string>> state = read_state(state_path(path));
  if (!state) return tl::unexpected(state.error());
  const auto length = static_cast<std::uint64_t>(status.st_size);
  Result<FileSink> sink = FileSink::open(
      std::move(purpose),
      {.file = path, .state_file = state_path(path), .length = length, .state = *std::move(state)},
      consumer);
  if (!sink) return tl::unexpected(sink.error());
  if (const Result<void> synced = sync_directory_of(path); !synced) {
    return tl::unexpected(synced.error());
  }
  const std::uint64_t by_state = sink->length();
  ResultFile file(path, *std::move(fd), *std::move(sink), by_state);
  if (const Kept started = file.carry_out(file.sink_.start()); !started) {
    return tl::unexpected(started.error());
  }
  return file;
}

ResultFile::Kept ResultFile::open_session(std::uint64_t epoch) {
  if (has_failed_) return std::nullopt;
  return carry_out(sink_.open_session(epoch));
}

ResultFile::Kept ResultFile::add(const wire::Delivery& delivery, Instant now) {
  if (has_failed_) return std::nullopt;
  return carry_out(sink_.add(delivery, now));
}

ResultFile::Kept ResultFile::tick(Instant now) {
  if (has_failed_) return std::nullopt;
  return carry_out(sink_.tick(now));
}

ResultFile::Kept ResultFile::flush() {
  if (has_failed_) return std::nullopt;
  return carry_out(sink_.flush());
}

ResultFile::Kept ResultFile::end() {
  if (has_failed_) return std::nullopt;
  return carry_out(sink_.end());
}

ResultFile::Kept ResultFile::carry_out(const SinkEffects& effects) {
  for (const SinkEffect& effect : effects) {
    const Result<void> done = std::visit([this](const auto& e) { return order(e); }, effect);
    if (done) continue;
    has_failed_ = true;
    cut_off();
    return failure(done.error().code, done.error().message +
                                          "; what is not in the file waits at the broker for the "
                                          "next `leat recv`");
  }
  return std::exchange(acknowledged_, std::nullopt);
}

// The next start would do it in any case.
void ResultFile::cut_off() const {
  struct stat status{};
  const bool is_longer =
      ::fstat(fd_.get(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) > length_;
  if (is_longer) (void)::ftruncate(fd_.get(), static_cast<off_t>(length_));
}

Result<void> ResultFile::check_untouched(std::uint64_t length) const {
  struct stat ours{};
  struct stat there{};
  const bool is_there = ::fstat(fd_.get(), &ours) == 0 && ::stat(path_.c_str(), &there) == 0 &&
                        ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
  if (is_there && static_cast<std::uint64_t>(ours.st_size) == length) return {};
  return failure(Errc::kSystem, "cannot go on with " + path_ +
                                    ": somebody else has moved it away, cut it or written to it");
}

Result<void> ResultFile::order(const TruncateFile& effect) {
  if (::ftruncate(fd_.get(), static_cast<off_t>(effect.length)) != 0) return cannot_write(path_);
  return {};
}

Result<void> ResultFile::order(const WriteFile& effect) {
  // Behind what somebody has cut there would be a hole.
  if (Result<void> untouched = check_untouched(effect.at); !untouched) return untouched;
  return write_at(fd_, path_, effect.bytes.view(), effect.at);
}

Result<void> ResultFile::order(const SyncFile& /*effect*/) {
  if (::fdatasync(fd_.get()) != 0) return cannot_write(path_);
  return {};
}

Result<void> ResultFile::order(const WriteState& effect) {
  if (Result<void> untouched = check_untouched(effect.length); !untouched) return untouched;
  const std::string path = state_path(path_);
  const std::string next = path + ".new";
  if (Result<void> written = write_file(next, effect.text); !written) {
    (void)::unlink(next.c_str());
    return written;
  }
  if (std::rename(next.c_str(), path.c_str()) != 0) return cannot_write(path);
  length_ = effect.length;
  return sync_directory_of(path);
}

Result<void> ResultFile::order(const Acknowledge& effect) {
  acknowledged_ = effect.delivery;
  return {};
}

}  // namespace leat::cli
