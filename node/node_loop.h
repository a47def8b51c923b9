// NodeLoop serves one NodeCore: its sockets, its tools' processes, its clock. Runs in the thread
// that calls run().
//
// Inlets listen where the options say; an address that was bound once is used again for the next
// inlet, so that there are never more than there were inlets at once. With keys only the broker can
// push to them, and only it is talked to.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/address.h"
#include "io/authenticator.h"
#include "io/clock.h"
#include "io/keys.h"
#include "io/socket.h"
#include "io/strangers.h"
#include "io/wait.h"
#include "node/node_core.h"
#include "node/tool_host.h"

namespace leat::node {

class NodeLoop {
 public:
  // Where inlets listen over tcp.
  struct InletPorts {
    std::string host = "*";              // To listen at.
    std::string advertise;               // The host that the broker is told. Empty: that at which
                                         // they listen; of `*`, that by which we reach the broker.
    std::optional<io::PortRange> ports;  // Else the system chooses.
  };

  struct Options {
    std::string front;                    // The broker's. Unless it is inproc, its silence is told.
    std::string results;                  // Where results go. Empty: where the broker says.
    std::string inlet_prefix;             // Inlets bind at this plus a number: "inproc://inlet-".
    std::optional<InletPorts> ports;      // Instead of that.
    std::optional<io::ClusterKeys> keys;  // Over tcp and ipc; without them everybody is let in.
    std::string guardian_program;         // The path of leat-guardian.
    std::string start_program;            // The path of leat-start.
    Settings settings;
    std::function<void(const std::string&)> say;  // Tells the operator; any thread.
  };

  // Starts the guardian and connects. prepare_signals() must have run.
  [[nodiscard]] static Result<std::unique_ptr<NodeLoop>> create(io::Context& context,
                                                                Options options);

  // Without a connection: create() makes one that serves.
  NodeLoop(io::Context& context, Options options, io::Guardian guardian, io::PipeWait wait,
           std::optional<io::Authenticator> authenticator);

  // Serves until a bell is rung, then ends the tools: after `stop` each has its end-of-file and its
  // grace, after `abort` they are killed. A node that the broker dismisses ends as after `stop`.
  // Returns when all are gone.
  void run(const io::Bell& stop, const io::Bell& abort);

 private:
  struct Pull {
    std::optional<SegmentId> segment;  // None: free for the next inlet.
    std::string address;               // As the broker is told it.
    io::Socket socket;
  };

  enum class Phase { kServing, kEnding };

  [[nodiscard]] Result<void> connect_front();
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
  void order(const ReconnectToBroker& effect);
  void order(const ConnectResults& effect);
  void order(const BindInlet& effect);
  void order(const UnbindInlet& effect);
  void order(const Say& effect);

  template <typename ToolOrder>
  void order(const ToolOrder& effect) {
    tools_.order(effect, now_);
  }

  [[nodiscard]] Result<Pull> bind_inlet();
  // At a free port of the range, or one that the system chooses.
  [[nodiscard]] Result<void> bind_port(io::Socket& socket) const;
  [[nodiscard]] Result<std::string> advertised(const io::Address& bound) const;
  [[nodiscard]] Result<std::string> reachable_results(const std::string& told) const;

  io::Context& context_;
  Options options_;
  io::MonotonicClock clock_;
  Instant now_;  // Read once per turn.
  std::optional<io::Authenticator> authenticator_;
  io::Socket front_;
  std::optional<io::Socket> results_;
  std::list<Pull> inlets_;
  std::uint64_t bound_count_ = 0;
  NodeCore core_;
  ToolHost tools_;
  io::WaitSet waits_;
  io::Strangers strangers_{"a connection to an inlet was refused: its key is not the broker's"};
  bool is_carrying_out_ = false;

  struct Queued {
    Event event;
    std::unique_ptr<std::string> bytes;  // What the event's view lies in.
  };

  std::deque<Queued> queued_;  // Empty between turns.
};

}  // namespace leat::node
