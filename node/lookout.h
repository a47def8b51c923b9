// Lookout plans the looks at whether one process rests, and remembers what they saw.

#pragma once

#include <cstdint>
#include <optional>

#include "core/time.h"
#include "node/contract.h"
#include "node/tool_events.h"

namespace leat::node {

class Lookout {
 public:
  void plan(Instant now, Duration pause) {
    pause_ = pause;
    at_ = now + pause;
  }

  // What happened since makes a look that is planned or under way worthless.
  void cancel() {
    at_.reset();
    pause_.reset();
    is_valid_ = false;
    resting_since_.reset();
  }

  // The pause before the look that is planned or under way.
  [[nodiscard]] std::optional<Duration> pause() const { return pause_; }

  [[nodiscard]] std::optional<Instant> next() const { return at_; }

  [[nodiscard]] bool is_under_way() const { return is_valid_; }

  // The order to look now.
  [[nodiscard]] LookAtTool look(ToolId tool) {
    at_.reset();
    is_valid_ = true;
    return {tool, ++count_};
  }

  // Whether this answers the look that is under way; then it is not any more.
  [[nodiscard]] bool take(const ToolLooked& event) {
    if (!is_valid_ || event.look != count_) return false;
    is_valid_ = false;
    return true;
  }

  // What a look and those before it saw.
  [[nodiscard]] Sight see(const ToolLooked& event, bool has_committed, Instant now);

  // It was given something: that it waited counts no more.
  void note_fed() { waiting_since_.reset(); }

  void forget_process();

 private:
  std::optional<Instant> at_;
  std::optional<Duration> pause_;
  std::uint64_t count_ = 0;
  bool is_valid_ = false;  // Nothing was fed since it was asked for.
  bool has_rested_ = false;
  std::optional<Instant> waiting_since_;  // All looks since saw it asleep for something.
  std::optional<Instant> hidden_since_;   // No look since saw it at rest or at work.
  std::optional<Instant> resting_since_;  // All looks since saw it at rest.
};

// Whether a process that was just started may be given its first record: it waits for input, or for
// something, or nothing can be seen of it for a while. `is_successor`: the one before it died
// without an answer.
[[nodiscard]] bool seems_started(const Sight& sight, bool is_successor);

}  // namespace leat::node
