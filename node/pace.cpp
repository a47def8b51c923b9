#include "node/pace.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// As much of its own work as may be inside the tool.
constexpr Duration kInsideTime = 50ms;
constexpr std::uint32_t kInsideMax = 1U << 20;

}  // namespace

void Pace::note(std::uint32_t answers, Duration took) {
  // The clock is read once in a turn: what is printed in the same one came in the same time.
  if (took > Duration(0)) {
    end_burst();
    burst_time_ = took;
    const double ns = static_cast<double>(took.count()) / answers;
    record_ns_ = record_ns_ > 0 ? record_ns_ + 0.2 * (ns - record_ns_) : std::max(ns, 1.0);
  }
  burst_answers_ += answers;
  answered_at_allowance_ += answers;
  if (answered_at_allowance_ < allowance_) return;
  answered_at_allowance_ = 0;
  const double inside = static_cast<double>(Duration(kInsideTime).count()) / record_ns_;
  const double most = std::clamp(inside, 1.0, static_cast<double>(kInsideMax));
  allowance_ = static_cast<std::uint32_t>(std::min(2.0 * allowance_, most));
}

void Pace::begin_anew() {
  allowance_ = 1;
  answered_at_allowance_ = 0;
}

Histogram Pace::take_service() {
  end_burst();
  return std::exchange(service_, {});
}

void Pace::drop_service() {
  service_ = {};
  burst_answers_ = 0;
}

void Pace::end_burst() {
  if (burst_answers_ > 0) service_.add(burst_time_ / burst_answers_, burst_answers_);
  burst_answers_ = 0;
}

}  // namespace leat::node
