// The part of BrokerCore that has to do with nodes: who they are, and what runs where.

#include <algorithm>
#include <set>
#include <utility>

#include "broker/broker_core.h"

namespace leat::broker {

namespace {

bool has_labels(const Member& member, const spec::Stage& stage) {
  return std::all_of(stage.labels.begin(), stage.labels.end(), [&](const auto& wanted) {
    const auto found = member.labels.find(wanted.first);
    return found != member.labels.end() && found->second == wanted.second;
  });
}

// The first label that the node lacks, in words.
std::string missing_label(const Member& member, const spec::Stage& stage) {
  for (const auto& [name, wanted] : stage.labels) {
    const auto found = member.labels.find(name);
    if (found == member.labels.end()) return "has no label " + name;
    if (found->second != wanted) {
      return "has " + name + "=" + found->second + " and not " + name + "=" + wanted;
    }
  }
  return "";
}

}  // namespace

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
  Member& member = members_.member(*node);
  if (!std::exchange(member.is_ready, true)) is_placement_due_ = true;
  if (member.is_draining) is_dismissal_due_ = true;
  member.is_dismissed = false;
  std::set<SegmentId> heard;
  for (const wire::InletReport& report : message.inlets) {
    if (heard.insert(report.segment).second) hear(*node, peer, report);
  }
  repair_inlets(*node, message);
  wire::BrokerBeat beat{.number = message.number};
  for (const SegmentId& segment : heard) {
    const auto deployment = deployments_.find(segment.deployment);
    if (deployment == deployments_.end()) continue;
    const Inlet* const inlet = deployment->second->inlet(segment, *node);
    if (inlet == nullptr) continue;
    beat.inlets.push_back({segment, inlet->epoch(), inlet->next_number() - 1});
  }
  effects_.push_back(Send{peer, std::move(beat)});
}

void BrokerCore::hear(NodeId node, const std::string& peer, const wire::InletReport& report) {
  Deployment* const deployment = find_deployment(report.segment.deployment);
  if (deployment == nullptr || deployment->inlet(report.segment, node) == nullptr) {
    effects_.push_back(Send{peer, wire::CloseInlet{report.segment}});
    return;
  }
  const std::string& name = members_.member(node).name;
  const bool is_to_renew = deployment->report(node, name, report, effects_, now_);
  if (deployment->inlet(report.segment, node)->is_unreachable()) {
    const std::string reason =
        "what the broker sends to its inlet at " + report.address +
        " does not arrive: is that address right (--advertise), and its port "
        "open to the broker (--inlet-ports)?";
    const bool is_news = !deployment->failings().has({report.segment.index, node});
    if (is_news) effects_.push_back(Say{"node '" + name + "': " + reason});
    return deployment->give_up_on(report.segment, node, {name, reason, Failings::Proof::kResult},
                                  effects_, now_);
  }
  if (is_to_renew) renew(*deployment, report.segment, node);
}

void BrokerCore::receive(const std::string& peer, const wire::InletCredit& message) {
  const std::optional<NodeId> node = members_.heard(peer, now_);
  if (!node) return refuse(peer, "inlet-credit", "this broker does not know the node: join again");
  Deployment* const deployment = find_deployment(message.segment.deployment);
  if (deployment == nullptr) return;
  Inlet* const inlet = deployment->inlet(message.segment, *node);
  if (inlet != nullptr && inlet->epoch() == message.epoch) inlet->credit(message.leases_max);
}

void BrokerCore::repair_inlets(NodeId node, const wire::NodeReport& message) {
  std::map<SegmentId, const wire::InletReport*> reports;
  for (const wire::InletReport& report : message.inlets) {
    reports.emplace(report.segment, &report);
  }
  for (auto& [id, deployment] : deployments_) {
    for (std::size_t i = 0; i < deployment->plan().segments.size(); ++i) {
      const SegmentId segment{id, static_cast<std::uint32_t>(i)};
      const Inlet* const inlet = deployment->inlet(segment, node);
      // One that retires is not opened again.
      if (inlet == nullptr || inlet->replicas() == 0 || deployment->failure_reason()) continue;
      const auto report = reports.find(segment);
      const bool is_there = report != reports.end() && report->second->epoch == inlet->epoch() &&
                            report->second->replicas == inlet->replicas();
      if (is_there) continue;
      effects_.push_back(Send{members_.member(node).peer, deployment->order(i, *inlet)});
    }
  }
}

void BrokerCore::receive(const std::string& peer, const wire::StageFailed& message) {
  const std::optional<NodeId> node = members_.heard(peer, now_);
  if (!node) return refuse(peer, "stage-failed", "this broker does not know the node: join again");
  Deployment* const deployment = find_deployment(message.segment.deployment);
  if (deployment == nullptr) return;
  const Inlet* const inlet = deployment->inlet(message.segment, *node);
  if (inlet == nullptr || inlet->epoch() != message.epoch) return;
  const std::string tail = message.stderr_tail.empty() ? "" : "\n" + message.stderr_tail;
  deployment->give_up_on(message.segment, *node,
                         {members_.member(*node).name, message.reason + tail}, effects_, now_);
}

void BrokerCore::receive(const std::string& peer, const wire::NodeLeave& /*message*/) {
  const std::optional<NodeId> node = members_.heard(peer, now_);
  if (node) lose_node(*node, "left", Ledger::Cause::kReturned);
}

void BrokerCore::receive(const std::string& peer, const wire::NodeLogs& message) {
  const std::optional<NodeId> node = members_.heard(peer, now_);
  if (!node) return refuse(peer, "node-logs", "this broker does not know the node: join again");
  effects_.push_back(Send{message.reply_to, wire::Logs{.pipeline = message.pipeline,
                                                       .stage = message.stage,
                                                       .node = members_.member(*node).name,
                                                       .lines = message.lines}});
}

void BrokerCore::lose_node(NodeId node, const std::string& why, Ledger::Cause cause) {
  const std::string name = members_.member(node).name;
  effects_.push_back(Say{"node '" + name + "' " + why});
  for (auto& [id, deployment] : deployments_) {
    deployment->lose_node(node, name, cause, effects_, now_);
    agenda_.touch(id);
  }
  results_done_.erase(node);
  members_.remove(node);
  is_placement_due_ = true;
}

std::map<NodeId, std::uint32_t> BrokerCore::loads() const {
  std::map<NodeId, std::uint32_t> loads;
  for (const auto& [id, deployment] : deployments_) {
    deployment->add_loads(loads);
  }
  return loads;
}

void BrokerCore::place_replicas() {
  std::map<NodeId, std::uint32_t> by_node = loads();
  std::vector<std::uint32_t> in_order;
  for (const auto& [node, member] : members_.all()) {
    in_order.push_back(by_node[node]);
  }
  is_placement_due_ = false;
  for (auto& [id, deployment] : deployments_) {
    for (std::size_t i = 0; i < deployment->plan().segments.size(); ++i) {
      if (deployment->failure_reason() || !place(*deployment, i, in_order)) continue;
      // What has moved changes the loads that the others were placed by.
      is_placement_due_ = true;
      agenda_.touch(id);
    }
  }
}

bool BrokerCore::place(Deployment& deployment, std::size_t segment,
                       std::vector<std::uint32_t>& loads) {
  const spec::Stage& stage = deployment.stage_of(segment);
  const SegmentId id{deployment.id(), static_cast<std::uint32_t>(segment)};
  std::vector<Deployment::Candidate> candidates;
  candidates.reserve(loads.size());
  for (const auto& [node, member] : members_.all()) {
    Seat seat{.cores = member.cores,
              .others = loads[candidates.size()] - deployment.replicas_at(id, node)};
    if (member.is_draining || !has_labels(member, stage)) {
      seat.eligibility = Eligibility::kMustLose;
    } else if (!member.is_ready) {
      seat.eligibility = Eligibility::kMayKeep;
    }
    candidates.push_back({node, member.peer, seat});
  }
  if (!deployment.place(segment, candidates, id_count_, effects_)) return false;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    loads[i] = candidates[i].seat.others + deployment.replicas_at(id, candidates[i].node);
  }
  return true;
}

std::optional<std::string> BrokerCore::why_ineligible(const spec::Stage& stage) const {
  std::string reasons;
  for (const auto& [node, member] : members_.all()) {
    // One that is going says nothing of those that may come.
    if (member.is_draining) continue;
    if (has_labels(member, stage)) return std::nullopt;
    reasons += (reasons.empty() ? "" : "; ") + ("node '" + member.name + "' ") +
               missing_label(member, stage);
  }
  if (reasons.empty()) return std::nullopt;
  return reasons;
}

void BrokerCore::stop_failing(Deployment& deployment) {
  for (const auto& [segment, reason] : deployment.take_verdicts()) {
    for (const auto& [node, member] : members_.all()) {
      if (deployment.inlet(segment, node) == nullptr) continue;
      deployment.give_up_on(segment, node, {member.name, reason, Failings::Proof::kResult},
                            effects_, now_);
    }
  }
}

// Finds the stages that could not work on any node that may run them.
void BrokerCore::find_hopeless(Deployment& deployment) {
  const bool is_news = deployment.failings().take_news();
  const bool is_for_good = settings_.fails_for_good;
  // Where that ends a pipeline, a node that is drained says nothing of those that may come.
  if (is_for_good && !is_news) return;
  for (std::size_t i = 0; i < deployment.plan().segments.size(); ++i) {
    const spec::Stage& stage = deployment.stage_of(i);
    const Failings& failings = deployment.failings();
    if (!failings.has_any(i)) continue;
    const bool has_hope =
        std::any_of(members_.all().begin(), members_.all().end(), [&](const auto& entry) {
          return !failings.has({i, entry.first}) && !entry.second.is_draining &&
                 has_labels(entry.second, stage);
        });
    if (has_hope) continue;
    if (is_for_good) {
      deployment.fail("stage '" + stage.name + "': " + failings.reasons(i, now_));
    } else {
      deployment.note_failing(i, effects_, now_);
    }
  }
}

void BrokerCore::renew(Deployment& deployment, SegmentId segment, NodeId node) {
  deployment.renew_inlet(segment, node, ++id_count_, effects_, now_);
  // One that retires is closed instead.
  if (deployment.inlet(segment, node)->replicas() == 0) return;
  const wire::OpenInlet order = deployment.order(segment.index, *deployment.inlet(segment, node));
  effects_.push_back(Send{members_.member(node).peer, order});
}

bool BrokerCore::recall(Deployment& deployment) {
  const auto recalls = deployment.recalls();
  for (const auto& [segment, node] : recalls) {
    renew(deployment, segment, node);
  }
  return !recalls.empty();
}

void BrokerCore::close_at_nodes(Deployment& deployment) {
  for (const auto& [segment, node] : deployment.take_closed()) {
    is_placement_due_ = true;
    is_dismissal_due_ = true;
    const auto member = members_.all().find(node);
    if (member == members_.all().end()) continue;
    effects_.push_back(Send{member->second.peer, wire::CloseInlet{segment}});
  }
}

void BrokerCore::dismiss_drained() {
  if (!std::exchange(is_dismissal_due_, false)) return;
  for (const auto& [node, member] : members_.all()) {
    if (!member.is_draining || !member.is_ready || member.is_dismissed) continue;
    const bool is_empty =
        std::all_of(deployments_.begin(), deployments_.end(),
                    [node = node](const auto& entry) { return !entry.second->has_inlet_at(node); });
    if (!is_empty) continue;
    members_.member(node).is_dismissed = true;
    effects_.push_back(Send{member.peer, wire::Dismissed{}});
  }
}

}  // namespace leat::broker
