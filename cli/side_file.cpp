#include "cli/side_file.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace leat::cli {

namespace {

tl::unexpected<Error> cannot_write(const std::string& what, const std::string& path) {
  return failure(Errc::kSystem,
                 "cannot write " + what + " to " + path + ": " + std::strerror(errno));
}

}  // namespace

Result<SideFile> SideFile::open(const std::string& what, const std::string& path, Earlier earlier) {
  SideFile file;
  file.what_ = what;
  file.path_ = path;
  const int mode = earlier == Earlier::kKept ? O_APPEND : O_TRUNC;
  file.fd_ = io::Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0666));
  if (!file.fd_.is_open()) return cannot_write(what, path);
  // A pipe that nobody reads is waited for where signals are heard. Nobody shares what was opened.
  (void)::fcntl(file.fd_.get(), F_SETFL, O_NONBLOCK | (mode & O_APPEND));
  return file;
}

Result<SideFile> SideFile::open_standard_error(const std::string& what) {
  SideFile file;
  file.what_ = what;
  file.path_ = "standard error";
  // Others share it, so it stays as it is: it may wait, as every word of ours there may.
  file.fd_ = io::Fd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!file.fd_.is_open()) return cannot_write(what, file.path_);
  return file;
}

bool SideFile::wait_for_room() const {
  std::array<pollfd, 2> items = {{{fd_.get(), POLLOUT, 0}, {end_fd_, POLLIN, 0}}};
  while (::poll(items.data(), items.size(), -1) < 0 && errno == EINTR) {
  }
  return items[1].revents == 0;
}

Result<void> SideFile::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd_.get(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && errno == EAGAIN) {
      if (wait_for_room()) continue;
      return failure(Errc::kUnavailable, "interrupted while nobody read the " + what_ + " from " +
                                             path_ + "; the last of them is incomplete");
    }
    if (wrote < 0) return cannot_write(what_, path_);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

}  // namespace leat::cli
