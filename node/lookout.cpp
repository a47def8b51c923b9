#include "node/lookout.h"

#include <chrono>

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// Who waits so long for something other than input is fed nevertheless, and who hides: that one
// later, if its predecessor died without an answer.
constexpr Duration kHiddenMax = 100ms;
constexpr Duration kSuspectHiddenMax = 1s;

// How long the condition has held at each look, this one included.
Duration lasting(std::optional<Instant>& since, bool holds, Instant now) {
  if (!holds) since.reset();
  if (holds && !since) since = now;
  return now - since.value_or(now);
}

}  // namespace

Sight Lookout::see(const ToolLooked& event, bool has_committed, Instant now) {
  const bool is_hidden = event.rest != Rest::kAtRest && event.rest != Rest::kBusy;
  if (event.rest == Rest::kAtRest) has_rested_ = true;
  return {.rest = event.rest,
          .reason = event.reason,
          .has_rested = has_rested_,
          .has_committed = has_committed,
          .waited = lasting(waiting_since_, event.rest == Rest::kWaiting, now),
          .hidden = lasting(hidden_since_, is_hidden, now),
          .rested = lasting(resting_since_, event.rest == Rest::kAtRest, now)};
}

void Lookout::forget_process() {
  cancel();
  has_rested_ = false;
  waiting_since_.reset();
  hidden_since_.reset();
}

bool seems_started(const Sight& sight, bool is_successor) {
  if (sight.rest == Rest::kAtRest) return true;
  const bool is_waiting = sight.rest == Rest::kWaiting;
  return sight.hidden >= (is_successor && !is_waiting ? kSuspectHiddenMax : kHiddenMax);
}

}  // namespace leat::node
