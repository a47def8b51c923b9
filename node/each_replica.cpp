#include "node/each_replica.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/ensure.h"
#include "core/words.h"
#include "framing/stream.h"

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
// Answers owed for so long are worth a word when nobody can see why.
constexpr Duration kSilenceTime = 10s;
// A model may take its time before its tool greets.
constexpr Duration kPreludeTime = 300s;
// How long a process whose predecessor died unanswered may load before it is fed.
constexpr Duration kProbation = 10s;
constexpr Duration kProbationUnseeable = 1s;
constexpr Duration kForever = std::chrono::hours(24 * 365);
// So much of what comes with end-of-file tells enough.
constexpr std::size_t kDiagnosisBytesMax = std::size_t{64} << 10;

}  // namespace

EachReplica::EachReplica(Post post, std::uint64_t seed)
    : post_(std::move(post)), prelude_(post_.stage), answers_(post_.stage.output), pause_(seed) {}

void EachReplica::advance(Turn& turn, std::uint64_t& next_tool) {
  if (has_ended_) return;
  if (is_retired_ && (given_count_ == 0 || stage_failure_)) return end(turn, false);
  if (stage_failure_) return;
  if (!tool_) {
    const bool is_wanted = closing_ == Closing::kLast && turn.queue.has_work(turn.now);
    if (turn.now >= start_at_ || is_wanted) start(turn, next_tool);
    return;
  }
  if (!is_started_) return;
  if (closing_ != Closing::kNo) {
    if (turn.now >= closing_until_) give_up_closing(turn);
    return;
  }
  if (is_on_probation_ && turn.now >= probation_until_) is_on_probation_ = false;
  if (!prelude_.is_over() && turn.now - started_at_ >= kPreludeTime) {
    return fail_at_prelude("within " + std::to_string(kPreludeTime / 1s) + " s", turn);
  }
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
  pause_.note_start();
  started_at_ = turn.now;
  probation_until_ = turn.now + kProbation;
  if (is_on_probation_ || !prelude_.is_over()) look_again_later(turn.now);
}

void EachReplica::on(const ToolStartFailed& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  tool_.reset();
  if (has_ended_) return;
  const std::optional<Instant> again = retry_start(event, post_, pause_, turn);
  if (!again) return fail_stage(event.reason);
  start_at_ = *again;
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
  while (prelude_.is_over() && !is_on_probation_ && !is_retired_ && closing_ == Closing::kNo &&
         !must_commit_first(turn.now)) {
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
  Bytes bytes = framing::stream_of(records, post_.stage.input);
  if (portion.is_unterminated) bytes = bytes.slice(0, bytes.size() - records.separator.size());
  has_been_fed_ = true;
  waiting_since_.reset();
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
  if (event.rest != Rest::kWaiting) waiting_since_.reset();
  if (event.rest == Rest::kWaiting && !waiting_since_) waiting_since_ = turn.now;
  const bool has_waited = waiting_since_ && turn.now - *waiting_since_ >= kRestWait;
  if (!prelude_.is_over()) {
    if (event.rest == Rest::kAtRest) return fail_at_prelude("and waits for input", turn);
    return look_again_later(turn.now);
  }
  if (is_on_probation_) {
    if (event.rest == Rest::kAtRest || has_waited) is_on_probation_ = false;
    if (event.rest == Rest::kBusy || event.rest == Rest::kWaiting) look_again_later(turn.now);
    if (event.rest == Rest::kUnseeable) probation_until_ = started_at_ + kProbationUnseeable;
    if (!is_on_probation_) start_failures_ = 0;
    return;
  }
  if (given_count_ == 0) return;
  const bool is_complete = owed() == 0 && answers_.is_between();
  if (event.rest == Rest::kAtRest) {
    has_rested_ = true;
    return is_complete ? commit(turn) : diagnose(turn);
  }
  // Where rest cannot be seen, it is having answered as many as it was given. A tool that waits in
  // some other way than reading never looks at rest; one that once did is waited for, and so is one
  // that works.
  if (is_complete && has_waited && !has_rested_) is_rest_hidden_ = true;
  const bool is_hidden = event.rest == Rest::kWaiting && is_rest_hidden_ && !has_rested_;
  if (is_complete && (event.rest == Rest::kUnseeable || is_hidden)) return commit(turn);
  tell_silence(event.rest, turn);
  look_again_later(turn.now);
}

void EachReplica::tell_silence(Rest rest, Turn& turn) {
  const bool is_silent = owed() > 0 && rest != Rest::kBusy && !has_told_silence_ &&
                         turn.now - last_progress_ >= kSilenceTime;
  if (!is_silent) return;
  has_told_silence_ = true;
  turn.effects.push_back(
      Say{"stage '" + post_.stage.name + "': " + quote(post_.stage.argv) + " owes " +
          count_of(owed(), "answer") + " for " +
          std::to_string(std::chrono::duration_cast<std::chrono::seconds>(kSilenceTime).count()) +
          " s, and whether it works or waits cannot be seen (threads, children, poll); if it "
          "buffers its output, make it flush each record (stdbuf -oL, --line-buffered, "
          "--unbuffered, -u), or use mode: window; `timeout:` ends such a wait"});
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
  if (prelude_.is_over()) return hear(event.bytes, turn);
  const std::string_view rest = prelude_.skip(event.bytes);
  if (prelude_.is_too_long()) {
    return fail_at_prelude("in " + count_of(Prelude::kBytesMax, "byte"), turn);
  }
  if (!prelude_.is_over()) return;
  look_at_.reset();
  is_look_valid_ = false;
  if (!rest.empty()) hear(rest, turn);
}

void EachReplica::fail_at_prelude(const std::string& why, Turn& turn) {
  const spec::Prelude& prelude = *post_.stage.prelude;
  const std::string expected = prelude.until.empty()
                                   ? count_of(prelude.records, "record")
                                   : "a line that matches '" + prelude.until + "'";
  fail_stage(quote(post_.stage.argv) + " has not printed its prelude (" + expected + ") " + why +
             ": is `prelude` right, and does it flush what it prints?");
  turn.effects.push_back(EndTool{*tool_, true});
}

void EachReplica::hear(std::string_view bytes, Turn& turn) {
  if (given_count_ == 0 && answers_.is_nothing(bytes)) {
    (void)answers_.add(bytes);
    return;
  }
  if (given_count_ == 0) {
    if (has_answered_) {
      turn.effects.push_back(Say{"stage '" + post_.stage.name + "': the tool printed " +
                                 count_of(bytes.size(), "byte") +
                                 " after it had answered everything, and was started anew"});
      return fail({.kind = wire::FailureKind::kMismatch, .reason = "it printed unasked"}, turn);
    }
    fail_stage(quote(post_.stage.argv) + " printed " + count_of(bytes.size(), "byte") +
               " before it was given a record; mode each needs exactly one output for each input: "
               "drop its banner with `prelude: {records: 1}`, silence it, or use mode: window");
    turn.effects.push_back(EndTool{*tool_, true});
    return;
  }
  // After end-of-file only the first answer matters, or that there is one.
  const bool has_last = closing_ == Closing::kLast && answers_.count() > 0;
  const bool is_diagnosed =
      closing_ == Closing::kDiagnosis && answers_.bytes() > late_bytes_ + kDiagnosisBytesMax;
  if (has_last) late_bytes_ += bytes.size();
  if (has_last || is_diagnosed) return;
  const std::uint32_t before = owed();
  const std::uint32_t answers = answers_.add(bytes);
  is_look_valid_ = false;
  look_at_.reset();
  if (answers > 0) has_answered_ = true;
  if (std::optional<wire::Failure> fault = fault_of_output()) return fail(*std::move(fault), turn);
  // What comes with end-of-file answers nothing; commit_last() takes the first.
  if (closing_ != Closing::kNo) return;
  if (answers > before) {
    return fail({.kind = wire::FailureKind::kMismatch,
                 .reason = "the tool answered " + count_of(answers_.count(), "record") + " for " +
                           std::to_string(given_count_) +
                           "; mode each needs exactly one output for each input: use mode: window "
                           "if it prints more or fewer"},
                turn);
  }
  if (answers > 0) learn(answers, turn.now);
}

std::optional<wire::Failure> EachReplica::fault_of_output() const {
  const bool has_last = closing_ == Closing::kLast && answers_.count() > 0;
  const std::optional<std::string> malformed = answers_.malformed();
  if (malformed && !has_last) {
    return wire::Failure{.kind = wire::FailureKind::kMismatch, .reason = *malformed};
  }
  if (answers_.largest_record() > printed_record_max(post_)) {
    return wire::Failure{
        .kind = wire::FailureKind::kOversize,
        .reason = "the tool printed a record of more than " + printed_record_limit(post_)};
  }
  // Of one record that is inside alone the record's limit is enough.
  const bool may_be_many = given_count_ > 1 && closing_ == Closing::kNo;
  if (may_be_many && answers_.bytes() > post_.printed_bytes_max) {
    return wire::Failure{.kind = wire::FailureKind::kOversize,
                         .reason = "the tool printed more than " +
                                   std::to_string(post_.printed_bytes_max) +
                                   " bytes at once, for " + count_of(given_count_, "record")};
  }
  return std::nullopt;
}

void EachReplica::learn(std::uint32_t answers, Instant now) {
  // The clock is read once in a turn: what is printed in the same one came in the same time.
  if (now > last_progress_) {
    count_burst();
    burst_time_ = now - last_progress_;
    const double ns = static_cast<double>(burst_time_.count()) / answers;
    record_ns_ = record_ns_ > 0 ? record_ns_ + 0.2 * (ns - record_ns_) : std::max(ns, 1.0);
  }
  burst_answers_ += answers;
  last_progress_ = now;
  answered_at_allowance_ += answers;
  if (answered_at_allowance_ < allowance_) return;
  answered_at_allowance_ = 0;
  const double inside = static_cast<double>(Duration(kInsideTime).count()) / record_ns_;
  const double most = std::clamp(inside, 1.0, static_cast<double>(kInsideMax));
  allowance_ = static_cast<std::uint32_t>(std::min(2.0 * allowance_, most));
}

void EachReplica::count_burst() {
  if (burst_answers_ > 0) service_.add(burst_time_ / burst_answers_, burst_answers_);
  burst_answers_ = 0;
}

void EachReplica::commit(Turn& turn) {
  turn.queue.note_answers(given_count_);
  push_results(answers_.take(given_count_), turn);
  start_failures_ = 0;
  has_ever_committed_ = true;
  has_committed_ = true;
  pause_.reset();
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
    sooner(closing_ == Closing::kLast && queue.has_work(now) ? now : start_at_);
    return next;
  }
  if (!is_started_) return std::nullopt;
  if (closing_ != Closing::kNo) {
    sooner(closing_until_);
    return next;
  }
  if (look_at_) sooner(*look_at_);
  if (!prelude_.is_over()) sooner(started_at_ + kPreludeTime);
  if (is_on_probation_) sooner(probation_until_);
  if (post_.stage.timeout && given_count_ > 0) sooner(last_progress_ + *post_.stage.timeout);
  return next;
}

}  // namespace leat::node
