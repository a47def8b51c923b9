// The part of EachReplica that has to do with the end of its process: what it tells of the tool,
// and what becomes of the records that were inside.

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/ensure.h"
#include "core/words.h"
#include "node/each_replica.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// Between restarts that a record may have caused, and between others.
constexpr Duration kPauseAfterRecord = 20ms;
constexpr Duration kPauseMax = 30s;
constexpr Duration kDiagnosis = 2s;
// After an unterminated record there is often nothing more: the next process waits for work, or so
// long.
constexpr Duration kPauseAfterLast = 100ms;
constexpr std::uint32_t kStartFailuresMax = 3;
// Answers held back to end-of-file by a tool that never gave one in time.
constexpr std::uint32_t kHeldBackMax = 3;
// Ends with status 0 that no record is to blame for.
constexpr std::uint32_t kContentedEndsMax = 2;

}  // namespace

void EachReplica::diagnose(Turn& turn) {
  // It sleeps on an empty input and owes answers. End-of-file tells whether it holds them back.
  turn.effects.push_back(CloseStdin{*tool_});
  closing_ = Closing::kDiagnosis;
  closing_until_ = turn.now + kDiagnosis;
  late_bytes_ = answers_.bytes();
}

void EachReplica::finish_diagnosis(Turn& turn) {
  const bool holds_back = answers_.bytes() > late_bytes_;
  const std::uint32_t answered = std::min(answers_.count(), given_count_);
  const std::string given = "read " + count_of(given_count_, "record");
  if (!holds_back) {
    turn.tally.count_restart(wire::FailureKind::kMismatch);
    blame({.kind = wire::FailureKind::kMismatch,
           .reason = "the tool " + given + ", answered " + std::to_string(answered) +
                     " and waits for more: it drops records, or ends them otherwise than its "
                     "output framing says; mode: window suits tools that do not answer one for "
                     "one"},
          turn);
    return;
  }
  const std::string remedy =
      "make it flush each record (stdbuf -oL or -o0, --line-buffered, --unbuffered, -u), or use "
      "mode: window";
  // A record may make a tool wait that otherwise answers; one that never answered buffers.
  if (!has_ever_committed_ && ++held_back_count_ >= kHeldBackMax) {
    return fail_stage(quote(post_.stage.argv) + " " + given +
                      ", slept without having answered, and answered only at end-of-file: it "
                      "buffers its output; " +
                      remedy);
  }
  turn.tally.count_restart(kBuffering);
  blame({.kind = wire::FailureKind::kMismatch,
         .reason = "the tool " + given +
                   ", slept, and gave an answer only at end-of-file; if it "
                   "buffers its output, " +
                   remedy},
        turn);
}

void EachReplica::commit_last(Turn& turn) {
  const bool is_unterminated = answers_.count() == 0 && answers_.end_last();
  if (const std::optional<std::string> malformed = answers_.malformed();
      malformed && answers_.count() == 0) {
    turn.tally.count_restart(wire::FailureKind::kMismatch);
    return blame({.kind = wire::FailureKind::kMismatch, .reason = *malformed}, turn);
  }
  late_bytes_ += answers_.bytes();
  Records outputs = answers_.take(1);
  late_bytes_ -= outputs.blob.size() - (is_unterminated ? outputs.separator.size() : 0);
  if (is_unterminated) {
    late_bytes_ = 0;
    outputs.attributes.push_back({0, 1, std::string(kUnterminated), ""});
  }
  // A tool may read a last line without newline as no line at all: then there is no output.
  if (outputs.count == 0) {
    for (Run& run : given_.front().batch.runs) {
      run.outputs = 0;
    }
    given_.front().batch.records = {};
  }
  push_results(std::move(outputs), turn);
}

void EachReplica::on(const ToolEnded& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  const Closing closing = closing_;
  if (closing == Closing::kLast) {
    // One that fails may have been cut off in the middle of an answer.
    const bool is_well = !event.is_signal && (answers_.count() > 0 || event.status == 0);
    if (is_well) {
      commit_last(turn);
    } else {
      wire::Failure why = failure_of(event, post_.stage, stderr_.text());
      turn.tally.count_restart(why.kind);
      blame(std::move(why), turn);
    }
  }
  if (closing == Closing::kDiagnosis) finish_diagnosis(turn);
  if (closing == Closing::kNo) died(event, turn);
  if (closing != Closing::kDiagnosis && late_bytes_ > 0 && !has_told_late_) {
    turn.effects.push_back(Say{"stage '" + post_.stage.name +
                               "': " + count_of(late_bytes_, "byte") +
                               " that it printed after the end of its input answered no record and "
                               "were dropped; mode: window with window: all keeps them"});
    has_told_late_ = true;
  }
  drop_process(turn);
  if (closing == Closing::kLast) {
    closing_ = Closing::kLast;
    start_at_ = turn.now + kPauseAfterLast;
  }
}

void EachReplica::died(const ToolEnded& event, Turn& turn) {
  if (stage_failure_) return;
  const bool is_content = !event.is_signal && event.status == 0;
  // One that a record makes end is blamed on it; one that ends again and again without a culprit
  // does not read on until end-of-file.
  const bool has_culprit = given_count_ == 1;
  if (is_content && !has_culprit && ++contented_ends_ >= kContentedEndsMax) {
    return fail_stage(quote(post_.stage.argv) +
                      " exited with status 0 before its input ended; mode each needs a tool that "
                      "reads on until end-of-file: use mode: window if this one does not");
  }
  if (!has_answered_ && is_on_probation_ && ++start_failures_ >= kStartFailuresMax) {
    return fail_stage(quote(post_.stage.argv) + " " + describe(event) +
                      " before it read a record, " + std::to_string(start_failures_) +
                      " times in a row" + limit_met(event, post_.stage, stderr_.text()));
  }
  if (!has_answered_) is_on_probation_ = true;
  wire::Failure why = failure_of(event, post_.stage, stderr_.text());
  turn.tally.count_restart(why.kind);
  if (is_content) why.reason += " before its input ended";
  blame(std::move(why), turn);
}

void EachReplica::drop_process(Turn& turn) {
  const bool was_asked = closing_ == Closing::kEnd || closing_ == Closing::kLast;
  if (!was_asked) {
    start_at_ = turn.now + pause_.next(has_been_fed_ ? kPauseAfterRecord : kPauseMax);
  }
  forget_process();
}

void EachReplica::forget_process() {
  tool_.reset();
  is_started_ = false;
  closing_ = Closing::kNo;
  prelude_.begin_anew();
  answers_.clear();
  // What the stage failed with is still to be told.
  if (!stage_failure_) stderr_.clear();
  has_answered_ = false;
  has_been_fed_ = false;
  has_committed_ = false;
  has_rested_ = false;
  is_rest_hidden_ = false;
  waiting_since_.reset();
  late_bytes_ = 0;
  unaccepted_bytes_ = 0;
  look_at_.reset();
  allowance_ = 1;
  answered_at_allowance_ = 0;
}

void EachReplica::fail(wire::Failure why, Turn& turn) {
  turn.effects.push_back(EndTool{*tool_, true});
  turn.tally.count_restart(why.kind);
  blame(std::move(why), turn);
  drop_process(turn);
}

void EachReplica::fail_stage(std::string reason) {
  if (!stage_failure_) stage_failure_ = std::move(reason);
}

}  // namespace leat::node
