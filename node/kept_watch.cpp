// The part of KeptReplica that looks at its process: whether it rests, and what follows.

#include <chrono>

#include "core/ensure.h"
#include "core/words.h"
#include "node/kept_replica.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// Answers owed for so long are worth a word when nobody can see why.
constexpr Duration kSilenceTime = 10s;
// Who waits so long for something other than input is fed nevertheless, and who hides: that one
// later, if its predecessor died without an answer.
constexpr Duration kProbationHidden = 100ms;
constexpr Duration kProbationSuspect = 1s;

}  // namespace

void KeptReplica::plan_look(Instant now) {
  look_pause_ = given_.is_empty()
                    ? patient_pause(look_pause_)
                    : ask([this](const auto& c) { return c.look_pause(given_, look_pause_); });
  look_at_ = now + *look_pause_;
}

void KeptReplica::cancel_look() {
  look_at_.reset();
  look_pause_.reset();
  is_look_valid_ = false;
}

void KeptReplica::look(Turn& turn) {
  look_at_.reset();
  is_look_valid_ = true;
  turn.effects.push_back(LookAtTool{*tool_, ++look_count_});
}

Sight KeptReplica::sight_of(const ToolLooked& event, Instant now) {
  const bool is_waiting = event.rest == Rest::kWaiting;
  const bool is_hidden = event.rest != Rest::kAtRest && event.rest != Rest::kBusy;
  if (!is_waiting) waiting_since_.reset();
  if (!is_hidden) hidden_since_.reset();
  if (is_waiting && !waiting_since_) waiting_since_ = now;
  if (is_hidden && !hidden_since_) hidden_since_ = now;
  if (event.rest == Rest::kAtRest) has_rested_ = true;
  return {.rest = event.rest,
          .reason = event.reason,
          .has_rested = has_rested_,
          .has_committed = has_ever_committed_,
          .waited = now - waiting_since_.value_or(now),
          .hidden = now - hidden_since_.value_or(now)};
}

void KeptReplica::on(const ToolLooked& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  if (closing_ != Closing::kNo || !is_look_valid_ || event.look != look_count_) return;
  is_look_valid_ = false;
  const Sight sight = sight_of(event, turn.now);
  if (!opening_.is_over() || is_on_probation_) return look_before_feeding(sight, turn);
  if (is_replaying_) return look_after_replay(sight, turn);
  if (given_.is_empty()) return;
  const Verdict verdict = ask([&](auto& c) { return c.judge(given_, sight); });
  switch (verdict.kind) {
    case Verdict::Kind::kWait:
      tell_silence(event.rest, turn);
      return plan_look(turn.now);
    case Verdict::Kind::kCommit:
      return commit(turn);
    case Verdict::Kind::kClose:
      return test_end(turn);
    case Verdict::Kind::kRefuse:
      return fail_stage_and_end(quote(post_.stage.argv) + " " + verdict.reason, turn);
  }
}

void KeptReplica::look_after_replay(const Sight& sight, Turn& turn) {
  is_replaying_ = sight.rest != Rest::kAtRest;
  if (!is_replaying_) return cancel_look();
  const Verdict verdict = ask([&](auto& c) { return c.judge(given_, sight); });
  if (verdict.kind != Verdict::Kind::kRefuse) return plan_look(turn.now);
  fail_stage_and_end(quote(post_.stage.argv) + " " + verdict.reason, turn);
}

void KeptReplica::look_before_feeding(const Sight& sight, Turn& turn) {
  if (!opening_.is_over()) {
    const bool is_all_heard = opening_.is_on_stdout();
    if (sight.rest == Rest::kAtRest && is_all_heard) return miss_opening(turn);
    return plan_look(turn.now);
  }
  if (is_filter()) {
    const Verdict verdict = ask([&](auto& c) { return c.judge(given_, sight); });
    if (verdict.kind == Verdict::Kind::kRefuse) {
      return fail_stage_and_end(quote(post_.stage.argv) + " " + verdict.reason, turn);
    }
  }
  const bool is_waiting = sight.rest == Rest::kWaiting;
  const Duration hidden_max =
      was_unanswered_ && !is_waiting ? Duration(kProbationSuspect) : Duration(kProbationHidden);
  const bool has_waited = !is_filter() && sight.hidden >= hidden_max;
  if (sight.rest != Rest::kAtRest && !has_waited) return plan_look(turn.now);
  is_on_probation_ = false;
  deaths_.note_start();
}

void KeptReplica::tell_silence(Rest rest, Turn& turn) {
  const bool is_owing = is_filter() || given_.owed() > 0;
  const bool is_silent = is_owing && rest != Rest::kBusy && !has_told_silence_ &&
                         turn.now - given_.last_progress() >= kSilenceTime;
  if (!is_silent) return;
  has_told_silence_ = true;
  const std::string what =
      is_filter() ? "has not come to rest" : "owes " + count_of(given_.owed(), "answer");
  turn.effects.push_back(
      Say{"stage '" + post_.stage.name + "': " + quote(post_.stage.argv) + " " + what + " for " +
          std::to_string(kSilenceTime / 1s) +
          " s, and whether it works or waits cannot be seen (threads, children, poll); if it "
          "buffers its output, " +
          flush_remedy(post_.stage) + "; `timeout:` ends such a wait"});
}

std::optional<Instant> KeptReplica::busy_since() const {
  if (is_replaying_) return replay_since_;
  return given_.is_empty() ? std::nullopt : std::optional(given_.last_progress());
}

void KeptReplica::check_timeout(Turn& turn) {
  // One that has answered all and does not come to rest may be busy with a record whose answer was
  // another one's surplus.
  const std::optional<Instant> since = busy_since();
  if (!post_.stage.timeout || !since || turn.now - *since < *post_.stage.timeout) return;
  if (is_replaying_) lose_history(turn);
  fail(timeout_failure(*post_.stage.timeout), turn);
}

}  // namespace leat::node
