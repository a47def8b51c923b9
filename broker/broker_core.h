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
#include <variant>
#include <vector>

#include "broker/agenda.h"
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
  std::size_t nodes_max = 1000;
  std::size_t deployments_max = 1000;
  std::size_t sessions_max = 10000;  // Per deployment.
  // A stage that cannot work on any node ends its pipeline. Else it is tried again and again, and
  // what was sent waits until somebody has mended its tool.
  bool fails_for_good = false;
};

// A message came over the front, from this peer. `identity`: the name of the key that it proved
// to have; empty where no keys are used.
struct FrontMessage {
  std::string peer;
  wire::Message message;
  std::string identity;
};

// A message came over the results socket, which tells no peer.
struct ResultsMessage {
  wire::Message message;
  std::string identity;
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

  // The broker itself was stopped: nobody's silence until now counts.
  void excuse_all(Instant now);

  // When tick() next has work to do; nothing if only an event can make some.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // What is so now, of all pipelines or of one.
  [[nodiscard]] wire::Status status(const std::string& pipeline, Instant now) const;

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
  void receive(const std::string& peer, const wire::NodeLogs& message);
  // From clients.
  void receive(const std::string& peer, const wire::Deploy& message);
  void receive(const std::string& peer, const wire::OpenSession& message);
  void receive(const std::string& peer, const wire::Submit& message);
  void receive(const std::string& peer, const wire::EndOfInput& message);
  void receive(const std::string& peer, const wire::Taken& message);
  void receive(const std::string& peer, const wire::CloseSession& message);
  void receive(const std::string& peer, const wire::StatusRequest& message);
  void receive(const std::string& peer, const wire::Describe& message);
  void receive(const std::string& peer, const wire::Scale& message);
  void receive(const std::string& peer, const wire::Pause& message);
  void receive(const std::string& peer, const wire::Drain& message);
  void receive(const std::string& peer, const wire::Remove& message);
  void receive(const std::string& peer, const wire::LogsRequest& message);
  // What only a broker sends.
  template <typename Other>
  void receive(const std::string& peer, const Other& message);

  // Whose session or consumer this is. Tells the peer when there is none of this epoch.
  struct Opened {
    Deployment* deployment = nullptr;
    // One of the two.
    Session* session = nullptr;
    const Outlet::Consumer* consumer = nullptr;

    [[nodiscard]] wire::SessionState state() const {
      return session != nullptr ? session->state() : consumer->state();
    }

    [[nodiscard]] bool is_over() const {
      return session != nullptr ? session->is_over() : consumer->is_over();
    }
  };

  std::optional<Opened> find_opened(const std::string& peer, ProducerId id, std::uint64_t epoch);
  // Whether anything is taken that was not before.
  bool take(const Opened& opened, const wire::Taken& message);
  void close(const Opened& opened);
  // As find_opened(), of one that submits; touches the deployment.
  Session* find_session(const std::string& peer, ProducerId producer, std::uint64_t epoch);
  bool is_version_known(const std::string& peer, std::uint32_t version, const char* what);
  // Both touch what they find.
  Deployment* find_deployment(DeploymentId id);
  Deployment* find_pipeline(const std::string& name);
  // As find_pipeline(); tells the peer when there is none.
  Deployment* find_pipeline_for(const std::string& peer, const std::string& name, const char* what);
  void open_new_session(const std::string& peer, Deployment& deployment,
                        const wire::OpenSession& message);
  bool resume_session(const std::string& peer, Deployment& deployment,
                      const wire::OpenSession& message);
  void deploy_again(const std::string& peer, Deployment& there, const wire::Deploy& message,
                    spec::Pipeline pipeline);
  void replace(const std::string& peer, Deployment& there, const wire::Deploy& message,
               spec::Pipeline pipeline);
  void deploy_new(const std::string& peer, const wire::Deploy& message, spec::Pipeline pipeline);
  void add_deployment(DeploymentId id, Deployment::Text text, spec::Pipeline pipeline);
  // Ends its sessions with this reason, and its inlets.
  void end_deployment(Deployment& deployment, const std::string& reason);
  void close_silent(Deployment& deployment);
  // Ends every session and consumer with this reason.
  void tell_all(Deployment& deployment, const std::string& reason);
  // Why no node that is there may run a stage; nothing when one may, or none is there.
  [[nodiscard]] std::optional<std::string> why_ineligible(const spec::Stage& stage) const;
  void refuse(const std::string& peer, std::string what, std::string reason);
  // `cause`: whether what it had may be to blame.
  void lose_node(NodeId node, const std::string& why, Ledger::Cause cause);
  // Places all replicas anew, if anything has changed that decides where they are.
  void place_replicas();
  // Whether that changed something. `loads`: the replicas on each node, in the members' order.
  bool place(Deployment& deployment, std::size_t segment, std::vector<std::uint32_t>& loads);
  // How many replicas each node is to have.
  [[nodiscard]] std::map<NodeId, std::uint32_t> loads() const;
  void hear(NodeId node, const std::string& peer, const wire::InletReport& report);
  void repair_inlets(NodeId node, const wire::NodeReport& message);
  // Takes the stages that fail on whatever they are given from their nodes.
  void stop_failing(Deployment& deployment);
  void find_hopeless(Deployment& deployment);
  void renew(Deployment& deployment, SegmentId segment, NodeId node);
  bool recall(Deployment& deployment);
  void close_at_nodes(Deployment& deployment);
  void dismiss_drained();
  void tell_failure(Deployment& deployment);
  void tell_results_done();
  // Does for a touched deployment what is to be done.
  void look_after(Deployment& deployment);
  [[nodiscard]] std::optional<Instant> deadline_of(const Deployment& deployment) const;
  Effects finish_step();

  Settings settings_;
  Members members_;
  Instant now_;
  std::uint64_t id_count_ = 0;  // Of producers, deployments and epochs given out.
  std::map<DeploymentId, std::unique_ptr<Deployment>> deployments_;
  std::map<ProducerId, DeploymentId> homes_;  // Of each session and consumer.
  Agenda agenda_;
  bool is_placement_due_ = false;  // Nodes, pipelines or replicas are others than when it was made.
  bool is_dismissal_due_ = false;  // A drained node may have nothing left.
  std::map<NodeId, std::set<std::uint64_t>> results_done_;  // To be told; empty between steps.
  Effects effects_;                                         // Empty between steps.
};

}  // namespace leat::broker
