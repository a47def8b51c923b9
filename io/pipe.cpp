#include "io/pipe.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/ensure.h"
#include "io/system_error.h"

namespace leat::io {

namespace {

constexpr std::size_t kPiecesMax = 64;
constexpr std::size_t kPipeBytesMin = std::size_t{4} << 10;
constexpr int kFirstUnnamedFd = 3;

}  // namespace

Result<Fd> above_standard_streams(Fd fd) {
  if (fd.get() >= kFirstUnnamedFd) return fd;
  Fd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstUnnamedFd));
  if (!moved.is_open()) return system_failure(Errc::kUnavailable, "cannot make a pipe");
  return moved;
}

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return system_failure(Errc::kUnavailable, "cannot make a pipe");
  }
  Result<Fd> write = above_standard_streams(Fd(ends[1]));
  Result<Fd> read = above_standard_streams(Fd(ends[0]));
  if (!read) return tl::unexpected(read.error());
  if (!write) return tl::unexpected(write.error());
  return Pipe{std::move(*read), std::move(*write)};
}

std::size_t widen(const Fd& pipe_end) {
  const int now = ::fcntl(pipe_end.get(), F_GETPIPE_SZ);
  const std::size_t had = now > 0 ? static_cast<std::size_t>(now) : kPipeBytesMin;
  for (std::size_t room = kPipeBytes; room > had; room /= 2) {
    const int got = ::fcntl(pipe_end.get(), F_SETPIPE_SZ, static_cast<int>(room));
    if (got >= 0) return static_cast<std::size_t>(got);
  }
  return had;
}

Result<void> set_non_blocking(const Fd& fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return system_failure(Errc::kSystem, "cannot make a descriptor non-blocking");
  }
  return {};
}

Result<std::size_t> write_some(int fd, std::span<const std::string_view> pieces) {
  std::array<iovec, kPiecesMax> vectors{};
  const std::size_t count = std::min(pieces.size(), kPiecesMax);
  for (std::size_t i = 0; i < count; ++i) {
    // writev takes what it does not change by a pointer to mutable.
    vectors[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
  }
  ssize_t written = 0;
  do {
    written = ::writev(fd, vectors.data(), static_cast<int>(count));
  } while (written < 0 && errno == EINTR);
  if (written >= 0) return static_cast<std::size_t>(written);
  if (errno == EAGAIN) return std::size_t{0};
  if (errno == EPIPE) return failure(Errc::kUnavailable, "the reader closed the pipe");
  return system_failure(Errc::kSystem, "cannot write to the pipe");
}

Result<ReadOutcome> read_some(int fd, std::span<char> buffer) {
  ENSURE(!buffer.empty());
  ssize_t got = 0;
  do {
    got = ::read(fd, buffer.data(), buffer.size());
  } while (got < 0 && errno == EINTR);
  if (got > 0) return ReadOutcome{ReadState::kBytes, static_cast<std::size_t>(got)};
  // The master of a pseudo terminal has no other way to say so.
  if (got == 0 || errno == EIO) return ReadOutcome{ReadState::kEnd, 0};
  if (errno == EAGAIN) return ReadOutcome{ReadState::kWouldBlock, 0};
  return system_failure(Errc::kSystem, "cannot read from the pipe");
}

Result<std::size_t> bytes_in_pipe(int fd) {
  int bytes = 0;
  if (::ioctl(fd, FIONREAD, &bytes) != 0) {
    return system_failure(Errc::kSystem, "cannot ask how full the pipe is");
  }
  return static_cast<std::size_t>(bytes);
}

}  // namespace leat::io
