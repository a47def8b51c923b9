// NodeLoop serves one NodeCore: its sockets, its tools' processes, its clock. Runs in the thread
// that calls run().

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/clock.h"
#include "io/socket.h"
#include "io/wait.h"
#include "node/node_core.h"
#include "node/tool_host.h"

namespace leat::node {

class NodeLoop {
 public:
  struct Options {
    std::string front;             // The broker's.
    std::string inlet_prefix;      // Inlets bind at this plus a number: "inproc://inlet-".
    std::string guardian_program;  // The path of leat-guardian.
    Settings settings;
    std::function<void(const std::string&)> say;  // Tells the operator; any thread.
  };

  // Starts the guardian and connects. prepare_signals() must have run.
  [[nodiscard]] static Result<std::unique_ptr<NodeLoop>> create(io::Context& context,
                                                                Options options);

  // Without a connection: create() makes one that serves.
  NodeLoop(io::Context& context, Options options, io::Guardian guardian, io::PipeWait wait);

  // Serves until a bell is rung, then ends the tools: after `stop` each has its end-of-file and its
  // grace, after `abort` they are killed. Returns when all are gone.
  void run(const io::Bell& stop, const io::Bell& abort);

 private:
  struct Pull {
    std::uint64_t epoch = 0;
    io::Socket socket;
  };

  enum class Phase { kServing, kEnding };

  void wait_for_something(const io::Bell& stop, const io::Bell& abort, Phase phase);
  // Whether one of them has something to read.
  bool watch_sockets();
  void receive_all();
  void receive(io::Socket& socket, bool is_front);
  // Steps the core at once, or after the effects that are being carried out.
  void deliver(const Event& event);
  void drain_events();
  void carry_out(const Effects& effects);
  void order(const PushResult& effect);
  void order(const SendToBroker& effect);
  void order(const ConnectResults& effect);
  void order(const BindInlet& effect);
  void order(const UnbindInlet& effect);
  void order(const Say& effect);

  template <typename ToolOrder>
  void order(const ToolOrder& effect) {
    tools_.order(effect, now_);
  }

  io::Context& context_;
  Options options_;
  io::MonotonicClock clock_;
  Instant now_;  // Read once per turn.
  io::Socket front_;
  std::optional<io::Socket> results_;
  std::map<SegmentId, Pull> inlets_;
  std::uint64_t bound_count_ = 0;
  NodeCore core_;
  ToolHost tools_;
  io::WaitSet waits_;
  bool is_carrying_out_ = false;

  struct Queued {
    Event event;
    std::unique_ptr<std::string> bytes;  // What the event's view lies in.
  };

  std::deque<Queued> queued_;  // Empty between turns.
};

}  // namespace leat::node
