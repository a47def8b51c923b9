// WindowReplica gives each window to a process of its own: its records, then end-of-file. All that
// the process prints until it exits belongs to the window. The next process is started ahead of
// need. A window fails and is retried whole.
//
// A tool that takes its record as an argument is started when there is a record, with it, and has
// an empty standard input.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "node/answers.h"
#include "node/opening.h"
#include "node/replica.h"
#include "node/window_queue.h"

namespace leat::node {

class WindowReplica {
 public:
  WindowReplica(Post post, std::uint64_t seed);

  void advance(Turn& turn, WindowQueue& windows, std::uint64_t& next_tool);

  void on(const ToolStarted& event, Turn& turn);
  void on(const ToolStartFailed& event, Turn& turn);
  void on(const ToolPrinted& event, Turn& turn);

  void on(const ToolSaid& event, Turn& turn) { on(ToolComplained{event.tool, event.bytes}, turn); }

  void on(const ToolComplained& event, Turn& turn);
  void on(const ToolAccepted& event, Turn& turn);
  void on(const ToolLooked& event, Turn& turn);
  void on(const ToolEnded& event, Turn& turn);

  // A window that failed and has attempts left goes back here.
  [[nodiscard]] std::optional<WindowWork> take_retry();

  void end(Turn& turn, bool kill);

  // Takes nothing new, and ends the process when its window has its outcome.
  void retire() { is_retired_ = true; }

  [[nodiscard]] std::optional<Instant> next_deadline(const WindowQueue& windows) const;

  [[nodiscard]] std::optional<ToolId> tool() const { return tool_; }

  // Whether it can take a window at once.
  [[nodiscard]] bool is_ready() const {
    return takes_argument() ? !stage_failure_ : tool_.has_value() && is_started_;
  }

  [[nodiscard]] bool is_idle() const { return !work_; }

  // The record of its window, if that is just one.
  [[nodiscard]] std::optional<Position> only_record() const;

  // Whether no process is left; what one printed before it was given a window may be.
  [[nodiscard]] bool is_gone() const { return !tool_ || ended_; }

  [[nodiscard]] const std::optional<std::string>& stage_failure() const { return stage_failure_; }

  [[nodiscard]] std::string stderr_tail() const { return stderr_.text(); }

 private:
  [[nodiscard]] bool takes_argument() const { return !post_.stage.holes.empty(); }

  void start_ahead(Turn& turn, WindowQueue& windows, std::uint64_t& next_tool);
  void start_with_record(Turn& turn, WindowQueue& windows, std::uint64_t& next_tool);
  void check_timeout(Turn& turn);
  void feed(WindowWork work, Turn& turn);
  void finish(Turn& turn);
  void succeed(Turn& turn);
  void fail(wire::Failure why, Turn& turn);
  // The window has failed for good.
  void give_up(wire::Failure why, Turn& turn);
  // That repeats it by hand.
  [[nodiscard]] std::string line_for(const WindowWork& work) const;
  void clear_process();
  // What is wrong with what it printed: too much, or not in its framing.
  [[nodiscard]] std::optional<wire::Failure> fault_of_output() const;
  void fail_stage(std::string reason);

  Post post_;
  std::optional<ToolId> tool_;
  bool is_started_ = false;
  bool is_retired_ = false;
  bool has_ended_ = false;          // By end().
  std::optional<ToolEnded> ended_;  // The process is gone; its window may be still to come.
  std::optional<wire::Failure> killed_for_;  // Why we ended it.
  Opening opening_;                          // Passed over.
  Answers answers_;
  StderrTail stderr_;
  wire::Said heard_;  // All that this process said on standard error.
  RestartPause pause_;
  Instant start_at_;
  std::uint32_t start_failures_ = 0;  // In a row: dead before it had anything.
  // A window has failed and none has succeeded: a process is given the next when it has lived a
  // while, so that one that cannot start is told from a window that ends it.
  bool is_on_probation_ = false;
  bool has_succeeded_ = false;  // Any process of this replica.
  Instant feed_at_;             // Not before, on probation.
  std::optional<std::string> stage_failure_;
  std::optional<WindowWork> work_;
  Instant work_since_;
  Duration wasted_{};  // On attempts that failed, since the last result.
  std::optional<WindowWork> retry_;
};

}  // namespace leat::node
