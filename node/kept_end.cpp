// The part of KeptReplica that has to do with commit points and with the end of its process: what
// becomes of the records that were inside, and what the end tells of the tool.

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/ensure.h"
#include "core/words.h"
#include "node/kept_replica.h"
#include "node/langpack.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// Between restarts that a record may have caused, and between others.
constexpr Duration kPauseAfterRecord = 20ms;
constexpr Duration kPauseMax = 30s;
// What a tool may take to end when it is given end-of-file to see what comes then.
constexpr Duration kTestTime = 2s;
// After an unterminated record there is often nothing more: the next process waits for work, or so
// long.
constexpr Duration kPauseAfterLast = 100ms;
// Answers held back to end-of-file by a tool that never gave one in time.
constexpr std::uint32_t kHeldBackMax = 3;

}  // namespace

// ---- Commit points.

void KeptReplica::commit(Turn& turn) {
  if (post_.stage.langpack) return commit_answer(turn);
  if (is_filter()) {
    pace_.note(given_.count(), std::max<Duration>(turn.now - given_.since(), Duration(1)));
  } else {
    turn.queue.note_answers(given_.count());
  }
  const std::uint32_t inputs = given_.count();
  push_results(ask([this](auto& c) { return c.results(given_); }), inputs, given_.since(), turn);
  if (closing_ == Closing::kNo) history_.close();
  keep_history(turn);
  note_commit();
}

void KeptReplica::note_commit() {
  deaths_.note_start();
  has_ever_committed_ = true;
  has_committed_ = true;
  was_unanswered_ = false;
  pause_.reset();
}

void KeptReplica::commit_answer(Turn& turn) {
  const Records answer = given_.answers().take(1);  // Only one record is inside.
  const auto decoded = decode_answer(RecordReader(answer).next());
  if (!decoded) {
    return fail({.kind = wire::FailureKind::kMismatch,
                 .reason = "the tool's answer " + decoded.error().message},
                turn);
  }
  note_commit();
  if (const auto* const error = std::get_if<LangpackError>(&*decoded)) {
    if (!error->stacktrace.empty()) stderr_.add(error->stacktrace + "\n");
    return refuse({.kind = wire::FailureKind::kTool,
                   .reason = "the tool answered with an error: " + error->reason},
                  turn);
  }
  Result<Records> result = frame_result(std::get<std::string>(*decoded), post_.stage.output);
  if (!result) {
    return refuse(
        {.kind = wire::FailureKind::kMismatch,
         .reason = "the tool's result cannot be handed on: in its output framing, " +
                   framing::to_string(post_.stage.output) + ", " + result.error().message},
        turn);
  }
  turn.queue.note_answers(1);
  const Instant since = given_.since();
  push_results(given_.take_one_for_one(*std::move(result)), 1, since, turn);
}

void KeptReplica::push_results(std::vector<wire::LeaseResult> results, std::uint32_t inputs,
                               Instant since, Turn& turn) {
  const Duration busy = std::max<Duration>(turn.now - since, Duration(1));
  Histogram service = pace_.take_service();
  for (wire::LeaseResult& result : results) {
    const auto count = static_cast<Duration::rep>(input_count(result.outputs.runs));
    const Duration here = busy * std::max<Duration::rep>(count, 1) / std::max(inputs, 1U) +
                          std::exchange(wasted_, {});
    result.busy_ns = static_cast<std::uint64_t>(here.count());
    // The times of all went into one histogram; the first result brings them home.
    result.service = std::exchange(service, {}).counts();
    result.said = std::exchange(heard_, {});
    opening_.banner().put_ahead(result);
    turn.results.push_back(std::move(result));
  }
  lookout_.cancel();
}

void KeptReplica::commit_last(Turn& turn) {
  Answers& answers = given_.answers();
  const bool is_first = answers.count() == 0;
  const bool is_unterminated = (is_first || is_filter()) && answers.end_last();
  if (const std::optional<std::string> malformed = answers.malformed();
      malformed && (is_first || is_filter())) {
    turn.tally.count_restart(wire::FailureKind::kMismatch);
    return blame({.kind = wire::FailureKind::kMismatch, .reason = *malformed}, turn);
  }
  const std::uint32_t inputs = given_.count();
  late_bytes_ += answers.bytes();
  Records outputs = answers.take(is_filter() ? answers.count() : 1);
  late_bytes_ -= outputs.blob.size() - (is_unterminated ? outputs.separator.size() : 0);
  if (is_unterminated) {
    late_bytes_ = 0;
    outputs.attributes.push_back({outputs.count - 1, 1, std::string(kUnterminated), ""});
  }
  std::vector<wire::LeaseResult> results;
  if (is_filter()) {
    late_bytes_ = 0;
    results.push_back(given_.take_together(std::move(outputs)));
  } else {
    // A tool may read a last line without newline as no line at all: then there is no output.
    if (outputs.count == 0) given_.drop_answer_of_front();
    results = given_.take_one_for_one(std::move(outputs));
  }
  push_results(std::move(results), inputs, given_.since(), turn);
}

// ---- End-of-file as a test.

void KeptReplica::test_end(Turn& turn) {
  turn.effects.push_back(CloseStdin{*tool_});
  closing_ = Closing::kTest;
  is_test_late_ = false;
  closing_until_ = turn.now + std::max<Duration>(kTestTime, post_.stage.grace);
  late_bytes_ = given_.answers().bytes();
}

void KeptReplica::finish_test(const ToolEnded& event, Turn& turn) {
  const Ending ending{.has_printed_more = given_.answers().bytes() > late_bytes_};
  late_bytes_ = 0;
  if (is_filter() && is_test_late_) {
    give_back(turn);
    return fail_stage(quote(post_.stage.argv) +
                      " did not end within `grace` of its end-of-file, so mode filter cannot know "
                      "whether it prints behind its rest; raise `grace`, or use mode: window");
  }
  if (is_filter() && event.is_signal) return died(event, turn);
  const Conclusion conclusion = ask([&](auto& c) { return c.conclude(given_, ending); });
  switch (conclusion.kind) {
    case Conclusion::Kind::kCommit:
      closing_ = Closing::kEnd;  // It has ended as it should.
      return commit(turn);
    case Conclusion::Kind::kHoldsBack:
      return holds_back(conclusion.reason, turn);
    case Conclusion::Kind::kMismatch:
      turn.tally.count_restart(wire::FailureKind::kMismatch);
      return blame(
          {.kind = wire::FailureKind::kMismatch, .reason = "the tool " + conclusion.reason}, turn);
  }
}

void KeptReplica::holds_back(const std::string& what, Turn& turn) {
  const std::string why = quote(post_.stage.argv) + " " + what;
  if (is_filter()) {
    // A tool that reads ahead prints other things at its end than it would with more input.
    give_back(turn);
    if (leave_way(why, turn)) return;
    return fail_stage(why + ": it buffers its output, or prints at the end of its input; " +
                      flush_remedy(post_.stage));
  }
  // A record may make a tool wait that otherwise answers; one that never answered buffers, and one
  // that does it again and again.
  const bool is_usual = ++held_back_count_ >= kHeldBackMax;
  if ((!has_ever_committed_ || is_usual) && leave_way(why, turn)) {
    held_back_count_ = 0;
    return give_back(turn);
  }
  if (!has_ever_committed_ && is_usual) {
    return fail_stage(why + ": it buffers its output; " + flush_remedy(post_.stage));
  }
  turn.tally.count_restart(kBuffering);
  blame({.kind = wire::FailureKind::kMismatch,
         .reason = "the tool " + what + "; if it buffers its output, " + flush_remedy(post_.stage)},
        turn);
}

void KeptReplica::lose_history(Turn& turn) {
  history_.close();
  turn.effects.push_back(Say{"stage '" + post_.stage.name + "': " + quote(post_.stage.argv) +
                             " did not live through what came before when it was told again, and "
                             "begins anew: if it counts or remembers across records, its output is "
                             "wrong"});
}

void KeptReplica::keep_history(Turn& turn) {
  const bool was_lost = history_.is_lost();
  history_.keep();
  if (was_lost || !history_.is_lost()) return;
  turn.effects.push_back(Say{
      "stage '" + post_.stage.name + "': " + quote(post_.stage.argv) + " has printed nothing for " +
      count_of(History::kBytesMax, "byte") +
      " of input; until it does, each process is ended to prove that it holds nothing back, and "
      "no longer told what came before: if it counts or remembers across records, its output is "
      "wrong; use mode: window with window: all then"});
}

bool KeptReplica::leave_way(const std::string& why, Turn& turn) {
  const bool is_news = turn.way.now() == way_;
  if (!turn.way.leave(way_)) return false;
  turn.tally.count_restart(kBuffering);
  closing_ = Closing::kEnd;  // It has ended as it should.
  if (!is_news) return true;
  const bool is_preload = turn.way.now() == spec::Buffering::kPreload;
  turn.effects.push_back(
      Say{"stage '" + post_.stage.name + "': " + why + "; it is started with `buffering: " +
          (is_preload ? "preload`, stdbuf's library" : "pty`, on a terminal") + ", instead"});
  return true;
}

void KeptReplica::give_back(Turn& turn) {
  history_.forget();
  std::map<std::uint32_t, Portion> parts = given_.cut({});
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    turn.queue.push_front(std::move(part->second));
  }
  pace_.drop_service();
}

// ---- The process has ended.

void KeptReplica::on(const ToolEnded& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  const Closing closing = closing_;
  if (closing == Closing::kLast) finish_last(event, turn);
  if (closing == Closing::kTest) finish_test(event, turn);
  if (closing == Closing::kNo) died(event, turn);
  if (closing == Closing::kLast || closing == Closing::kEnd) tell_late(turn);
  drop_process(turn);
  if (closing != Closing::kLast) return;
  closing_ = Closing::kLast;
  start_at_ = turn.now + kPauseAfterLast;
}

void KeptReplica::finish_last(const ToolEnded& event, Turn& turn) {
  // One that fails may have been cut off in the middle of an answer. grep fails in silence when it
  // has found nothing.
  const bool has_answer = is_filter() ? !has_complained_ : given_.answers().count() > 0;
  if (!event.is_signal && (has_answer || event.status == 0)) return commit_last(turn);
  wire::Failure why = failure_of(event, post_.stage, stderr_tail());
  turn.tally.count_restart(why.kind);
  blame(std::move(why), turn);
}

void KeptReplica::tell_late(Turn& turn) {
  if (late_bytes_ == 0 || has_told_late_) return;
  has_told_late_ = true;
  if (auto* const filter = std::get_if<FilterContract>(&contract_)) filter->withdraw_proof();
  const std::string printed = "stage '" + post_.stage.name + "': " + count_of(late_bytes_, "byte") +
                              " that it printed after the end of its input ";
  turn.effects.push_back(
      Say{printed + (is_filter() ? "came after it had come to rest, so their records are unknown; "
                                   "they were dropped; mode: window keeps them"
                                 : "answered no record and were dropped; mode: window with window: "
                                   "all keeps them")});
}

void KeptReplica::died(const ToolEnded& event, Turn& turn) {
  if (stage_failure_) return;
  if (is_replaying_) lose_history(turn);
  const auto failed =
      deaths_.note(event, post_, stderr_tail(), wear_.fed() > 0, given_.count() == 1);
  if (failed) return fail_stage(*failed);
  was_unanswered_ = !has_answered_;
  wire::Failure why = failure_of(event, post_.stage, stderr_tail());
  if (!event.closed.empty()) {
    why = {.kind = wire::FailureKind::kMismatch,
           .reason = "the tool closed " + event.closed + " before its input ended"};
  }
  turn.tally.count_restart(why.kind);
  if (!event.is_signal && event.status == 0) why.reason += " before its input ended";
  blame(std::move(why), turn);
}

// ---- Blame.

void KeptReplica::blame(wire::Failure why, Turn& turn) {
  if (!given_.is_empty()) wasted_ += turn.now - given_.since();
  const Suspicion suspicion =
      ask([&](const auto& c) { return c.suspect(why, given_, printed_record_max(post_)); });
  if (suspicion.needs_caution) turn.queue.begin_caution();
  std::set<std::uint32_t> cuts = {suspicion.sound};
  if (suspicion.culprit) {
    cuts.insert({*suspicion.culprit, *suspicion.culprit + 1});
    turn.queue.clear_suspicion();
  }
  why.stderr_tail = stderr_tail();
  // In mode each it had its turn when the one before it was answered.
  const Instant since = is_filter() ? given_.since() : given_.last_progress();
  why.elapsed_ns = static_cast<std::uint64_t>((turn.now - since).count());
  pace_.drop_service();
  history_.forget();
  std::map<std::uint32_t, Portion> parts = given_.cut(cuts);
  // Back to the queue's front, the last first.
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->first == suspicion.culprit) {
      if (charge(here(), std::move(part->second), why, turn)) deaths_.note_culprit();
      continue;
    }
    const bool is_unknown =
        suspicion.are_suspects && !suspicion.culprit && part->first >= suspicion.sound;
    part->second.is_suspect = part->second.attempts > 0 || is_unknown;
    turn.queue.push_front(std::move(part->second));
  }
}

void KeptReplica::refuse(wire::Failure why, Turn& turn) {
  wasted_ += turn.now - given_.since();
  why.stderr_tail = stderr_tail();
  why.elapsed_ns = static_cast<std::uint64_t>((turn.now - given_.since()).count());
  Portion culprit = std::move(given_.cut({}).begin()->second);
  ++culprit.attempts;
  lookout_.cancel();
  give_up(here(), culprit, std::move(why), turn);
}

void KeptReplica::drop_process(Turn& turn) {
  const bool was_asked = closing_ == Closing::kEnd || closing_ == Closing::kLast;
  if (!was_asked) {
    pace_.begin_anew();
    start_at_ = turn.now + pause_.next(wear_.fed() > 0 ? kPauseAfterRecord : kPauseMax);
  }
  forget_process();
}

void KeptReplica::forget_process() {
  tool_.reset();
  is_started_ = false;
  closing_ = Closing::kNo;
  opening_.begin_anew();
  given_.answers().clear();
  // What the stage failed with is still to be told.
  if (!stage_failure_) forget_words();
  has_answered_ = false;
  wear_.forget_process();
  has_replayed_ = false;
  is_replaying_ = false;
  has_committed_ = false;
  lookout_.forget_process();
  late_bytes_ = 0;
  unaccepted_bytes_ = 0;
  ask([](auto& c) { c.forget_process(); });
}

void KeptReplica::forget_words() {
  stderr_.clear();
  said_.clear();
}

// Each stream for itself, for either may stop within a line.
std::string KeptReplica::stderr_tail() const {
  if (said_.is_empty()) return stderr_.text();
  StderrTail all = said_;
  if (!said_.text().ends_with('\n')) all.add("\n");
  all.add(stderr_.text());
  return all.text();
}

void KeptReplica::fail(wire::Failure why, Turn& turn) {
  turn.effects.push_back(EndTool{*tool_, true});
  turn.tally.count_restart(why.kind);
  blame(std::move(why), turn);
  closing_ = Closing::kNo;  // It was not asked to end.
  drop_process(turn);
}

void KeptReplica::fail_stage(std::string reason) {
  if (!stage_failure_) stage_failure_ = std::move(reason);
}

void KeptReplica::fail_stage_and_end(std::string reason, Turn& turn) {
  fail_stage(std::move(reason));
  turn.effects.push_back(EndTool{*tool_, true});
}

}  // namespace leat::node
