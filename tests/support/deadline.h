// Waiting for a condition in a test that uses real processes: until it holds, or until a deadline
// so far away that only a defect reaches it. Nothing here makes a test pass by waiting longer.

#pragma once

#include <cerrno>
#include <chrono>
#include <ctime>

#include <poll.h>

#include "core/time.h"
#include "io/clock.h"

namespace leat::tests {

inline constexpr Duration kDeadline = std::chrono::seconds(20);

// Waits until one of the events (POLLIN, POLLOUT) or the descriptor's end; false at the deadline.
[[nodiscard]] inline bool wait_for(int fd, short events, Duration limit = kDeadline) {
  const io::MonotonicClock clock;
  const Instant end = clock.now() + limit;
  for (Duration left = limit; left > Duration::zero(); left = end - clock.now()) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec timeout{seconds.count(), (left - seconds).count()};
    pollfd item{fd, events, 0};
    const int ready = ::ppoll(&item, 1, &timeout, nullptr);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

// For what no descriptor tells: asks the predicate every 0.2 ms; false at the deadline. While
// waiting it wakes up for events of `fd`, if given.
template <typename Predicate>
[[nodiscard]] bool wait_until(Predicate holds, int fd = -1) {
  const io::MonotonicClock clock;
  const Instant end = clock.now() + kDeadline;
  while (!holds()) {
    if (clock.now() > end) return false;
    const timespec step{0, 200'000};
    pollfd item{fd, POLLIN, 0};
    ::ppoll(&item, 1, &step, nullptr);
  }
  return true;
}

}  // namespace leat::tests
