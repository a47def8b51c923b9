// ToolHost runs the tools' processes for a NodeCore: starts, feeds, reads, looks, ends and reaps
// them, and tells what happened as events. It never waits, and decides nothing.

#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/clock.h"
#include "io/guardian.h"
#include "io/process.h"
#include "io/record_files.h"
#include "io/rest_probe.h"
#include "io/wait.h"
#include "node/node_events.h"

namespace leat::node {

class ToolHost {
 public:
  // `deliver` gets each event at once, within a call of serve() or of an order.
  using Deliver = std::function<void(const Event&)>;

  struct Means {
    io::Guardian guardian;
    io::PipeWait wait;
    std::string starter;  // The path of leat-start.
  };

  ToolHost(Means means, Deliver deliver);
  // Ends what still runs, at once.
  ~ToolHost();
  ToolHost(const ToolHost&) = delete;
  ToolHost& operator=(const ToolHost&) = delete;
  ToolHost(ToolHost&&) = delete;
  ToolHost& operator=(ToolHost&&) = delete;

  void order(const StartTool& effect, Instant now);
  void order(const FeedTool& effect, Instant now);
  void order(const CloseStdin& effect, Instant now);
  void order(const LookAtTool& effect, Instant now);
  void order(const EndTool& effect, Instant now);

  // Adds what is to be waited for.
  void watch(io::WaitSet& waits);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // Looks after every tool that the wait found ready, and after what time asks for.
  void serve(const io::WaitSet& waits, Instant now);

 private:
  struct Output;
  struct Tool;

  [[nodiscard]] Result<Output> make_output(const StartTool& effect);
  [[nodiscard]] Result<void> launch(const StartTool& effect, Output& output, Tool& tool);
  [[nodiscard]] Result<io::RecordFiles*> files();
  [[nodiscard]] Result<void> add_file(const RecordFile& file, Tool& tool);
  [[nodiscard]] Result<void> add_answers(const AnswerPipe& wanted, Tool& tool);
  void hear_start(Tool& tool);
  void tell_started(Tool& tool);
  // Whether nothing is left for now. There is a bound to what is read at once.
  bool read_output(Tool& tool);
  bool read_answers(Tool& tool);
  template <typename Words>
  bool read(Tool& tool, io::Fd& fd);
  void write_input(Tool& tool);
  void serve_input(Tool& tool);
  void close_input(Tool& tool);
  void note_end(Tool& tool, Instant now);
  void press(Tool& tool, Instant now);
  void finish_if_over(Tool& tool, Instant now);

  io::Guardian guardian_;
  std::string starter_;
  std::size_t at_guardian_ = SIZE_MAX;  // Its place in the wait set.
  io::PipeWait wait_;
  std::optional<io::RecordFiles> files_;        // Once one was wanted.
  std::optional<Result<std::string>> preload_;  // Once it was looked for.
  Deliver deliver_;
  std::map<ToolId, std::unique_ptr<Tool>> tools_;
  std::vector<ToolId> finished_;  // To be erased at the end of a serve().
  std::vector<char> buffer_;
};

}  // namespace leat::node
