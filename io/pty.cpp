#include "io/pty.h"

#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "io/pipe.h"
#include "io/system_error.h"

namespace leat::io {

namespace {

tl::unexpected<Error> no_pty() {
  const bool may_pass = errno == ENOSPC || errno == ENOMEM || errno == EAGAIN || errno == EMFILE ||
                        errno == ENFILE || errno == ENOBUFS;
  return system_failure(may_pass ? Errc::kUnavailable : Errc::kSystem,
                        "cannot make a pseudo terminal");
}

// False and errno when it cannot be.
bool make_raw(const Fd& slave) {
  termios settings{};
  if (::tcgetattr(slave.get(), &settings) != 0) return false;
  ::cfmakeraw(&settings);
  return ::tcsetattr(slave.get(), TCSANOW, &settings) == 0;
}

}  // namespace

Result<Pty> make_pty() {
  Fd opened(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!opened.is_open()) return no_pty();
  Result<Fd> master = above_standard_streams(std::move(opened));
  if (!master) return tl::unexpected(master.error());
  if (::grantpt(master->get()) != 0 || ::unlockpt(master->get()) != 0) return no_pty();
  // By its master and not by its name: a container may have another /dev/pts than ours.
  // Linux has this since 4.13, and since 4.10 what the header says of reading.
  opened = Fd(::ioctl(master->get(), TIOCGPTPEER, O_WRONLY | O_NOCTTY | O_CLOEXEC));
  if (!opened.is_open()) return no_pty();
  Result<Fd> slave = above_standard_streams(std::move(opened));
  if (!slave) return tl::unexpected(slave.error());
  if (!make_raw(*slave)) return no_pty();
  if (const Result<void> done = set_non_blocking(*master); !done) {
    return tl::unexpected(done.error());
  }
  return Pty{std::move(*master), std::move(*slave)};
}

}  // namespace leat::io
