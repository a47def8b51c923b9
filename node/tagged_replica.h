// TaggedReplica drives one process of a tool that was made for Leat: each record goes to it in a
// frame with an id, and each answer says by its id which record it is of (node/tagged.h). So any
// number of outputs, in any order, from however many threads, are results as they come: nothing has
// to rest.
// Its rest tells two things only: that it has started, and that it keeps answers back. Then it is
// given the end of its input, answers, and is started anew.
//
// Invariants:
//  (1) A record that may have ended a tool is alone in it.
//  (2) A result never holds an answer that has broken the contract, nor any that came behind it.
//  (3) While a session wants what the tool says all that is inside is of that producer.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framing/splitter.h"
#include "node/blame.h"
#include "node/lookout.h"
#include "node/opening.h"
#include "node/pace.h"
#include "node/replica.h"
#include "node/tagged.h"
#include "node/tagged_inside.h"
#include "node/wear.h"

namespace leat::node {

class TaggedReplica {
 public:
  // REQUIRES: the stage's mode is tagged.
  TaggedReplica(Post post, std::uint64_t seed);

  // Starts, feeds and times the tool, as far as time and the queue allow. `next_tool` numbers the
  // processes.
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

  // Whether another process should be started in its place.
  [[nodiscard]] bool is_worn(Instant now) const {
    return tool_ && !is_retired_ && wear_.is_worn(pace_.record_time(), now);
  }

  [[nodiscard]] std::optional<Instant> next_deadline(const WorkQueue& queue, Instant now) const;

  [[nodiscard]] std::optional<ToolId> tool() const { return tool_; }

  [[nodiscard]] bool is_ready() const {
    return tool_ && is_started_ && opening_.is_over() && !is_on_probation_;
  }

  [[nodiscard]] bool is_idle() const { return inside_.is_empty(); }

  // The record that is inside, if it is just one.
  [[nodiscard]] std::optional<Position> only_record() const;

  // Whether no process is left.
  [[nodiscard]] bool is_gone() const { return !tool_; }

  // The stage cannot work: why. Set once.
  [[nodiscard]] const std::optional<std::string>& stage_failure() const { return stage_failure_; }

  [[nodiscard]] std::string stderr_tail() const { return stderr_.text(); }

 private:
  // A record's answer, its bytes those of the splitter's blob; or what the tool says is wrong.
  struct Done {
    TaggedInside::Place place;
    std::vector<std::string_view> outputs;
    std::optional<wire::Failure> failure;
  };

  void start(Turn& turn, std::uint64_t& next_tool);
  void feed(Turn& turn);
  void give(Portion portion, Turn& turn);
  [[nodiscard]] WorkQueue::Room room() const;
  // Takes in the frames that are whole.
  void settle(Turn& turn);
  // What is wrong with the frame, if that ends the process.
  [[nodiscard]] std::optional<std::string> take_frame(std::string_view frame,
                                                      std::vector<Done>& done, Turn& turn);
  [[nodiscard]] std::optional<wire::Failure> fault_of(const TaggedAnswer& answer) const;
  void take_failure(std::uint64_t id, TaggedStatus status, wire::Failure why,
                    std::vector<Done>& done, Turn& turn);
  void push_results(std::vector<Done> done, Turn& turn);
  [[nodiscard]] wire::LeaseResult make_result(std::span<Done> done);
  // What it printed is no answer.
  void refuse_output(wire::Failure why, Turn& turn);
  void note_answers(std::size_t count, Instant now);
  [[nodiscard]] Duration take_busy(Instant now);
  [[nodiscard]] std::optional<Instant> late_at() const;
  [[nodiscard]] Instant silence_at() const;
  // "; 3 bytes of an answer of 20 had come", or nothing.
  [[nodiscard]] std::string words_on_part() const;
  void check_timeout(Turn& turn);
  void plan_look(Instant now);
  void look_before_feeding(const Sight& sight, Turn& turn);
  // It waits for more and owes answers: gives it the end of its input.
  void let_out(Turn& turn);
  void fail_at_opening(const std::string& why, Turn& turn);
  // The process broke the contract: ends it, and puts back what it has not answered.
  void fail(wire::Failure why, std::optional<std::uint64_t> culprit, Turn& turn);
  void blame(wire::Failure why, std::optional<std::uint64_t> culprit, Turn& turn);
  void charge_one(Portion culprit, wire::Failure why, Turn& turn);
  void died(const ToolEnded& event, Turn& turn);
  void drop_process(Turn& turn);
  void fail_stage(std::string reason, Turn& turn);

  [[nodiscard]] Charged here() { return {post_, tool_.value_or(ToolId{}), wasted_, heard_}; }

  Post post_;
  std::optional<ToolId> tool_;
  bool is_started_ = false;
  bool is_retired_ = false;
  bool is_held_ = false;
  bool has_ended_ = false;  // By end(): no process any more.
  Instant started_at_;
  Instant start_at_;  // Not before.
  Wear wear_;
  Opening opening_;  // Nothing is fed before it is over.
  TaggedInside inside_;
  Pace pace_;
  StderrTail stderr_;
  RestartPause pause_;
  Deaths deaths_;
  std::optional<std::string> stage_failure_;
  framing::Splitter splitter_;  // Of its frames:
  std::string blob_;
  std::vector<std::uint32_t> lengths_;
  framing::Splitter output_;            // What the stage's output framing carries.
  Instant last_progress_;               // It answered, or was given something with empty hands.
  Instant busy_since_;                  // Its time up to then is told with results.
  Duration wasted_{};                   // On attempts that failed, since the last result.
  std::uint64_t unaccepted_bytes_ = 0;  // Fed, not in the pipe yet.
  bool has_told_silence_ = false;
  wire::Said heard_;            // On standard error, of what is inside, where its session wants it.
  std::size_t late_bytes_ = 0;  // Printed behind the end of its input.
  Lookout lookout_;
  bool is_on_probation_ = false;  // Not fed before it was seen to wait for input.
  Instant probation_until_;
  bool is_let_out_ = false;      // This process was given the end of its input.
  bool was_unanswered_ = false;  // The last process died without an answer.
  bool has_answered_ = false;    // This process, ever.
  bool has_told_letting_out_ = false;
};

}  // namespace leat::node
