// Fd owns one file descriptor and closes it. Movable, not copyable; -1 is none. What is closed in
// vain is not reported: for that which must reach a disk, call fsync first.

#pragma once

#include <utility>

#include <unistd.h>

namespace leat::io {

class Fd {
 public:
  Fd() = default;

  // Takes over the descriptor.
  explicit Fd(int fd) : fd_(fd) {}

  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }

  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  // Gives the descriptor away, to be closed by the caller.
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

}  // namespace leat::io
