// BrokerLoop serves one BrokerCore: its sockets, its clock. Runs in the thread that calls run().

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/broker_core.h"
#include "io/authenticator.h"
#include "io/clock.h"
#include "io/keys.h"
#include "io/socket.h"
#include "io/strangers.h"
#include "io/wait.h"

namespace leat::broker {

class BrokerLoop {
 public:
  struct Options {
    std::vector<std::string> fronts;     // Where clients and nodes connect.
    std::vector<std::string> results;    // Where nodes push results; the last is told to them.
    std::optional<io::BrokerKeys> keys;  // Over tcp and ipc; without them everybody is let in.
    Settings settings;                   // The address of the results is filled in.
    std::function<void(const std::string&)> say;       // Tells the operator; any thread.
    std::function<void(const wire::Status&)> publish;  // Once a second, from run()'s thread.
  };

  // Binds; after that clients may connect. Paths of ipc addresses are locked by the caller.
  [[nodiscard]] static Result<std::unique_ptr<BrokerLoop>> create(io::Context& context,
                                                                  Options options);

  // What a broker listens with.
  struct Ears {
    std::optional<io::Authenticator> authenticator;  // Asked for each connection, with keys.
    io::Socket front;
    io::Socket results;
  };

  // REQUIRES: the ears are bound, as create() does it.
  BrokerLoop(io::Context& context, Options options, Ears ears);

  // Where it listens, the last of its fronts; with the port that the system chose.
  [[nodiscard]] std::string front_address() const { return ears_.front.last_endpoint(); }

  // Serves until the bell is rung.
  void run(const io::Bell& stop);

 private:
  struct Inlet {
    std::uint64_t epoch = 0;
    io::Socket socket;
    // The connection is not made yet. At most kWaitingMax: what is beyond that is lost, the oldest
    // first, and missed by the node's reports.
    std::deque<io::Socket::Frames> waiting;
  };

  [[nodiscard]] std::optional<Duration> patience();
  void publish();
  // What ends with a broker in memory.
  void tell_loss();
  void receive_front();
  void receive_results();
  void carry_out(const Effects& effects);
  void order(const Send& effect);
  void order(const PushLease& effect);
  void order(const ConnectInlet& effect);
  void order(const DisconnectInlet& effect);
  void order(const Say& effect);
  void flush(Inlet& inlet);

  io::Context& context_;
  Options options_;
  io::MonotonicClock clock_;
  Instant now_;  // Read once per turn.
  Ears ears_;
  std::map<std::pair<NodeId, SegmentId>, Inlet> inlets_;
  BrokerCore core_;
  Instant next_publish_;
  io::Strangers strangers_{"a connection was refused: its key is not the cluster's"};
};

}  // namespace leat::broker
