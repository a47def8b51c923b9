// ProbePlan decides what `leat probe` does: which trial comes next, what its outcome says, and in
// the end which stage fits the tool, or why none was found.
//
//   the tool with no input -> with the sample -> with an input that stays open and empty
//     -> the candidates, the best first: a stage over the sample; the first that gives the plain
//        tool's bytes is run once more as it is proposed, and is the answer.
//
// A stage is proposed only if just its text was run, and gave the plain tool's bytes. Windows are
// tried over the records in another order too, for one window more or less must not matter. When
// bytes differ, the plain tool is run again: one that does not repeat itself is judged by its
// number of answers, with a warning.
//
// Pure: it runs nothing and reads no clock. Not thread-safe.

#pragma once

#include <deque>
#include <string>
#include <vector>

#include "cli/probe_candidates.h"
#include "cli/probe_outcome.h"
#include "cli/probe_sample.h"
#include "cli/say.h"

namespace leat::cli {

struct ProbeQuestion {
  std::vector<std::string> argv;           // check_command() is well.
  std::string sample;                      // By the first of `inputs`, whole records; not empty.
  std::vector<framing::Framing> inputs;    // How it may be cut, the likeliest first.
  std::optional<framing::Framing> output;  // As the user says it is.
  Duration timeout = std::chrono::seconds(20);  // Of a run of the tool.
};

struct Trial {
  enum class What {
    kTool,           // The stream and end of file.
    kToolUnfed,      // An input that stays open and empty: for `limit`, or until it sleeps there.
    kToolPerRecord,  // A process for each record, which is in its arguments.
    kStage           // `leat pipe` with the stage, and the stream as its input.
  };
  What what = What::kTool;
  std::string stream;
  std::vector<std::string> records;  // kToolPerRecord only.
  std::string spec;                  // kStage only: the pipeline file.
  Duration limit{};
};

struct Verdict {
  ExitCode code = ExitCode::kPipelineFailed;
  std::string message;  // What was not found and why; empty with a stage.
  std::string yaml;     // The pipeline file; empty without a stage.
};

class ProbePlan {
 public:
  explicit ProbePlan(ProbeQuestion question);

  [[nodiscard]] bool is_over() const { return phase_ == Phase::kOver; }

  // What to do now. REQUIRES: not is_over().
  [[nodiscard]] Trial trial() const;

  // How that went. REQUIRES: not is_over().
  void take(Outcome outcome);

  // What there is to say since the last call: a line each.
  [[nodiscard]] std::vector<std::string> take_notes();

  // REQUIRES: is_over().
  [[nodiscard]] const Verdict& verdict() const { return verdict_; }

 private:
  enum class Phase {
    kArguments,  // The tool, a process for each record.
    kEmpty,      // The tool with no input.
    kPlain,      // With the sample.
    kUnfed,      // With an input that stays open.
    kStage,      // The candidate over the sample.
    kShuffled,   // The tool over the shuffled sample, before a candidate with windows.
    kWindows,    // The candidate over the shuffled sample.
    kAgain,      // The tool once more, because bytes differed.
    kConfirm,    // The candidate as it would be proposed.
    kOver
  };

  void take_arguments(Outcome outcome);
  void take_empty(Outcome outcome);
  void take_plain(Outcome outcome);
  void take_fewer_records();
  void take_shuffled(Outcome outcome);
  void take_again(const Outcome& outcome);
  void take_stage(Outcome outcome);
  void take_confirmation(const Outcome& outcome);
  void start_candidate();
  void drop_candidate(const Judgement& judgement);
  void try_candidates();
  void conclude_with(ExitCode code, std::string message);
  void propose(const Outcome& outcome, const Judgement& judgement);
  [[nodiscard]] Expectation expected() const;
  [[nodiscard]] Judgement judge_stage(const Outcome& outcome) const;
  [[nodiscard]] std::string comment(const Outcome& outcome, const Judgement& judgement) const;
  [[nodiscard]] std::string measured(const Outcome& outcome) const;

  [[nodiscard]] std::string command() const { return "`" + command_text(question_.argv) + "`"; }

  [[nodiscard]] std::size_t records() const;
  [[nodiscard]] Duration stage_limit() const;
  [[nodiscard]] ProbeStage proposed() const;
  [[nodiscard]] ProbeStage on_trial() const;
  [[nodiscard]] std::string label(const ProbeStage& stage) const;

  void note(std::string text) { notes_.push_back(std::move(text)); }

  ProbeQuestion question_;
  Phase phase_;
  Outcome empty_;
  Outcome plain_;
  Outcome unfed_;
  Shuffled shuffled_;
  Outcome shuffled_plain_;
  std::deque<Candidate> candidates_;  // Not tried yet, but for the first, which is on trial.
  Phase tried_ = Phase::kStage;       // In kAgain: what the outcome was of.
  Outcome tried_outcome_;             // In kAgain only.
  bool was_repeated_ = false;         // The plain tool was run twice.
  bool repeats_itself_ = true;        // It printed the same, as far as is known.
  std::vector<std::string> notes_;
  Verdict verdict_;
};

}  // namespace leat::cli
