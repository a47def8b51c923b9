// Simulated time: what is to happen, in order; ties in the order in which they were planned.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "core/time.h"

namespace leat::sim {

class Schedule {
 public:
  [[nodiscard]] Instant now() const { return now_; }

  void after(Duration delay, std::function<void()> action) {
    actions_.emplace(std::pair{now_ + delay, ++count_}, std::move(action));
  }

  // A life that an action may depend on: what is planned for a dead node does not happen.
  std::uint64_t begin_life() {
    lives_.insert(++life_count_);
    return life_count_;
  }

  void end_life(std::uint64_t life) { lives_.erase(life); }

  [[nodiscard]] bool is_alive(std::uint64_t life) const { return lives_.contains(life); }

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
  std::uint64_t life_count_ = 0;
  std::set<std::uint64_t> lives_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> actions_;
};

}  // namespace leat::sim
