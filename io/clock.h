// The one real clock. Loops read it once per turn and hand the Instant to the pure code.

#pragma once

#include <chrono>

#include "core/time.h"

namespace leat::io {

// Monotonic, does not count while the machine is suspended. May be called by any thread.
class MonotonicClock {
 public:
  [[nodiscard]] Instant now() const {
    return {
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())};
  }
};

}  // namespace leat::io
