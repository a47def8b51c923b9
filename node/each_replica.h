// EachReplica drives one kept-alive process of a tool that answers each record with one. It keeps
// several records inside the tool at once, and decides when answers may be trusted.
//
// Commit points: what the tool answered is a result only when it has answered exactly what it was
// given and has come to rest; until then everything since the last commit point is uncommitted.
// Any mismatch discards that and tries it again, one record at a time, until the culprit is known;
// only the culprit is charged an attempt.
//
// Invariants:
//  (1) All that is uncommitted is of one producer.
//  (2) A suspect, and a record without terminator, is alone in the tool.
//  (3) A result never holds an answer of a process that broke the contract since the last commit.

#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/histogram.h"
#include "node/answers.h"
#include "node/prelude.h"
#include "node/replica.h"

namespace leat::node {

class EachReplica {
 public:
  EachReplica(Post post, std::uint64_t seed);

  // Starts, feeds and watches the tool, as far as time and the queue allow. `next_tool` numbers
  // the processes.
  void advance(Turn& turn, std::uint64_t& next_tool);

  void on(const ToolStarted& event, Turn& turn);
  void on(const ToolStartFailed& event, Turn& turn);
  void on(const ToolPrinted& event, Turn& turn);
  void on(const ToolComplained& event, Turn& turn);
  void on(const ToolAccepted& event, Turn& turn);
  void on(const ToolLooked& event, Turn& turn);
  void on(const ToolEnded& event, Turn& turn);

  // Ends the process; after that advance() does nothing.
  void end(Turn& turn, bool kill);

  // Takes nothing new, and ends the process when what is inside has its outcome.
  void retire() { is_retired_ = true; }

  [[nodiscard]] std::optional<Instant> next_deadline(const WorkQueue& queue, Instant now) const;

  // The process whose events are for this replica.
  [[nodiscard]] std::optional<ToolId> tool() const { return tool_; }

  [[nodiscard]] bool is_ready() const {
    return tool_.has_value() && is_started_ && prelude_.is_over();
  }

  [[nodiscard]] bool is_idle() const { return given_count_ == 0; }

  // Whether no process is left.
  [[nodiscard]] bool is_gone() const { return !tool_; }

  // The stage cannot work: why. Set once.
  [[nodiscard]] const std::optional<std::string>& stage_failure() const { return stage_failure_; }

  [[nodiscard]] const std::string& stderr_tail() const { return stderr_.text(); }

 private:
  enum class Closing { kNo, kLast, kDiagnosis, kEnd };

  void start(Turn& turn, std::uint64_t& next_tool);
  void give_up_closing(Turn& turn);
  void feed(Turn& turn);
  void give(Portion portion, Turn& turn);
  [[nodiscard]] bool must_commit_first(Instant now) const;
  [[nodiscard]] WorkQueue::Room room() const;
  void plan_look(Instant now);
  void look(Turn& turn);
  void look_again_later(Instant now);
  void check_timeout(Turn& turn);
  void tell_silence(Rest rest, Turn& turn);
  [[nodiscard]] std::optional<wire::Failure> fault_of_output() const;
  // What was printed behind the prelude.
  void hear(std::string_view bytes, Turn& turn);
  void learn(std::uint32_t answers, Instant now);
  // Adds the answers of the last burst to the service times.
  void count_burst();
  void commit(Turn& turn);
  void commit_last(Turn& turn);
  void push_results(Records outputs, Turn& turn);
  // The uncommitted records of the front's lease, without their outputs; how many.
  std::uint32_t take_inputs(wire::LeaseResult& result, std::vector<Attribute>& attributes);
  void diagnose(Turn& turn);
  void finish_diagnosis(Turn& turn);
  void died(const ToolEnded& event, Turn& turn);
  void drop_process(Turn& turn);
  // The process broke the contract: ends it, and puts back what is uncommitted.
  void fail(wire::Failure why, Turn& turn);
  void blame(wire::Failure why, Turn& turn);
  // The uncommitted records in order, cut before each of these indices; by first index.
  [[nodiscard]] std::map<std::uint32_t, Portion> cut_given(const std::set<std::uint32_t>& cuts);
  void charge(Portion culprit, wire::Failure why, Turn& turn);
  void forget_process();
  void fail_stage(std::string reason);
  // The tool has not printed its prelude: `why`.
  void fail_at_prelude(const std::string& why, Turn& turn);

  [[nodiscard]] std::uint32_t owed() const {
    return given_count_ - std::min(given_count_, answers_.count());
  }

  Post post_;
  std::optional<ToolId> tool_;
  bool is_started_ = false;
  bool is_retired_ = false;
  bool has_ended_ = false;  // By end(): no process any more.
  Closing closing_ = Closing::kNo;
  Instant closing_until_;
  Prelude prelude_;  // Nothing is fed before it is over.
  Answers answers_;
  StderrTail stderr_;
  RestartPause pause_;
  Instant start_at_;                  // Not before.
  std::uint32_t start_failures_ = 0;  // In a row.
  std::uint32_t contented_ends_ = 0;  // With status 0, and no culprit.
  bool is_on_probation_ = false;      // Not fed before it was seen to wait for input.
  Instant probation_until_;
  Instant started_at_;
  bool has_been_fed_ = false;             // This process, ever.
  bool has_answered_ = false;             // This process, ever.
  bool has_committed_ = false;            // Answers of this process.
  bool has_rested_ = false;               // This process was seen at rest.
  bool is_rest_hidden_ = false;           // It never was, but slept so long that it must be.
  std::optional<Instant> waiting_since_;  // All looks since saw it asleep for something.
  bool has_told_silence_ = false;         // That it owes answers and nobody can say why.
  std::size_t late_bytes_ = 0;            // Printed after end-of-file, answering nothing.
  bool has_told_late_ = false;
  bool has_ever_committed_ = false;    // Any process of this replica.
  std::uint32_t held_back_count_ = 0;  // Before that: answers that came at end-of-file.
  std::optional<std::string> stage_failure_;

  std::deque<Portion> given_;  // Uncommitted, in order.
  std::uint32_t given_count_ = 0;
  std::uint64_t given_bytes_ = 0;
  std::uint64_t unaccepted_bytes_ = 0;  // Fed, not in the pipe yet.
  Instant given_since_;                 // First of the uncommitted.
  Instant last_progress_;               // Last answer, or first record given after rest.
  std::uint32_t allowance_ = 1;         // Records that may be inside at once.
  std::uint32_t answered_at_allowance_ = 0;
  double record_ns_ = 0;   // Moving average of the time per answer; 0: unknown.
  Duration burst_time_{};  // From the answer before it.
  std::uint32_t burst_answers_ = 0;
  Histogram service_;  // Of the uncommitted, without the burst.
  Duration wasted_{};  // On attempts that failed, since the last result.

  std::optional<Instant> look_at_;
  Duration look_pause_{};
  std::uint64_t look_count_ = 0;
  bool is_look_valid_ = false;  // Nothing was fed since it was asked for.
};

}  // namespace leat::node
