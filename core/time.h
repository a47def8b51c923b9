// Time as the pure code sees it: a value handed in by the caller. Nothing outside io/ reads a
// clock.

#pragma once

#include <chrono>

namespace leat {

using Duration = std::chrono::nanoseconds;

// A point on the monotonic clock of one process. Meaningless across processes and reboots.
struct Instant {
  Duration since_start{};
  auto operator<=>(const Instant&) const = default;
};

constexpr Instant operator+(Instant at, Duration later) {
  return {at.since_start + later};
}

constexpr Duration operator-(Instant later, Instant earlier) {
  return later.since_start - earlier.since_start;
}

}  // namespace leat
