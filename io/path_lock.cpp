#include "io/path_lock.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/system_error.h"

namespace leat::io {

namespace {

// Each time somebody else let it go just now.
constexpr int kTriesMax = 100;

// What its holder wrote; nothing when it has not yet, and what was left by a dead one is there.
std::optional<pid_t> holder(const Fd& fd) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(), 0);
  pid_t pid = 0;
  if (got <= 0) return std::nullopt;
  const auto parsed = std::from_chars(text.data(), text.data() + got, pid);
  const bool is_alive =
      parsed.ec == std::errc{} && pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
  return is_alive ? std::optional(pid) : std::nullopt;
}

tl::unexpected<Error> taken(const std::string& path, const Fd& fd) {
  const std::optional<pid_t> pid = holder(fd);
  return failure(Errc::kUnavailable,
                 "cannot listen at ipc://" + path + ": " +
                     (pid ? "process " + std::to_string(*pid) : std::string("another process")) +
                     " listens there already; end it, or give another address");
}

tl::unexpected<Error> cannot_lock(const std::string& path, const std::string& file, int error) {
  const char* const remedy =
      error == ENOENT ? "its directory must exist" : "give an address in a directory of your own";
  return failure(Errc::kSystem, "cannot listen at ipc://" + path + ": cannot write " + file + ": " +
                                    in_words(error) + " (" + remedy + ")");
}

// The file may have been removed by its last holder between our opening and locking it.
bool is_still_there(const Fd& fd, const std::string& file) {
  struct stat ours{};
  struct stat there{};
  return ::fstat(fd.get(), &ours) == 0 && ::lstat(file.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

bool write_own_id(const Fd& fd) {
  const std::string text = std::to_string(::getpid()) + "\n";
  return ::ftruncate(fd.get(), 0) == 0 &&
         ::pwrite(fd.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

}  // namespace

PathLock::PathLock(std::string file, Fd fd) : file_(std::move(file)), fd_(std::move(fd)) {}

Result<PathLock> PathLock::take(const std::string& path) {
  const std::string file = path + ".lock";
  for (int i = 0; i < kTriesMax; ++i) {
    Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.is_open()) return cannot_lock(path, file, errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return taken(path, fd);
      return cannot_lock(path, file, errno);
    }
    if (!is_still_there(fd, file)) continue;
    if (!write_own_id(fd)) return cannot_lock(path, file, errno);
    return PathLock(file, std::move(fd));
  }
  return failure(Errc::kUnavailable, "cannot listen at ipc://" + path +
                                         ": processes come and go there; give another address");
}

PathLock& PathLock::operator=(PathLock&& other) noexcept {
  if (this == &other) return *this;
  release();
  file_ = std::move(other.file_);
  fd_ = std::move(other.fd_);
  return *this;
}

PathLock::~PathLock() {
  release();
}

// Removed while it is still locked: nobody else's file can be there.
void PathLock::release() {
  if (!fd_.is_open()) return;
  ::unlink(file_.c_str());
  fd_.reset();
}

}  // namespace leat::io
