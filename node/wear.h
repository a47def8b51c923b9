// Wear says when a process of a stage that renews its processes (`max_records`, `max_age`) should
// have a successor: ahead of what the stage grants it, by the time that a successor may take to
// open.

#pragma once

#include <cstdint>
#include <optional>

#include "core/time.h"
#include "spec/pipeline_spec.h"

namespace leat::node {

class Wear {
 public:
  explicit Wear(const spec::Stage& stage)
      : records_max_(stage.records_max), age_max_(stage.age_max) {}

  void start(Instant now) { started_at_ = now; }

  void feed(std::uint64_t records, Instant now);

  void forget_process();

  // Records given to this process.
  [[nodiscard]] std::uint64_t fed() const { return fed_; }

  // How many more it may be given.
  [[nodiscard]] std::uint64_t room() const { return records_max_.value_or(UINT64_MAX) - fed_; }

  // Whether it is time. `record_time`: that it takes for one; 0: unknown.
  [[nodiscard]] bool is_worn(Duration record_time, Instant now) const;

  // When its age alone will make it so.
  [[nodiscard]] std::optional<Instant> worn_at() const;

 private:
  [[nodiscard]] Duration ahead() const;

  std::optional<std::uint64_t> records_max_;
  std::optional<Duration> age_max_;
  std::optional<Instant> started_at_;
  std::uint64_t fed_ = 0;
  Duration opening_time_{};  // From a process's start until it could be fed.
};

}  // namespace leat::node
