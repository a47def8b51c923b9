#include "cli/probe_plan.h"

#include <algorithm>
#include <utility>

#include "cli/probe_guess.h"
#include "cli/table.h"
#include "core/words.h"
#include "spec/holes.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;

// Each is a process.
constexpr std::size_t kArgumentRecordsMax = 20;
// By how much the sample shrinks when the tool is too slow for it.
constexpr std::size_t kFewer = 20;
// What a program that is loaded may take to print its banner.
constexpr Duration kUnfedTimeMin = 300ms;
constexpr Duration kStageTimeMin = 5s;
constexpr int kStageTimeFactor = 10;
// A stage may start the tool several times before it knows how to run it.
constexpr int kStarts = 4;
constexpr std::size_t kWindowRecords = 1000;

bool takes_arguments(std::vector<std::string> argv) {
  return !spec::cut_holes(argv).empty();
}

}  // namespace

ProbePlan::ProbePlan(ProbeQuestion question)
    : question_(std::move(question)),
      phase_(takes_arguments(question_.argv) ? Phase::kArguments : Phase::kEmpty) {
  if (phase_ != Phase::kArguments) return;
  question_.sample = take_records(question_.inputs.front(), question_.sample, kArgumentRecordsMax);
}

// As the candidate cuts the sample, once there is one.
std::size_t ProbePlan::records() const {
  const framing::Framing& input =
      candidates_.empty() ? question_.inputs.front() : candidates_.front().stage.input;
  return cut(input, question_.sample).ends.size();
}

// Far more than the stage needs, and yet not all the user's patience where it never answers.
Duration ProbePlan::stage_limit() const {
  return std::min(question_.timeout * kStarts, kStageTimeMin + plain_.elapsed * kStageTimeFactor);
}

ProbeStage ProbePlan::proposed() const {
  ProbeStage stage = candidates_.front().stage;
  stage.stops_at_once = false;
  if (stage.mode == ProbeMode::kWindows) stage.window_records = kWindowRecords;
  return stage;
}

ProbeStage ProbePlan::on_trial() const {
  return phase_ == Phase::kConfirm ? proposed() : candidates_.front().stage;
}

std::string ProbePlan::label(const ProbeStage& stage) const {
  const bool is_as_given = stage.argv == question_.argv;
  return describe(stage) + (is_as_given ? "" : ", run as `" + command_text(stage.argv) + "`");
}

Trial ProbePlan::trial() const {
  Trial trial{.stream = question_.sample, .limit = question_.timeout};
  switch (phase_) {
    case Phase::kArguments:
      trial.what = Trial::What::kToolPerRecord;
      trial.records = records_of(question_.inputs.front(), question_.sample);
      break;
    case Phase::kEmpty:
      trial.stream.clear();
      break;
    case Phase::kPlain:
      break;
    case Phase::kUnfed:
      trial.what = Trial::What::kToolUnfed;
      trial.stream.clear();
      trial.limit = std::min(trial.limit, kUnfedTimeMin + empty_.elapsed * 2);
      break;
    case Phase::kShuffled:
      trial.stream = shuffled_.stream;
      break;
    case Phase::kAgain:
      if (tried_ == Phase::kWindows) trial.stream = shuffled_.stream;
      break;
    case Phase::kStage:
    case Phase::kWindows:
    case Phase::kConfirm:
      if (phase_ == Phase::kWindows) trial.stream = shuffled_.stream;
      trial.what = Trial::What::kStage;
      trial.spec = yaml_of(on_trial(), "A trial of leat probe.");
      trial.limit = stage_limit();
      break;
    case Phase::kOver:
      break;
  }
  return trial;
}

void ProbePlan::take(Outcome outcome) {
  switch (phase_) {
    case Phase::kArguments:
      return take_arguments(std::move(outcome));
    case Phase::kEmpty:
      return take_empty(std::move(outcome));
    case Phase::kPlain:
      return take_plain(std::move(outcome));
    case Phase::kUnfed:
      unfed_ = std::move(outcome);
      return try_candidates();
    case Phase::kShuffled:
      return take_shuffled(std::move(outcome));
    case Phase::kAgain:
      return take_again(outcome);
    case Phase::kStage:
    case Phase::kWindows:
      return take_stage(std::move(outcome));
    case Phase::kConfirm:
      return take_confirmation(outcome);
    case Phase::kOver:
      return;
  }
}

std::vector<std::string> ProbePlan::take_notes() {
  return std::exchange(notes_, {});
}

void ProbePlan::conclude_with(ExitCode code, std::string message) {
  verdict_ = {.code = code, .message = std::move(message), .yaml = {}};
  phase_ = Phase::kOver;
}

void ProbePlan::take_arguments(Outcome outcome) {
  plain_ = std::move(outcome);
  if (!plain_.start_error.empty()) {
    return conclude_with(ExitCode::kPipelineFailed, plain_.start_error);
  }
  if (plain_.is_late) {
    return conclude_with(ExitCode::kTimeout, command() + " was not done with " +
                                                 count_of(records(), "record") + " after " +
                                                 short_time(question_.timeout) + "; see --timeout");
  }
  note("the plain tool, a process for each of " + count_of(records(), "record") +
       ", which is its argument: " + short_size(plain_.output.size()) + " in " +
       short_time(plain_.elapsed));
  if (plain_.output.empty()) {
    return conclude_with(ExitCode::kPipelineFailed,
                         command() + " printed nothing and " + ending_of(plain_));
  }
  try_candidates();
}

void ProbePlan::take_empty(Outcome outcome) {
  empty_ = std::move(outcome);
  if (!empty_.start_error.empty()) {
    return conclude_with(ExitCode::kPipelineFailed, empty_.start_error);
  }
  if (empty_.is_late) {
    return conclude_with(
        ExitCode::kTimeout,
        command() + " was given the end of its input and had not ended after " +
            short_time(question_.timeout) +
            ": it does not read standard input, or it takes longer to start (--timeout 5m)");
  }
  if (empty_.prints_too_much) {
    return conclude_with(ExitCode::kPipelineFailed,
                         command() + " prints without end, whatever it is given");
  }
  note("started, and ended without any input, in " + short_time(empty_.elapsed));
  phase_ = Phase::kPlain;
}

void ProbePlan::take_fewer_records() {
  const std::size_t fewer = std::max<std::size_t>(records() / kFewer, 1);
  question_.sample = take_records(question_.inputs.front(), question_.sample, fewer);
  note("that is too slow for many trials: from here on with " + count_of(records(), "record"));
}

void ProbePlan::take_plain(Outcome outcome) {
  plain_ = std::move(outcome);
  const std::string given = count_of(records(), "record");
  if (plain_.is_late && records() == 1) {
    return conclude_with(ExitCode::kTimeout, command() + " was not done with one record after " +
                                                 short_time(question_.timeout) + "; see --timeout");
  }
  note("the plain tool: " + given + ", " +
       (plain_.is_late ? "not done after " + short_time(plain_.elapsed)
                       : short_size(plain_.output.size()) + " in " + short_time(plain_.elapsed)));
  const bool is_slow = plain_.elapsed - empty_.elapsed > question_.timeout / 8;
  if (plain_.is_late || (is_slow && records() > kFewer)) return take_fewer_records();
  if (plain_.prints_too_much) {
    return conclude_with(ExitCode::kPipelineFailed,
                         command() + " prints without end: a smaller sample may tell more");
  }
  if (plain_.output.empty() || (!plain_.is_clean() && plain_.output == empty_.output)) {
    return conclude_with(ExitCode::kPipelineFailed,
                         command() + " printed no answer to " + given + " and " +
                             ending_of(plain_) +
                             "; give it a sample that it answers, and try it by hand first");
  }
  if (!plain_.is_clean()) note("it " + ending_of(plain_));
  if (records() == 1) note("one record tells little: give it more");
  phase_ = Phase::kUnfed;
}

void ProbePlan::try_candidates() {
  const Evidence evidence{.argv = question_.argv,
                          .inputs = question_.inputs,
                          .output = question_.output,
                          .sample = question_.sample,
                          .printed = plain_.output,
                          .printed_at_once = unfed_.output,
                          .printed_for_none = empty_.output};
  const std::vector<Candidate> all = phase_ == Phase::kArguments
                                         ? argument_candidates_for(evidence, plain_.code)
                                         : candidates_for(evidence);
  candidates_.assign(all.begin(), all.end());
  start_candidate();
}

void ProbePlan::start_candidate() {
  if (candidates_.empty()) {
    const std::string advice = advice_for(question_.argv);
    return conclude_with(ExitCode::kPipelineFailed, "no stage was found that gives the bytes of " +
                                                        command() +
                                                        (advice.empty() ? "" : "; " + advice));
  }
  ProbeStage& stage = candidates_.front().stage;
  phase_ = Phase::kStage;
  if (stage.mode != ProbeMode::kWindows) return;
  shuffled_ = shuffle(stage.input, question_.sample);
  stage.window_records = shuffled_.window_records;
  phase_ = Phase::kShuffled;
}

// Two failures that are alike would prove nothing.
void ProbePlan::take_shuffled(Outcome outcome) {
  shuffled_plain_ = std::move(outcome);
  if (shuffled_plain_.code == plain_.code && !shuffled_plain_.is_late &&
      !shuffled_plain_.output.empty()) {
    phase_ = Phase::kWindows;
    return;
  }
  Judgement judgement;
  judgement.reason = "given the records in another order, the plain tool ";
  judgement.reason += shuffled_plain_.is_late ? "does not end" : ending_of(shuffled_plain_);
  drop_candidate(judgement);
}

void ProbePlan::drop_candidate(const Judgement& judgement) {
  note(label(on_trial()) + ": no, " + judgement.reason);
  candidates_.pop_front();
  start_candidate();
}

Expectation ProbePlan::expected() const {
  const Candidate& candidate = candidates_.front();
  const bool is_shuffled = tried_ == Phase::kWindows;
  std::string_view printed = is_shuffled ? shuffled_plain_.output : plain_.output;
  if (printed.starts_with(candidate.banner)) printed.remove_prefix(candidate.banner.size());
  if (!printed.ends_with(candidate.trailer)) return {.body = printed, .trailer = {}};
  const std::size_t body = printed.size() - candidate.trailer.size();
  return {.body = printed.substr(0, body), .trailer = printed.substr(body)};
}

Judgement ProbePlan::judge_stage(const Outcome& outcome) const {
  const framing::Framing& output = candidates_.front().stage.output;
  return repeats_itself_ ? judge(outcome, expected(), output)
                         : judge_by_count(outcome, expected(), output);
}

void ProbePlan::take_stage(Outcome outcome) {
  tried_ = phase_;
  const Judgement judgement = judge_stage(outcome);
  if (judgement.kind == Judgement::Kind::kFits) {
    // Written down, it is not looked for again each time.
    candidates_.front().stage.buffering = buffering_of(outcome);
    phase_ = Phase::kConfirm;
    return;
  }
  if (judgement.kind == Judgement::Kind::kDiffers && !was_repeated_) {
    tried_outcome_ = std::move(outcome);
    phase_ = Phase::kAgain;
    return;
  }
  // `grep` says by its status that nothing was found, which is no failure.
  ProbeStage& stage = candidates_.front().stage;
  const bool is_window = stage.mode == ProbeMode::kWindows || stage.mode == ProbeMode::kWindowAll;
  const bool may_mean_well =
      is_window && judgement.exit_status && stage.exit_codes.size() == 1 && plain_.errors.empty();
  if (!may_mean_well) return drop_candidate(judgement);
  stage.exit_codes.push_back(*judgement.exit_status);
}

void ProbePlan::take_again(const Outcome& outcome) {
  was_repeated_ = true;
  const std::string& before = tried_ == Phase::kWindows ? shuffled_plain_.output : plain_.output;
  if (outcome.is_clean() && outcome.output != before) {
    repeats_itself_ = false;
    note("the plain tool prints other bytes when it is run again: judged by the number of answers");
  }
  phase_ = tried_;
  take_stage(std::exchange(tried_outcome_, {}));
}

void ProbePlan::take_confirmation(const Outcome& outcome) {
  tried_ = Phase::kConfirm;
  const Judgement judgement = judge_stage(outcome);
  if (judgement.kind != Judgement::Kind::kFits) return drop_candidate(judgement);
  propose(outcome, judgement);
}

void ProbePlan::propose(const Outcome& outcome, const Judgement& judgement) {
  note(label(proposed()) + ": yes, " +
       (repeats_itself_ ? "byte for byte" : "the same number of answers"));
  for (std::string& told : told_by(outcome)) {
    note(std::move(told));
  }
  verdict_ = {.code = ExitCode::kWell,
              .message = {},
              .yaml = yaml_of(proposed(), comment(outcome, judgement))};
  phase_ = Phase::kOver;
}

// What it costs.
std::string ProbePlan::measured(const Outcome& outcome) const {
  std::string text;
  const bool is_argument = proposed().mode == ProbeMode::kArgument;
  if (!is_argument) text += "Start and end " + short_time(empty_.elapsed) + "; ";
  const Duration work = plain_.elapsed - (is_argument ? Duration{} : empty_.elapsed);
  if (work > Duration{}) {
    text += short_time(work / static_cast<std::int64_t>(records())) + " a record for the tool; ";
  }
  return text + per_second(records(), outcome.elapsed) + " records/s here, start included.";
}

std::string ProbePlan::comment(const Outcome& outcome, const Judgement& judgement) const {
  const Candidate& candidate = candidates_.front();
  const ProbeStage stage = proposed();
  std::string text = "Found by: leat probe -- " + command_text(question_.argv) + "\n" +
                     count_of(records(), "record") + " (" + short_size(question_.sample.size()) +
                     ") gave ";
  text += repeats_itself_ ? "the bytes of the plain tool, in each of two runs.\n"
                          : "as many answers as from the plain tool, which prints other bytes at "
                            "each run.\n";
  text += measured(outcome);
  if (stage.argv != question_.argv) {
    text += "\nIts own flag for answering each record was added to run.";
  }
  if (!stage.buffering.empty()) text += "\nInto a simple pipe it prints only at its end.";
  if (stage.prelude) {
    text += "\nIts banner of " + short_size(candidate.banner.size()) + " is dropped.";
  }
  if (judgement.lacks_trailer) {
    text += "\nDropped, too: the " + short_size(candidate.trailer.size()) +
            " that it prints at its end, whatever it was given.";
  }
  if (!question_.output && stage.mode == ProbeMode::kEach && stage.output.lines > 1) {
    text +=
        "\nEach answer here has just as many lines: give it other records, too, if that may vary.";
  }
  if (stage.mode == ProbeMode::kWindowAll) {
    text +=
        "\nWhat it prints depends on all the records, so it gets them all in one window; for an\n"
        "answer about each 1000 of them: window: {records: 1000}";
  }
  if (const std::string advice = advice_for(question_.argv); !advice.empty()) {
    text += "\nMind: " + advice + ".";
  }
  return text;
}

}  // namespace leat::cli
