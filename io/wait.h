// What loops wait with: a set of descriptors until one is ready or a time has come, and a bell that
// another thread can ring.

#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/time.h"
#include "io/fd.h"

namespace leat::io {

class WaitSet {
 public:
  void clear() { polled_.clear(); }

  // Where to look for the outcome, after wait().
  std::size_t add(int fd, short events) {
    polled_.push_back({fd, events, 0});
    return polled_.size() - 1;
  }

  // Until something is ready, at most `patience`; without it, for ever. Negative is none.
  void wait(std::optional<Duration> patience) {
    timespec left{};
    if (patience) {
      const Duration rest = std::max(*patience, Duration(0));
      left.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(rest).count();
      left.tv_nsec = (rest % std::chrono::seconds(1)).count();
    }
    const int ready = ::ppoll(polled_.data(), polled_.size(), patience ? &left : nullptr, nullptr);
    if (ready > 0) return;
    for (pollfd& polled : polled_) {
      polled.revents = 0;
    }
  }

  [[nodiscard]] bool is_ready(std::size_t place) const { return polled_[place].revents != 0; }

 private:
  std::vector<pollfd> polled_;
};

// Rung by any thread; waited for by one.
class Bell {
 public:
  Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  void ring() const { (void)::eventfd_write(fd_.get(), 1); }

  [[nodiscard]] int fd() const { return fd_.get(); }

  // Whether it was rung since it was asked last.
  [[nodiscard]] bool was_rung() const {
    eventfd_t count = 0;
    return ::eventfd_read(fd_.get(), &count) == 0;
  }

 private:
  Fd fd_;
};

}  // namespace leat::io
