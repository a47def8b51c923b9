#include "broker/broker_core.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "broker/reason.h"
#include "core/ensure.h"
#include "wire/codec.h"

namespace leat::broker {

namespace {

// After so many rounds the next step goes on.
constexpr int kRoundsMax = 4;

}  // namespace

BrokerCore::BrokerCore(Settings settings)
    : settings_(std::move(settings)),
      members_(settings_.incarnation, settings_.node_silence_max, settings_.nodes_max) {}

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
    lose_node(node, "was not heard for too long", Ledger::Cause::kNodeLost);
  }
  for (const DeploymentId id : agenda_.take_due(now)) {
    Deployment* const deployment = find_deployment(id);
    ENSURE(deployment != nullptr);
    close_silent(*deployment);
    deployment->tick(now);
    if (deployment->failings().release_due(now)) is_placement_due_ = true;
  }
  return finish_step();
}

void BrokerCore::excuse_all(Instant now) {
  members_.excuse_all(now);
  for (auto& [id, deployment] : deployments_) {
    for (auto& [producer, session] : deployment->sessions()) {
      session.heard(now);
    }
    deployment->outlet().excuse_all(now);
  }
}

std::optional<Instant> BrokerCore::next_deadline() const {
  const std::optional<Instant> of_nodes = members_.next_deadline();
  const std::optional<Instant> of_deployments = agenda_.next_deadline();
  if (!of_nodes || !of_deployments) return of_nodes ? of_nodes : of_deployments;
  return std::min(*of_nodes, *of_deployments);
}

std::optional<Instant> BrokerCore::deadline_of(const Deployment& deployment) const {
  std::optional<Instant> next = deployment.next_deadline();
  const auto sooner = [&next](Instant at) {
    if (!next || at < *next) next = at;
  };
  for (const auto& [producer, session] : deployment.sessions()) {
    if (!session.is_detached()) sooner(session.last_heard() + settings_.client_silence_max);
  }
  for (const auto& [consumer, state] : deployment.outlet().consumers()) {
    sooner(state.last_heard() + settings_.client_silence_max);
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
  Deployment* const deployment = find_deployment(result->segment.deployment);
  if (deployment != nullptr) deployment->finish(*result, member->second.name, now_);
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
  effects_.push_back(Send{peer, wire::Refused{std::move(what), shortened(std::move(reason))}});
}

Deployment* BrokerCore::find_deployment(DeploymentId id) {
  const auto found = deployments_.find(id);
  if (found == deployments_.end()) return nullptr;
  agenda_.touch(id);
  return found->second.get();
}

Deployment* BrokerCore::find_pipeline(const std::string& name) {
  for (auto& [id, deployment] : deployments_) {
    if (deployment->pipeline().name != name) continue;
    agenda_.touch(id);
    return deployment.get();
  }
  return nullptr;
}

wire::Status BrokerCore::status(const std::string& pipeline, Instant now) const {
  wire::Status status;
  std::map<NodeId, std::string> names;
  std::map<NodeId, std::uint32_t> replicas = loads();
  for (const auto& [id, member] : members_.all()) {
    names.emplace(id, member.name);
    const char* const state =
        member.is_draining ? "draining" : (member.is_ready ? "up" : "joining");
    status.nodes.push_back({member.name, state, member.cores, replicas[id], member.labels});
  }
  for (const auto& [id, deployment] : deployments_) {
    if (!pipeline.empty() && deployment->pipeline().name != pipeline) continue;
    const auto why = [this](const spec::Stage& stage) { return why_ineligible(stage); };
    status.pipelines.push_back(deployment->status(names, why, now));
  }
  return status;
}

void BrokerCore::tell_failure(Deployment& deployment) {
  if (!deployment.failure_reason()) return;
  // What was sent and accepted waits until the pipeline is deployed again.
  std::vector<ProducerId> over;
  for (const auto& [producer, session] : deployment.sessions()) {
    if (session.is_detached()) continue;
    effects_.push_back(
        Send{session.opening().peer,
             wire::SessionFailed{session.opening().producer, *deployment.failure_reason()}});
    over.push_back(producer);
  }
  for (const ProducerId producer : over) {
    deployment.leave_session(producer, now_);
  }
}

void BrokerCore::tell_results_done() {
  for (const auto& [node, numbers] : results_done_) {
    wire::ResultsDone done;
    for (const std::uint64_t number : numbers) {
      append(done.results, number);
    }
    effects_.push_back(Send{members_.member(node).peer, std::move(done)});
  }
  results_done_.clear();
}

void BrokerCore::look_after(Deployment& deployment) {
  stop_failing(deployment);
  find_hopeless(deployment);
  // What was closed by the message goes before what it opens.
  close_at_nodes(deployment);
  deployment.advance(effects_, now_);
  if (deployment.failings().take_proved()) is_placement_due_ = true;
  // What it takes back may be all that others waited for.
  if (recall(deployment)) deployment.advance(effects_, now_);
  tell_failure(deployment);
  close_at_nodes(deployment);
  for (const ProducerId ended : deployment.take_ended()) {
    homes_.erase(ended);
  }
  agenda_.set_deadline(deployment.id(), deadline_of(deployment));
}

Effects BrokerCore::finish_step() {
  // What is closed at one node may open at another, and what moves may be closed at once.
  for (int round = 0; round < kRoundsMax; ++round) {
    const std::set<DeploymentId> touched = agenda_.take_touched();
    for (const DeploymentId id : touched) {
      look_after(*deployments_.at(id));
    }
    if (!is_placement_due_) break;
    place_replicas();
  }
  tell_results_done();
  dismiss_drained();
  return std::exchange(effects_, {});
}

}  // namespace leat::broker
