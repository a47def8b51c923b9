// Stopwatch adds up the time for which something is so.

#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "core/time.h"

namespace leat::broker {

class Stopwatch {
 public:
  // It is so from now on, or not.
  void set(bool is_so, Instant now) {
    if (is_so == since_.has_value()) return;
    if (is_so) {
      since_ = now;
    } else {
      total_ += now - *std::exchange(since_, std::nullopt);
    }
  }

  // Without the time that runs.
  [[nodiscard]] Duration total() const { return total_; }

  [[nodiscard]] Duration running(Instant now) const {
    return since_ ? std::max(now - *since_, Duration(0)) : Duration(0);
  }

 private:
  Duration total_{};
  std::optional<Instant> since_;
};

}  // namespace leat::broker
