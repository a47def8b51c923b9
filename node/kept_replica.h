// KeptReplica drives one process of a tool that is kept alive. It keeps several records inside the
// tool at once, and asks the mode's contract when its output may be trusted.
//
// Commit points: what the tool printed is a result only when the contract says so; until then
// everything since the last commit point is uncommitted. Any mismatch discards that and tries it
// again, one record at a time, until the culprit is known; only the culprit is charged an attempt.
//
// Invariants:
//  (1) All that is uncommitted is of one producer.
//  (2) A suspect, and a record without terminator, is alone in the tool.
//  (3) A result never holds output of a process that broke the contract since the last commit.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "node/blame.h"
#include "node/each_contract.h"
#include "node/filter_contract.h"
#include "node/history.h"
#include "node/lookout.h"
#include "node/opening.h"
#include "node/pace.h"
#include "node/replica.h"
#include "node/uncommitted.h"
#include "node/wear.h"

namespace leat::node {

class KeptReplica {
 public:
  // REQUIRES: the stage's mode is each or filter.
  KeptReplica(Post post, std::uint64_t seed);

  // Starts, feeds and watches the tool, as far as time and the queue allow. `next_tool` numbers
  // the processes.
  void advance(Turn& turn, std::uint64_t& next_tool);

  void on(const ToolStarted& event, Turn& turn);
  void on(const ToolStartFailed& event, Turn& turn);
  void on(const ToolPrinted& event, Turn& turn);
  void on(const ToolSaid& event, Turn& turn);
  void on(const ToolComplained& event, Turn& turn);
  void on(const ToolAccepted& event, Turn& turn);
  void on(const ToolLooked& event, Turn& turn);
  void on(const ToolEnded& event, Turn& turn);

  // Ends the process; after that advance() does nothing.
  void end(Turn& turn, bool kill);

  // Takes nothing new, and ends the process when what is inside has its outcome.
  void retire() { is_retired_ = true; }

  // Takes nothing, but starts, until it is released.
  void hold() { is_held_ = true; }

  void release() { is_held_ = false; }

  // Whether the process has nearly had the records, or the time, that the stage grants it, so that
  // another should be started in its place.
  [[nodiscard]] bool is_worn(Instant now) const;

  [[nodiscard]] std::optional<Instant> next_deadline(const WorkQueue& queue, Instant now) const;

  // The process whose events are for this replica.
  [[nodiscard]] std::optional<ToolId> tool() const { return tool_; }

  [[nodiscard]] bool is_ready() const {
    return tool_.has_value() && is_started_ && opening_.is_over() && !is_on_probation_;
  }

  [[nodiscard]] bool is_idle() const { return given_.is_empty(); }

  // The record that is inside, if it is just one.
  [[nodiscard]] std::optional<Position> only_record() const {
    if (given_.count() != 1) return std::nullopt;
    return given_.front().batch.runs.front().first;
  }

  // Whether no process is left.
  [[nodiscard]] bool is_gone() const { return !tool_; }

  // The stage cannot work: why. Set once.
  [[nodiscard]] const std::optional<std::string>& stage_failure() const { return stage_failure_; }

  // Its last words; those on standard output, where they are no answers, before those on standard
  // error.
  [[nodiscard]] std::string stderr_tail() const;

 private:
  // Why standard input was closed: behind an unterminated record; to see what comes then; for ever.
  enum class Closing { kNo, kLast, kTest, kEnd };

  [[nodiscard]] bool is_filter() const { return post_.stage.mode == spec::Mode::kFilter; }

  template <typename Question>
  [[nodiscard]] auto ask(const Question& question) {
    return std::visit(question, contract_);
  }

  void start(Turn& turn, std::uint64_t& next_tool);
  void give_up_closing(Turn& turn);
  void feed(Turn& turn);
  void give(Portion portion, Turn& turn);
  // Gives a filter's process what those before it were given, and drops what it prints then.
  void replay(Turn& turn);
  void look_after_replay(const Sight& sight, Turn& turn);
  [[nodiscard]] bool must_commit_first(Instant now) const;
  [[nodiscard]] WorkQueue::Room room(const WorkQueue& queue);
  [[nodiscard]] bool may_feed() const;
  void plan_look(Instant now);
  void look_before_feeding(const Sight& sight, Turn& turn);
  // Since when it owes something, if it does.
  [[nodiscard]] std::optional<Instant> busy_since() const;
  void check_timeout(Turn& turn);
  void tell_silence(Rest rest, Turn& turn);
  [[nodiscard]] std::optional<wire::Failure> fault_of_output() const;
  void end_opening(Instant now);
  // It rests, and its opening has not come.
  void miss_opening(Turn& turn);
  // What was printed behind the opening.
  void hear(std::string_view bytes, Turn& turn);
  void hear_unasked(std::size_t bytes, Turn& turn);
  void learn(std::uint32_t answers, Instant now);
  void commit(Turn& turn);
  // The answer to a request: its result, or what is wrong with it.
  void commit_answer(Turn& turn);
  void note_commit();
  void commit_last(Turn& turn);
  void push_results(std::vector<wire::LeaseResult> results, std::uint32_t inputs, Instant since,
                    Turn& turn);
  // Gives end-of-file, to see what comes then.
  void test_end(Turn& turn);
  void finish_last(const ToolEnded& event, Turn& turn);
  void finish_test(const ToolEnded& event, Turn& turn);
  void holds_back(const std::string& what, Turn& turn);
  // What this cycle was given is the next process's history; says so when that is too long.
  void keep_history(Turn& turn);
  // It does not live through its history again.
  void lose_history(Turn& turn);
  // Whether processes are connected otherwise from now on, which is said.
  [[nodiscard]] bool leave_way(const std::string& why, Turn& turn);
  // Back to the queue: nobody is to blame.
  void give_back(Turn& turn);
  void died(const ToolEnded& event, Turn& turn);
  void tell_late(Turn& turn);
  void drop_process(Turn& turn);
  // The process broke the contract: ends it, and puts back what is uncommitted.
  void fail(wire::Failure why, Turn& turn);
  void blame(wire::Failure why, Turn& turn);
  // The record inside has failed for good, and the process is well.
  void refuse(wire::Failure why, Turn& turn);

  [[nodiscard]] Charged here() { return {post_, tool_.value_or(ToolId{}), wasted_, heard_}; }

  void forget_process();
  void forget_words();
  void fail_stage(std::string reason);
  void fail_stage_and_end(std::string reason, Turn& turn);
  // The tool has not printed its opening: `why`.
  void fail_at_opening(const std::string& why, Turn& turn);

  Post post_;
  std::variant<EachContract, FilterContract> contract_;
  std::optional<ToolId> tool_;
  bool is_started_ = false;
  bool is_retired_ = false;
  bool is_held_ = false;
  bool has_ended_ = false;                        // By end(): no process any more.
  spec::Buffering way_ = spec::Buffering::kPipe;  // This process's.
  Closing closing_ = Closing::kNo;
  Instant closing_until_;
  bool is_test_late_ = false;  // We ended it, for it did not end by itself.
  Wear wear_;
  Opening opening_;  // Nothing is fed before it is over.
  Uncommitted given_;
  History history_;
  bool has_complained_ = false;  // Since it was given something.
  wire::Said heard_;             // Of that, where its session wants it; of what is uncommitted.
  bool has_replayed_ = false;    // This process was given the history.
  bool is_replaying_ = false;    // It has not come to rest since:
  Instant replay_since_;
  Pace pace_;
  StderrTail stderr_;
  StderrTail said_;  // On standard output.
  RestartPause pause_;
  Instant start_at_;  // Not before.
  Deaths deaths_;
  bool was_unanswered_ = false;   // The last process died without an answer.
  bool is_on_probation_ = false;  // Not fed before it was seen to wait for input.
  Instant probation_until_;
  Instant started_at_;
  bool has_answered_ = false;      // This process, ever.
  bool has_committed_ = false;     // Output of this process.
  bool has_told_silence_ = false;  // That it owes answers and nobody can say why.
  std::size_t late_bytes_ = 0;     // Printed after end-of-file, answering nothing.
  bool has_told_late_ = false;
  bool has_ever_committed_ = false;    // Any process of this replica.
  std::uint32_t held_back_count_ = 0;  // Before that: answers that came at end-of-file.
  std::optional<std::string> stage_failure_;
  std::uint64_t unaccepted_bytes_ = 0;  // Fed, not in the pipe yet.
  Duration wasted_{};                   // On attempts that failed, since the last result.
  Lookout lookout_;
};

}  // namespace leat::node
