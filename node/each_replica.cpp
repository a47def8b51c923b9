#include "node/each_replica.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/ensure.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// Under load a commit point comes at least this often.
constexpr Duration kCommitTime = 100ms;
constexpr std::uint64_t kCommitBytes = std::uint64_t{8} << 20;
// As much of its own work as may be inside the tool.
constexpr Duration kInsideTime = 50ms;
constexpr std::uint32_t kInsideMax = 1U << 20;
// What may wait in memory for room in the tool's pipe.
constexpr std::uint64_t kUnacceptedMax = std::uint64_t{512} << 10;
// A tool that owes answers is looked at when it pauses so long, then less and less often.
constexpr Duration kOwingPause = 1ms;
constexpr Duration kOwingPauseMax = 50ms;
// One that has answered all is expected to rest at once.
constexpr Duration kRestPause = 20us;
constexpr Duration kRestPauseMax = 1ms;
// After so long without it, a tool that was never seen at rest is taken to hide it.
constexpr Duration kRestWait = 100ms;
// How long a process whose predecessor died unanswered may load before it is fed.
constexpr Duration kProbation = 10s;
constexpr Duration kProbationUnseeable = 1s;
constexpr Duration kForever = std::chrono::hours(24 * 365);
// Between restarts that a record may have caused, and between others.
constexpr Duration kPauseAfterRecord = 20ms;
constexpr Duration kPauseMax = 30s;
constexpr Duration kDiagnosis = 2s;
constexpr std::uint32_t kStartFailuresMax = 3;
// Answers held back to end-of-file by a tool that never gave one in time.
constexpr std::uint32_t kHeldBackMax = 3;
// Ends with status 0 that no record is to blame for.
constexpr std::uint32_t kContentedEndsMax = 2;

}  // namespace

EachReplica::EachReplica(Post post, std::uint64_t seed)
    : post_(std::move(post)), answers_(post_.stage.output), pause_(seed) {}

void EachReplica::advance(Turn& turn, std::uint64_t& next_tool) {
  if (has_ended_ || stage_failure_) return;
  if (!tool_) {
    // After an unterminated record the next process starts when there is something for it.
    if (turn.now >= start_at_ && (closing_ != Closing::kLast || turn.queue.has_work(turn.now))) {
      start(turn, next_tool);
    }
    return;
  }
  if (!is_started_) return;
  if (closing_ != Closing::kNo) {
    if (turn.now >= closing_until_) give_up_closing(turn);
    return;
  }
  if (is_on_probation_ && turn.now >= probation_until_) is_on_probation_ = false;
  feed(turn);
  check_timeout(turn);
  if (tool_ && look_at_ && turn.now >= *look_at_) look(turn);
}

void EachReplica::give_up_closing(Turn& turn) {
  if (closing_ == Closing::kLast) return fail(timeout_failure(*post_.stage.timeout), turn);
  turn.effects.push_back(EndTool{*tool_, true});
  closing_until_ = turn.now + kForever;
}

void EachReplica::start(Turn& turn, std::uint64_t& next_tool) {
  tool_ = ToolId{++next_tool};
  is_started_ = false;
  closing_ = Closing::kNo;
  turn.effects.push_back(start_order(post_, *tool_));
}

void EachReplica::on(const ToolStarted& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  is_started_ = true;
  started_at_ = turn.now;
  probation_until_ = turn.now + kProbation;
  if (is_on_probation_) look_again_later(turn.now);
}

void EachReplica::on(const ToolStartFailed& event, Turn& /*turn*/) {
  ENSURE(tool_ == event.tool);
  tool_.reset();
  stage_failure_ = "cannot start " + quote(post_.stage.argv) + ": " + event.reason;
}

bool EachReplica::must_commit_first(Instant now) const {
  if (given_count_ == 0) return false;
  // A process's first record is alone: its rest, or that it shows none, is known then.
  return !has_committed_ || given_bytes_ + answers_.bytes() >= kCommitBytes ||
         now - given_since_ >= kCommitTime || given_.front().is_suspect ||
         given_.front().is_unterminated;
}

WorkQueue::Room EachReplica::room() const {
  WorkQueue::Room room;
  room.is_empty_handed = given_count_ == 0;
  const std::uint32_t most =
      post_.stage.in_flight_max > 0 ? std::min(post_.stage.in_flight_max, allowance_) : allowance_;
  room.records = most - std::min(most, owed());
  room.bytes = kUnacceptedMax - std::min(kUnacceptedMax, unaccepted_bytes_);
  if (room.bytes == 0) room.records = 0;
  if (!given_.empty()) room.producer = given_.front().batch.producer;
  return room;
}

void EachReplica::feed(Turn& turn) {
  while (!is_on_probation_ && closing_ == Closing::kNo && !must_commit_first(turn.now)) {
    WorkQueue::Room space = room();
    const bool is_alone =
        !has_committed_ || turn.queue.is_cautious() || post_.stage.in_flight_max == 1;
    if (is_alone && given_count_ > 0) break;
    if (is_alone) space.records = std::min(space.records, 1U);
    std::optional<Portion> portion = turn.queue.take(space, turn.now);
    if (!portion) break;
    give(std::move(*portion), turn);
  }
  if (closing_ == Closing::kNo) plan_look(turn.now);
}

void EachReplica::give(Portion portion, Turn& turn) {
  if (given_count_ == 0) given_since_ = turn.now;
  if (owed() == 0) last_progress_ = turn.now;
  const Records& records = portion.batch.records;
  Bytes bytes = records.blob;
  if (portion.is_unterminated) bytes = bytes.slice(0, bytes.size() - records.separator.size());
  has_been_fed_ = true;
  given_count_ += records.count;
  given_bytes_ += bytes.size();
  unaccepted_bytes_ += bytes.size();
  is_look_valid_ = false;
  look_at_.reset();
  if (!bytes.empty()) turn.effects.push_back(FeedTool{*tool_, std::move(bytes)});
  if (portion.is_unterminated) {
    turn.effects.push_back(CloseStdin{*tool_});
    closing_ = Closing::kLast;
    closing_until_ = turn.now + post_.stage.timeout.value_or(kForever);
  }
  given_.push_back(std::move(portion));
}

// ---- Watching.

void EachReplica::plan_look(Instant now) {
  if (given_count_ == 0 || look_at_ || is_look_valid_) return;
  if (owed() == 0) {
    // Everything given is answered, and nothing more may be given now.
    settle_since_ = now;
    look_pause_ = kRestPause;
    look_at_ = now;
    return;
  }
  look_pause_ = kOwingPause;
  look_at_ = now + look_pause_;
}

void EachReplica::look(Turn& turn) {
  look_at_.reset();
  is_look_valid_ = true;
  turn.effects.push_back(LookAtTool{*tool_, ++look_count_});
}

void EachReplica::look_again_later(Instant now) {
  const bool is_owing = owed() > 0;
  const Duration least = is_owing ? Duration(kOwingPause) : Duration(kRestPause);
  const Duration most = is_owing ? Duration(kOwingPauseMax) : Duration(kRestPauseMax);
  look_pause_ = std::clamp(look_pause_ * 2, least, most);
  look_at_ = now + look_pause_;
}

void EachReplica::on(const ToolLooked& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  if (closing_ != Closing::kNo || !is_look_valid_ || event.look != look_count_) return;
  is_look_valid_ = false;
  if (is_on_probation_) {
    if (event.rest == Rest::kAtRest) is_on_probation_ = false;
    if (event.rest == Rest::kBusy) look_again_later(turn.now);
    if (event.rest == Rest::kUnseeable) probation_until_ = started_at_ + kProbationUnseeable;
    if (!is_on_probation_) start_failures_ = 0;
    return;
  }
  if (given_count_ == 0) return;
  const bool is_complete = owed() == 0 && answers_.pending_bytes() == 0;
  if (event.rest == Rest::kAtRest) {
    has_rested_ = true;
    return is_complete ? commit(turn) : diagnose(turn);
  }
  // Where rest cannot be seen, it is having answered as many as it was given. A tool that waits in
  // some other way than reading never looks at rest; one that once did is waited for.
  const bool has_waited = is_complete && turn.now - settle_since_ >= kRestWait;
  if (has_waited && !has_rested_) is_rest_hidden_ = true;
  const bool counts = event.rest == Rest::kUnseeable || (is_rest_hidden_ && !has_rested_);
  if (is_complete && counts) return commit(turn);
  look_again_later(turn.now);
}

void EachReplica::check_timeout(Turn& turn) {
  // One that has answered all and does not come to rest may be busy with a record whose answer was
  // another one's surplus.
  if (!post_.stage.timeout || given_count_ == 0) return;
  if (turn.now - last_progress_ < *post_.stage.timeout) return;
  fail(timeout_failure(*post_.stage.timeout), turn);
}

void EachReplica::on(const ToolAccepted& event, Turn& /*turn*/) {
  ENSURE(tool_ == event.tool);
  unaccepted_bytes_ -= std::min(unaccepted_bytes_, event.bytes);
}

void EachReplica::on(const ToolComplained& event, Turn& /*turn*/) {
  stderr_.add(event.bytes, post_.limits);
}

// ---- Answers.

void EachReplica::on(const ToolPrinted& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  if (closing_ == Closing::kEnd) {
    if (given_count_ == 0) late_bytes_ += event.bytes.size();
    return;
  }
  if (given_count_ == 0) {
    if (has_answered_) {
      turn.effects.push_back(Say{"stage '" + post_.stage.name + "': the tool printed " +
                                 plural(event.bytes.size(), "byte") +
                                 " after it had answered everything, and was started anew"});
      return fail({.kind = wire::FailureKind::kMismatch, .reason = "it printed unasked"}, turn);
    }
    stage_failure_ = quote(post_.stage.argv) + " printed " + plural(event.bytes.size(), "byte") +
                     " before it was given a record; mode each needs exactly one output for each "
                     "input: silence its banner, or use mode: window";
    turn.effects.push_back(EndTool{*tool_, true});
    return;
  }
  const std::uint32_t before = owed();
  const std::uint32_t answers = answers_.add(event.bytes);
  is_look_valid_ = false;
  look_at_.reset();
  if (answers > 0) has_answered_ = true;
  if (answers_.largest_record() > post_.limits.record_bytes_max) {
    return fail({.kind = wire::FailureKind::kOversize,
                 .reason = "the tool printed a record of more than limits.record_bytes (" +
                           std::to_string(post_.limits.record_bytes_max) + ")"},
                turn);
  }
  // What comes with end-of-file answers nothing; commit_last() takes the first.
  if (closing_ != Closing::kNo) return;
  if (answers > before) {
    return fail({.kind = wire::FailureKind::kMismatch,
                 .reason = "the tool answered " + plural(answers_.count(), "record") + " for " +
                           std::to_string(given_count_) +
                           "; mode each needs exactly one output for each input: use mode: window "
                           "if it prints more or fewer"},
                turn);
  }
  if (answers > 0) learn(answers, turn.now);
}

void EachReplica::learn(std::uint32_t answers, Instant now) {
  const Duration each = (now - last_progress_) / answers;
  service_.add(each, answers);
  last_progress_ = now;
  const auto ns = static_cast<double>(each.count());
  record_ns_ = record_ns_ > 0 ? record_ns_ + 0.2 * (ns - record_ns_) : std::max(ns, 1.0);
  answered_at_allowance_ += answers;
  if (answered_at_allowance_ < allowance_) return;
  answered_at_allowance_ = 0;
  const double inside = static_cast<double>(Duration(kInsideTime).count()) / record_ns_;
  const double most = std::clamp(inside, 1.0, static_cast<double>(kInsideMax));
  allowance_ = static_cast<std::uint32_t>(std::min(2.0 * allowance_, most));
}

void EachReplica::commit(Turn& turn) {
  turn.queue.note_answers(given_count_);
  push_results(answers_.take(given_count_), turn);
  start_failures_ = 0;
  has_ever_committed_ = true;
  has_committed_ = true;
  pause_.reset();
}

// ---- The end of a process.

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
  const std::string given = "read " + plural(given_count_, "record");
  if (!holds_back) {
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
    stage_failure_ = quote(post_.stage.argv) + " " + given +
                     ", slept without having answered, and answered only at end-of-file: it "
                     "buffers its output; " +
                     remedy;
    return;
  }
  blame({.kind = wire::FailureKind::kMismatch,
         .reason = "the tool " + given +
                   ", slept, and gave an answer only at end-of-file; if it "
                   "buffers its output, " +
                   remedy},
        turn);
}

void EachReplica::commit_last(Turn& turn) {
  const bool is_unterminated = answers_.count() == 0 && answers_.end_last();
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
    const bool has_answer = answers_.count() > 0 || answers_.pending_bytes() > 0;
    const bool is_well = !event.is_signal && (has_answer || event.status == 0);
    if (is_well) {
      commit_last(turn);
    } else {
      blame(failure_of(event), turn);
    }
  }
  if (closing == Closing::kDiagnosis) finish_diagnosis(turn);
  if (closing == Closing::kNo) died(event, turn);
  if (closing != Closing::kDiagnosis && late_bytes_ > 0 && !has_told_late_) {
    turn.effects.push_back(Say{"stage '" + post_.stage.name + "': " + plural(late_bytes_, "byte") +
                               " that it printed after the end of its input answered no record and "
                               "were dropped; mode: window with window: all keeps them"});
    has_told_late_ = true;
  }
  drop_process(turn);
  if (closing == Closing::kLast) {
    closing_ = Closing::kLast;
    start_at_ = turn.now;
  }
}

void EachReplica::died(const ToolEnded& event, Turn& turn) {
  const bool is_content = !event.is_signal && event.status == 0;
  // One that a record makes end is blamed on it; one that ends again and again without a culprit
  // does not read on until end-of-file.
  const bool has_culprit = given_count_ == 1;
  if (is_content && !has_culprit && ++contented_ends_ >= kContentedEndsMax) {
    stage_failure_ = quote(post_.stage.argv) +
                     " exited with status 0 before its input ended; mode each needs a tool that "
                     "reads on until end-of-file: use mode: window if this one does not";
    return;
  }
  if (!has_answered_ && is_on_probation_ && ++start_failures_ >= kStartFailuresMax) {
    stage_failure_ = quote(post_.stage.argv) + " " + describe(event) +
                     " before it read a record, " + std::to_string(start_failures_) +
                     " times in a row";
    return;
  }
  if (!has_answered_) is_on_probation_ = true;
  wire::Failure why = failure_of(event);
  if (is_content) why.reason += " before its input ended";
  blame(std::move(why), turn);
}

void EachReplica::drop_process(Turn& turn) {
  const bool was_asked = closing_ == Closing::kEnd || closing_ == Closing::kLast;
  if (!was_asked) {
    ++restarts_;
    start_at_ = turn.now + pause_.next(has_been_fed_ ? kPauseAfterRecord : kPauseMax);
  }
  forget_process();
}

void EachReplica::forget_process() {
  tool_.reset();
  is_started_ = false;
  closing_ = Closing::kNo;
  answers_.clear();
  // What the stage failed with is still to be told.
  if (!stage_failure_) stderr_.clear();
  has_answered_ = false;
  has_been_fed_ = false;
  has_committed_ = false;
  has_rested_ = false;
  is_rest_hidden_ = false;
  late_bytes_ = 0;
  unaccepted_bytes_ = 0;
  look_at_.reset();
  allowance_ = 1;
  answered_at_allowance_ = 0;
}

void EachReplica::fail(wire::Failure why, Turn& turn) {
  turn.effects.push_back(EndTool{*tool_, true});
  blame(std::move(why), turn);
  drop_process(turn);
}

void EachReplica::end(Turn& turn, bool kill) {
  has_ended_ = true;
  if (!tool_) return;
  turn.effects.push_back(EndTool{*tool_, kill, post_.stage.grace});
  if (closing_ != Closing::kLast) closing_ = Closing::kEnd;
}

std::optional<Instant> EachReplica::next_deadline(const WorkQueue& queue, Instant now) const {
  if (has_ended_ || stage_failure_) return std::nullopt;
  std::optional<Instant> next;
  const auto sooner = [&next](Instant at) {
    if (!next || at < *next) next = at;
  };
  if (!tool_) {
    if (closing_ != Closing::kLast || queue.has_work(now)) sooner(start_at_);
    return next;
  }
  if (!is_started_) return std::nullopt;
  if (closing_ != Closing::kNo) {
    sooner(closing_until_);
    return next;
  }
  if (look_at_) sooner(*look_at_);
  if (is_on_probation_) sooner(probation_until_);
  if (post_.stage.timeout && given_count_ > 0) sooner(last_progress_ + *post_.stage.timeout);
  return next;
}

}  // namespace leat::node
