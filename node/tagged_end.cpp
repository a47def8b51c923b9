// The part of TaggedReplica that has to do with time that is up, and with the end of its process.

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/ensure.h"
#include "core/words.h"
#include "node/tagged_replica.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// Between restarts that a record may have caused, and between others.
constexpr Duration kPauseAfterRecord = 20ms;
constexpr Duration kPauseMax = 30s;
constexpr Duration kSilenceTime = 10s;

}  // namespace

// ---- Time.

std::optional<Instant> TaggedReplica::late_at() const {
  if (!post_.stage.timeout || inside_.is_empty()) return std::nullopt;
  const Duration timeout = *post_.stage.timeout;
  const TaggedInside::Oldest oldest = inside_.oldest();
  // One that others overtake has the time that all of them would take one by one.
  const auto ahead = std::min<Duration::rep>(static_cast<Duration::rep>(oldest.ahead),
                                             Duration(24h * 365) / timeout);
  return std::min(last_progress_ + timeout, oldest.since + timeout * ahead);
}

Instant TaggedReplica::silence_at() const {
  return last_progress_ + kSilenceTime;
}

void TaggedReplica::check_timeout(Turn& turn) {
  const std::optional<Instant> late = late_at();
  if (late && turn.now >= *late) {
    const bool is_overtaken = turn.now < last_progress_ + *post_.stage.timeout;
    const auto culprit =
        is_overtaken ? std::optional(inside_.oldest().id) : std::optional<std::uint64_t>();
    wire::Failure why = timeout_failure(*post_.stage.timeout);
    why.reason += words_on_part();
    return fail(std::move(why), culprit, turn);
  }
  const bool is_silent = !inside_.is_empty() && !has_told_silence_ && turn.now >= silence_at();
  if (!is_silent) return;
  has_told_silence_ = true;
  turn.effects.push_back(
      Say{"stage '" + post_.stage.name + "': " + quote(post_.stage.argv) + " owes " +
          count_of(inside_.count(), "answer") + " for " + std::to_string(kSilenceTime / 1s) + " s" +
          words_on_part() +
          ", and whether it works or waits cannot be seen (threads, children, poll); does it "
          "flush its output behind each frame? `timeout:` ends such a wait"});
}

std::string TaggedReplica::words_on_part() const {
  if (splitter_.is_between()) return "";
  const std::uint64_t whole = splitter_.record_bytes_min();
  return "; " + count_of(splitter_.pending_bytes(), "byte") + " of an answer of " +
         std::to_string(whole) + " had come";
}

void TaggedReplica::let_out(Turn& turn) {
  is_let_out_ = true;
  turn.effects.push_back(EndTool{*tool_, false, post_.stage.grace});
  if (has_told_letting_out_) return;
  has_told_letting_out_ = true;
  turn.effects.push_back(
      Say{"stage '" + post_.stage.name + "': " + quote(post_.stage.argv) + " waits for more and " +
          "owes " + count_of(inside_.count(), "answer") +
          ": its input ends whenever there is no more for it, and it is started anew; one that "
          "answers and flushes each record lives on"});
}

// ---- Its end.

void TaggedReplica::end(Turn& turn, bool kill) {
  has_ended_ = true;
  if (tool_) turn.effects.push_back(EndTool{*tool_, kill, post_.stage.grace});
}

void TaggedReplica::on(const ToolEnded& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  if (!has_ended_ && !stage_failure_) died(event, turn);
  if (late_bytes_ > 0) {
    turn.effects.push_back(Say{"stage '" + post_.stage.name +
                               "': " + count_of(std::exchange(late_bytes_, 0), "byte") +
                               " that it printed after the end of its input answered no record "
                               "and were dropped"});
  }
  drop_process(turn);
}

void TaggedReplica::died(const ToolEnded& event, Turn& turn) {
  if (is_let_out_) {
    if (inside_.is_empty()) return;
    turn.tally.count_restart(wire::FailureKind::kMismatch);
    return blame({.kind = wire::FailureKind::kMismatch,
                  .reason = "the tool waited for more input, and ended without an answer when its "
                            "input ended" +
                            words_on_part()},
                 std::nullopt, turn);
  }
  stage_failure_ =
      deaths_.note(event, post_, stderr_.text(), wear_.fed() > 0, inside_.count() == 1);
  if (stage_failure_) return;
  wire::Failure why = failure_of(event, post_.stage, stderr_.text());
  if (!event.closed.empty()) {
    why = {.kind = wire::FailureKind::kMismatch,
           .reason = "the tool closed " + event.closed + " before its input ended"};
  }
  turn.tally.count_restart(why.kind);
  if (!event.is_signal && event.status == 0) why.reason += " before its input ended";
  why.reason += words_on_part();
  blame(std::move(why), std::nullopt, turn);
}

void TaggedReplica::fail(wire::Failure why, std::optional<std::uint64_t> culprit, Turn& turn) {
  turn.effects.push_back(EndTool{*tool_, true});
  turn.tally.count_restart(why.kind);
  blame(std::move(why), culprit, turn);
  drop_process(turn);
}

void TaggedReplica::blame(wire::Failure why, std::optional<std::uint64_t> culprit, Turn& turn) {
  if (inside_.is_empty()) return;
  why.stderr_tail = stderr_.text();
  why.elapsed_ns = static_cast<std::uint64_t>((turn.now - last_progress_).count());
  wasted_ += take_busy(turn.now);
  pace_.drop_service();
  if (!culprit && inside_.count() == 1) culprit = inside_.oldest().id;
  std::optional<Portion> known;
  if (culprit) known = inside_.take(*culprit);
  if (known) turn.queue.clear_suspicion();
  // Back to the queue's front, the last first; with the culprit before all, which it was given
  // with.
  std::vector<Portion> rest = inside_.take_all();
  for (auto part = rest.rbegin(); part != rest.rend(); ++part) {
    part->is_suspect = part->attempts > 0 || !known;
    turn.queue.push_front(std::move(*part));
  }
  if (known) charge_one(*std::move(known), std::move(why), turn);
}

void TaggedReplica::charge_one(Portion culprit, wire::Failure why, Turn& turn) {
  if (charge(here(), std::move(culprit), std::move(why), turn)) deaths_.note_culprit();
}

void TaggedReplica::drop_process(Turn& turn) {
  const bool was_asked = is_let_out_ && has_answered_;
  if (!was_asked) {
    pace_.begin_anew();
    start_at_ = turn.now + pause_.next(wear_.fed() > 0 ? kPauseAfterRecord : kPauseMax);
  }
  was_unanswered_ = !has_answered_;
  tool_.reset();
  is_started_ = false;
  is_on_probation_ = false;
  is_let_out_ = false;
  has_answered_ = false;
  wear_.forget_process();
  opening_.begin_anew();
  lookout_.forget_process();
  splitter_.reset();
  blob_.clear();
  lengths_.clear();
  unaccepted_bytes_ = 0;
  heard_ = {};
  // What the stage failed with is still to be told.
  if (!stage_failure_) stderr_.clear();
}

void TaggedReplica::fail_stage(std::string reason, Turn& turn) {
  stage_failure_ = std::move(reason);
  turn.effects.push_back(EndTool{*tool_, true});
}

}  // namespace leat::node
