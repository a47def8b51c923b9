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

}  // namespace

void KeptReplica::plan_look(Instant now) {
  const std::optional<Duration> last = lookout_.pause();
  lookout_.plan(now, given_.is_empty() ? patient_pause(last) : ask([&](const auto& c) {
                  return c.look_pause(given_, last);
                }));
}

void KeptReplica::on(const ToolLooked& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  if (closing_ != Closing::kNo || !lookout_.take(event)) return;
  const Sight sight = lookout_.see(event, has_ever_committed_, turn.now);
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
  if (!is_replaying_) return lookout_.cancel();
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
  const bool is_started =
      is_filter() ? sight.rest == Rest::kAtRest : seems_started(sight, was_unanswered_);
  if (!is_started) return plan_look(turn.now);
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
