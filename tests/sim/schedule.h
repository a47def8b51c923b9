// Simulated time: what is to happen, in order; ties in the order in which they were planned.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "core/time.h"

namespace leat::sim {

class Schedule {
 public:
  [[nodiscard]] Instant now() const { return now_; }

  void after(Duration delay, std::function<void()> action) {
    actions_.emplace(std::pair{now_ + delay, ++count_}, std::move(action));
  }

  // Whether there was anything to do before `end`.
  bool run_next(Instant end) {
    if (actions_.empty() || actions_.begin()->first.first > end) return false;
    now_ = actions_.begin()->first.first;
    const std::function<void()> action = std::move(actions_.begin()->second);
    actions_.erase(actions_.begin());
    action();
    return true;
  }

 private:
  Instant now_;
  std::uint64_t count_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> actions_;
};

}  // namespace leat::sim
