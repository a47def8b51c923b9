// Pace learns how fast a tool answers, and says how many records may be inside it: no more than
// 50 ms of its work, so that little is tried again when it dies.

#pragma once

#include <cstdint>

#include "core/histogram.h"
#include "core/time.h"

namespace leat::node {

class Pace {
 public:
  // `took`: since the answers before these; 0 when they came in the same turn.
  void note(std::uint32_t answers, Duration took);

  // 1 at first. It doubles when so many were answered.
  [[nodiscard]] std::uint32_t allowance() const { return allowance_; }

  // Per answer; 0: unknown.
  [[nodiscard]] Duration record_time() const {
    return Duration(static_cast<Duration::rep>(record_ns_));
  }

  // Another process begins with one record.
  void begin_anew();

  // The time per answer of all since the last take.
  [[nodiscard]] Histogram take_service();

  // What was noted since then led to nothing.
  void drop_service();

 private:
  void end_burst();

  std::uint32_t allowance_ = 1;
  std::uint32_t answered_at_allowance_ = 0;
  double record_ns_ = 0;   // Moving average of the time per answer; 0: unknown.
  Duration burst_time_{};  // Of the answers that came in one turn.
  std::uint32_t burst_answers_ = 0;
  Histogram service_;  // Without the burst.
};

}  // namespace leat::node
