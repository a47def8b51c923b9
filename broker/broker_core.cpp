#include "broker/broker_core.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "core/ensure.h"
#include "spec/parse.h"
#include "wire/codec.h"

namespace leat::broker {

BrokerCore::BrokerCore(Settings settings)
    : settings_(std::move(settings)), members_(settings_.incarnation, settings_.node_silence_max) {}

Effects BrokerCore::step(const Event& event, Instant now) {
  ENSURE(now >= now_);
  now_ = now;
  std::visit([this](const auto& e) { on(e); }, event);
  return finish_step();
}

Effects BrokerCore::tick(Instant now) {
  ENSURE(now >= now_);
  now_ = now;
  for (const NodeId node : members_.silent(now)) {
    lose_node(node, "was not heard for too long");
  }
  for (auto& [id, deployment] : deployments_) {
    std::vector<ProducerId> silent;
    for (const auto& [producer, session] : deployment->sessions()) {
      if (now - session.last_heard() >= settings_.client_silence_max) silent.push_back(producer);
    }
    for (const ProducerId producer : silent) {
      effects_.push_back(Say{"producer '" + deployment->sessions().at(producer).opening().producer +
                             "' was not heard for too long: its session is closed"});
      deployment->close_session(producer);
    }
    deployment->tick(now);
  }
  return finish_step();
}

std::optional<Instant> BrokerCore::next_deadline() const {
  std::optional<Instant> next = members_.next_deadline();
  const auto sooner = [&next](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const auto& [id, deployment] : deployments_) {
    sooner(deployment->next_deadline());
    for (const auto& [producer, session] : deployment->sessions()) {
      sooner(session.last_heard() + settings_.client_silence_max);
    }
  }
  return next;
}

std::size_t BrokerCore::held_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, deployment] : deployments_) {
    bytes += deployment->held_bytes();
  }
  return bytes;
}

void BrokerCore::on(const FrontMessage& event) {
  std::visit([&](const auto& message) { receive(event.peer, message); }, event.message);
}

void BrokerCore::on(const ResultsMessage& event) {
  const auto* const result = std::get_if<wire::LeaseResult>(&event.message);
  if (result == nullptr) {
    effects_.push_back(Say{std::string("a '") + wire::kind_name(event.message) +
                           "' came over the results socket and was ignored"});
    return;
  }
  const auto member = members_.all().find(result->node);
  if (member == members_.all().end()) return;  // It will join again, and send it again.
  const auto deployment = deployments_.find(result->segment.deployment);
  if (deployment != deployments_.end()) {
    deployment->second->finish(*result, member->second.name, now_);
  }
  results_done_[result->node].insert(result->number);
}

void BrokerCore::on(const PeerLost& event) {
  const auto& all = members_.all();
  const auto node = std::find_if(
      all.begin(), all.end(), [&](const auto& entry) { return entry.second.peer == event.peer; });
  // It may be back soon, as the same node: only silence loses it.
  if (node != all.end()) members_.member(node->first).is_ready = false;
}

template <typename Other>
void BrokerCore::receive(const std::string& peer, const Other& message) {
  refuse(peer, wire::kind_name(message), "a broker does not take this message");
}

void BrokerCore::refuse(const std::string& peer, std::string what, std::string reason) {
  effects_.push_back(Send{peer, wire::Refused{std::move(what), std::move(reason)}});
}

Deployment* BrokerCore::find_pipeline(const std::string& name) {
  for (auto& [id, deployment] : deployments_) {
    if (deployment->pipeline().name == name) return deployment.get();
  }
  return nullptr;
}

Session* BrokerCore::find_session(const std::string& peer, ProducerId producer,
                                  std::uint64_t epoch) {
  for (auto& [id, deployment] : deployments_) {
    const auto found = deployment->sessions().find(producer);
    if (found == deployment->sessions().end()) continue;
    const auto& opening = found->second.opening();
    if (opening.epoch == epoch && opening.peer == peer) return &found->second;
    refuse(peer, "session", "another client has taken over producer '" + opening.producer + "'");
    return nullptr;
  }
  refuse(peer, "session", "there is no such session; it was closed, or the broker is another one");
  return nullptr;
}

// ---- Nodes.

void BrokerCore::receive(const std::string& peer, const wire::NodeJoin& message) {
  const Result<NodeId> node = members_.join(message, peer, now_);
  if (!node) return refuse(peer, "node-join", node.error().message);
  effects_.push_back(Send{
      peer,
      wire::NodeWelcome{
          .incarnation = settings_.incarnation,
          .node = *node,
          .results_address = settings_.results_address,
          .beat_ms = static_cast<std::uint32_t>(
              std::chrono::duration_cast<std::chrono::milliseconds>(settings_.beat).count())}});
}

void BrokerCore::receive(const std::string& peer, const wire::NodeReport& message) {
  const std::optional<NodeId> node = members_.heard(peer, now_);
  if (!node) {
    return refuse(peer, "node-report", "this broker does not know the node: join again");
  }
  members_.member(*node).is_ready = true;
  for (const wire::InletReport& report : message.inlets) {
    const auto deployment = deployments_.find(report.segment.deployment);
    if (deployment == deployments_.end()) {
      effects_.push_back(Send{peer, wire::CloseInlet{report.segment}});
      continue;
    }
    if (deployment->second->report(*node, report, effects_, now_)) {
      deployment->second->renew_inlet(report.segment, *node, ++id_count_, effects_, now_);
    }
  }
  place_replicas();
  repair_inlets(*node, message);
  wire::BrokerBeat beat{.number = message.number};
  for (const wire::InletReport& report : message.inlets) {
    const auto deployment = deployments_.find(report.segment.deployment);
    if (deployment == deployments_.end()) continue;
    const Inlet* const inlet = deployment->second->inlet(report.segment, *node);
    if (inlet == nullptr) continue;
    beat.inlets.push_back({report.segment, inlet->epoch(), inlet->next_number() - 1});
  }
  effects_.push_back(Send{peer, std::move(beat)});
}

void BrokerCore::receive(const std::string& peer, const wire::InletCredit& message) {
  const std::optional<NodeId> node = members_.heard(peer, now_);
  if (!node) return refuse(peer, "inlet-credit", "this broker does not know the node: join again");
  const auto deployment = deployments_.find(message.segment.deployment);
  if (deployment == deployments_.end()) return;
  Inlet* const inlet = deployment->second->inlet(message.segment, *node);
  if (inlet != nullptr && inlet->epoch() == message.epoch) inlet->credit(message.leases_max);
}

void BrokerCore::repair_inlets(NodeId node, const wire::NodeReport& message) {
  for (auto& [id, deployment] : deployments_) {
    for (std::size_t i = 0; i < deployment->plan().segments.size(); ++i) {
      const SegmentId segment{id, static_cast<std::uint32_t>(i)};
      const Inlet* const inlet = deployment->inlet(segment, node);
      if (inlet == nullptr || deployment->failure_reason()) continue;
      const bool is_there = std::any_of(
          message.inlets.begin(), message.inlets.end(), [&](const wire::InletReport& report) {
            return report.segment == segment && report.epoch == inlet->epoch();
          });
      if (is_there) continue;
      effects_.push_back(Send{members_.member(node).peer, deployment->order(i, *inlet)});
    }
  }
}

void BrokerCore::receive(const std::string& peer, const wire::StageFailed& message) {
  const std::optional<NodeId> node = members_.heard(peer, now_);
  if (!node) return refuse(peer, "stage-failed", "this broker does not know the node: join again");
  const auto deployment = deployments_.find(message.segment.deployment);
  if (deployment == deployments_.end()) return;
  const Inlet* const inlet = deployment->second->inlet(message.segment, *node);
  if (inlet == nullptr || inlet->epoch() != message.epoch) return;
  const std::string tail = message.stderr_tail.empty() ? "" : "\n" + message.stderr_tail;
  deployment->second->fail("stage '" + message.stage + "': " + message.reason + tail);
}

void BrokerCore::receive(const std::string& peer, const wire::NodeLeave& /*message*/) {
  if (const std::optional<NodeId> node = members_.heard(peer, now_)) lose_node(*node, "left");
}

void BrokerCore::lose_node(NodeId node, const std::string& why) {
  const std::string name = members_.member(node).name;
  effects_.push_back(Say{"node '" + name + "' " + why});
  for (auto& [id, deployment] : deployments_) {
    deployment->lose_node(node, name, effects_, now_);
  }
  results_done_.erase(node);
  members_.remove(node);
  place_replicas();
}

void BrokerCore::place_replicas() {
  for (auto& [id, deployment] : deployments_) {
    if (deployment->failure_reason()) continue;
    for (std::size_t i = 0; i < deployment->plan().segments.size(); ++i) {
      place(*deployment, i);
    }
  }
}

std::optional<NodeId> BrokerCore::freest_node(std::size_t segment, Deployment& deployment) const {
  std::optional<NodeId> freest;
  double least = 0;
  for (const auto& [node, member] : members_.all()) {
    const SegmentId id{deployment.id(), static_cast<std::uint32_t>(segment)};
    if (!member.is_ready || deployment.inlet(id, node) != nullptr) continue;
    std::uint32_t load = 0;
    for (const auto& [other_id, other] : deployments_) {
      for (std::size_t i = 0; i < other->plan().segments.size(); ++i) {
        const Inlet* const inlet = other->inlet({other_id, static_cast<std::uint32_t>(i)}, node);
        load += inlet == nullptr ? 0 : inlet->replicas();
      }
    }
    const double share = static_cast<double>(load + 1) / std::max(member.cores, 1U);
    if (freest && share >= least) continue;
    freest = node;
    least = share;
  }
  return freest;
}

void BrokerCore::place(Deployment& deployment, std::size_t segment) {
  // Spread over the nodes that have none of the segment yet, the freest first.
  while (const std::uint32_t unplaced = deployment.unplaced(segment)) {
    std::uint32_t candidates = 0;
    const SegmentId id{deployment.id(), static_cast<std::uint32_t>(segment)};
    for (const auto& [node, member] : members_.all()) {
      if (member.is_ready && deployment.inlet(id, node) == nullptr) ++candidates;
    }
    if (candidates == 0) return;
    const std::optional<NodeId> node = freest_node(segment, deployment);
    const std::uint32_t share = (unplaced + candidates - 1) / candidates;
    deployment.open_inlet(segment, *node, ++id_count_, share);
    effects_.push_back(
        Send{members_.member(*node).peer, deployment.order(segment, *deployment.inlet(id, *node))});
  }
}

// ---- Clients.

void BrokerCore::receive(const std::string& peer, const wire::Deploy& message) {
  if (message.version != wire::kVersion) {
    return refuse(peer, "deploy",
                  "the client speaks version " + std::to_string(message.version) +
                      " of the protocol, and this broker version " +
                      std::to_string(wire::kVersion));
  }
  Result<spec::Pipeline> pipeline =
      spec::parse({message.spec_text, message.file, message.directory});
  if (!pipeline) return refuse(peer, "deploy", pipeline.error().message);
  const Deployment::Text text{message.file, message.directory, message.spec_text};
  if (const Deployment* const there = find_pipeline(pipeline->name)) {
    if (there->text() != text || there->failure_reason()) {
      return refuse(peer, "deploy",
                    "pipeline '" + pipeline->name + "' is deployed already, from " +
                        there->text().file + ": give this one another name");
    }
    effects_.push_back(Send{peer, wire::Deployed{there->id(), pipeline->name}});
    return;
  }
  if (deployments_.size() >= settings_.deployments_max) {
    return refuse(peer, "deploy",
                  "there are " + std::to_string(settings_.deployments_max) +
                      " pipelines already, which is the limit");
  }
  const DeploymentId id{settings_.incarnation, ++id_count_};
  const std::string name = pipeline->name;
  deployments_.emplace(id, std::make_unique<Deployment>(id, text, std::move(*pipeline)));
  effects_.push_back(Send{peer, wire::Deployed{id, name}});
  place_replicas();
}

void BrokerCore::receive(const std::string& peer, const wire::OpenSession& message) {
  if (message.version != wire::kVersion) {
    return refuse(peer, "open-session",
                  "the client speaks version " + std::to_string(message.version) +
                      " of the protocol, and this broker version " +
                      std::to_string(wire::kVersion));
  }
  Deployment* const deployment = find_pipeline(message.pipeline);
  if (deployment == nullptr) {
    return refuse(peer, "open-session",
                  "there is no pipeline '" + message.pipeline + "': deploy it first");
  }
  for (auto& [id, session] : deployment->sessions()) {
    if (session.opening().producer != message.producer) continue;
    const Result<void> resumed = session.resume(message, peer, now_);
    if (!resumed) return refuse(peer, "open-session", resumed.error().message);
    effects_.push_back(Send{peer, session.state()});
    for (wire::Delivery& delivery : session.untaken()) {
      effects_.push_back(Send{peer, std::move(delivery)});
    }
    return;
  }
  const bool is_back = message.taken > 0 || message.epoch > 1;
  if (is_back) {
    return refuse(peer, "open-session",
                  "the session of producer '" + message.producer +
                      "' is not here any more: the broker was started anew, or closed it");
  }
  if (deployment->sessions().size() >= settings_.sessions_max) {
    return refuse(peer, "open-session",
                  "pipeline '" + message.pipeline + "' has " +
                      std::to_string(settings_.sessions_max) +
                      " sessions already, which is the limit");
  }
  const ProducerId id{settings_.incarnation, ++id_count_};
  const Session& session =
      deployment->open_session({id, message.producer, peer, message.epoch}, now_);
  effects_.push_back(Send{peer, session.state()});
}

void BrokerCore::receive(const std::string& peer, const wire::Submit& message) {
  Session* const session = find_session(peer, message.producer, message.epoch);
  if (session == nullptr) return;
  const std::uint64_t end = message.sequence + message.records.count;
  const Result<void> taken = session->submit(message, now_);
  if (!taken) return refuse(peer, "submit", taken.error().message);
  // Where the client should go on, when that is not where it thinks.
  if (session->flow().next_sequence() != end) effects_.push_back(Send{peer, session->state()});
}

void BrokerCore::receive(const std::string& peer, const wire::EndOfInput& message) {
  Session* const session = find_session(peer, message.producer, message.epoch);
  if (session == nullptr) return;
  const Result<void> ended = session->end(message, now_);
  if (!ended) return refuse(peer, "end-of-input", ended.error().message);
  effects_.push_back(Send{peer, session->state()});
}

void BrokerCore::receive(const std::string& peer, const wire::Taken& message) {
  Session* const session = find_session(peer, message.producer, message.epoch);
  if (session == nullptr) return;
  session->taken(message.delivery, now_);
  if (message.beat > 0) {
    wire::SessionState state = session->state();
    state.beat = message.beat;
    effects_.push_back(Send{peer, state});
  }
  if (!session->is_over()) return;
  for (auto& [id, deployment] : deployments_) {
    deployment->close_session(message.producer);
  }
}

void BrokerCore::receive(const std::string& peer, const wire::CloseSession& message) {
  if (find_session(peer, message.producer, message.epoch) == nullptr) return;
  for (auto& [id, deployment] : deployments_) {
    deployment->close_session(message.producer);
  }
}

void BrokerCore::receive(const std::string& peer, const wire::StatusRequest& message) {
  const Deployment* const deployment = find_pipeline(message.pipeline);
  if (deployment == nullptr) {
    return refuse(peer, "status-request", "there is no pipeline '" + message.pipeline + "'");
  }
  effects_.push_back(Send{peer, deployment->status()});
}

void BrokerCore::tell_failures() {
  for (auto& [id, deployment] : deployments_) {
    if (!deployment->failure_reason()) continue;
    for (const auto& [producer, session] : deployment->sessions()) {
      effects_.push_back(
          Send{session.opening().peer,
               wire::SessionFailed{session.opening().producer, *deployment->failure_reason()}});
    }
    deployment->sessions().clear();
  }
}

Effects BrokerCore::finish_step() {
  for (auto& [id, deployment] : deployments_) {
    deployment->advance(effects_, now_);
  }
  tell_failures();
  for (const auto& [node, numbers] : results_done_) {
    wire::ResultsDone done;
    for (const std::uint64_t number : numbers) {
      const bool extends =
          !done.results.empty() && done.results.back().first + done.results.back().count == number;
      if (extends) {
        ++done.results.back().count;
      } else {
        done.results.push_back({number, 1});
      }
    }
    effects_.push_back(Send{members_.member(node).peer, std::move(done)});
  }
  results_done_.clear();
  return std::exchange(effects_, {});
}

}  // namespace leat::broker
