// BrokerCore is all that the broker decides, as a state machine: it owns no socket, reads no clock,
// starts no thread. The broker's loop feeds it what arrived, with the present time, and carries
// out the effects in order; tests do the same with a simulated network.
//
// Guarantees: each record at a stage has exactly one outcome; results come back to the session that
// submitted, in its order; everything held is bounded by the pipeline's limits
// (docs/ARCHITECTURE.md tells how). In memory: what it holds dies with it.
//
// Equal sequences of calls return equal effects. Not thread-safe.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "broker/deployment.h"
#include "broker/effects.h"
#include "broker/members.h"
#include "core/time.h"
#include "wire/messages.h"

namespace leat::broker {

struct Settings {
  std::uint64_t incarnation = 0;  // Never that of an earlier broker.
  std::string results_address;    // Where nodes push results.
  Duration beat = std::chrono::seconds(1);
  Duration node_silence_max = std::chrono::seconds(5);
  Duration client_silence_max = std::chrono::seconds(30);
  std::size_t deployments_max = 1000;
  std::size_t sessions_max = 10000;  // Per deployment.
};

// A message came over the front, from this peer.
struct FrontMessage {
  std::string peer;
  wire::Message message;
};

// A message came over the results socket, which tells no peer.
struct ResultsMessage {
  wire::Message message;
};

// The front could not send to this peer: it is gone.
struct PeerLost {
  std::string peer;
};

using Event = std::variant<FrontMessage, ResultsMessage, PeerLost>;

class BrokerCore {
 public:
  explicit BrokerCore(Settings settings);

  // Applies one event. `now` must not go backwards between calls.
  [[nodiscard]] Effects step(const Event& event, Instant now);

  // Does what time asks for. Calling it early or late is harmless.
  [[nodiscard]] Effects tick(Instant now);

  // When tick() next has work to do; nothing if only an event can make some.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // What is held for all pipelines' records, in bytes.
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  void on(const FrontMessage& event);
  void on(const ResultsMessage& event);
  void on(const PeerLost& event);

  // From nodes; `peer` is who spoke.
  void receive(const std::string& peer, const wire::NodeJoin& message);
  void receive(const std::string& peer, const wire::NodeReport& message);
  void receive(const std::string& peer, const wire::InletCredit& message);
  void receive(const std::string& peer, const wire::StageFailed& message);
  void receive(const std::string& peer, const wire::NodeLeave& message);
  // From clients.
  void receive(const std::string& peer, const wire::Deploy& message);
  void receive(const std::string& peer, const wire::OpenSession& message);
  void receive(const std::string& peer, const wire::Submit& message);
  void receive(const std::string& peer, const wire::EndOfInput& message);
  void receive(const std::string& peer, const wire::Taken& message);
  void receive(const std::string& peer, const wire::CloseSession& message);
  void receive(const std::string& peer, const wire::StatusRequest& message);
  // What only a broker sends.
  template <typename Other>
  void receive(const std::string& peer, const Other& message);

  // The open session of this producer and epoch; tells the peer when there is none.
  Session* find_session(const std::string& peer, ProducerId producer, std::uint64_t epoch);
  Deployment* find_pipeline(const std::string& name);
  void refuse(const std::string& peer, std::string what, std::string reason);
  void lose_node(NodeId node, const std::string& why);
  void close_session(Deployment& deployment, ProducerId producer);
  void place_replicas();
  void place(Deployment& deployment, std::size_t segment);
  [[nodiscard]] std::optional<NodeId> freest_node(std::size_t segment,
                                                  Deployment& deployment) const;
  void repair_inlets(NodeId node, const wire::NodeReport& message);
  void tell_failures();
  Effects finish_step();

  Settings settings_;
  Members members_;
  Instant now_;
  std::uint64_t id_count_ = 0;  // Of producers, deployments and epochs given out.
  std::map<DeploymentId, std::unique_ptr<Deployment>> deployments_;
  std::map<NodeId, std::set<std::uint64_t>> results_done_;  // To be told; empty between steps.
  Effects effects_;                                         // Empty between steps.
};

}  // namespace leat::broker
