// The part of Deployment that has to do with nodes: where its inlets are, and what becomes of what
// was leased there.

#include <algorithm>
#include <numeric>
#include <utility>

#include "broker/deployment.h"

namespace leat::broker {

bool Deployment::has_inlet(std::size_t segment) const {
  return std::any_of(inlets_.begin(), inlets_.end(),
                     [segment](const auto& entry) { return entry.first.first == segment; });
}

bool Deployment::has_leases(std::size_t segment) const {
  return std::any_of(inlets_.begin(), inlets_.end(), [segment](const auto& entry) {
    return entry.first.first == segment && !entry.second.leases().empty();
  });
}

bool Deployment::has_inlet_at(NodeId node) const {
  return std::any_of(inlets_.begin(), inlets_.end(),
                     [node](const auto& entry) { return entry.first.second == node; });
}

void Deployment::add_loads(std::map<NodeId, std::uint32_t>& loads) const {
  for (const auto& [key, inlet] : inlets_) {
    loads[key.second] += inlet.replicas();
  }
}

std::uint32_t Deployment::replicas_at(SegmentId segment, NodeId node) const {
  const auto found = inlets_.find({segment.index, node});
  const bool is_there = segment.deployment == id_ && found != inlets_.end();
  return is_there ? found->second.replicas() : 0;
}

std::vector<std::uint32_t> Deployment::spread_trials(std::size_t segment,
                                                     const std::vector<Candidate>& nodes,
                                                     const std::vector<Seat>& seats) const {
  const std::uint32_t wanted = stage_of(segment).replicas;
  std::vector<Seat> proved = seats;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const bool is_on_trial = failings_.is_on_trial({segment, nodes[i].node});
    if (is_on_trial) proved[i].eligibility = Eligibility::kMustLose;
  }
  std::vector<std::uint32_t> targets = spread(wanted, proved);
  const std::uint64_t sum = std::accumulate(targets.begin(), targets.end(), std::uint64_t{0});
  if (sum < wanted) return spread(wanted, seats);
  // A node on trial takes nothing from those that work: it gets one replica beside theirs.
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const bool may_have_one = wanted > 1 && seats[i].eligibility == Eligibility::kMayGet;
    if (may_have_one && failings_.is_on_trial({segment, nodes[i].node})) targets[i] = 1;
  }
  return targets;
}

bool Deployment::place(std::size_t segment, const std::vector<Candidate>& nodes,
                       std::uint64_t& epoch, Effects& effects) {
  const SegmentId id{id_, static_cast<std::uint32_t>(segment)};
  std::vector<Seat> seats;
  for (const Candidate& candidate : nodes) {
    const Inlet* const there = inlet(id, candidate.node);
    seats.push_back(candidate.seat);
    seats.back().replicas = there == nullptr ? 0 : there->replicas();
    if (failings_.bars({segment, candidate.node})) {
      seats.back().eligibility = Eligibility::kMustLose;
    }
  }
  const std::vector<std::uint32_t> targets = spread_trials(segment, nodes, seats);
  const bool is_ordered = plan_.vertices[plan_.segments[segment].vertex].is_ordered;
  bool has_changed = false;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (targets[i] == seats[i].replicas) continue;
    const InletKey key{segment, nodes[i].node};
    const bool is_there = inlets_.contains(key);
    // What takes records in order is never in two places.
    const bool must_wait = !is_there && is_ordered && has_inlet(segment);
    if (must_wait) continue;
    if (!is_there) inlets_.try_emplace(key, ++epoch, targets[i]);
    Inlet& inlet = inlets_.at(key);
    inlet.set_replicas(targets[i]);
    has_changed = true;
    // One that is to have none is closed when it has finished.
    if (targets[i] == 0) continue;
    effects.push_back(Send{std::string(nodes[i].peer), order(segment, inlet)});
  }
  return has_changed;
}

void Deployment::close_inlet(const InletKey& key, Effects& effects, Instant now) {
  const SegmentId segment{id_, static_cast<std::uint32_t>(key.first)};
  take_back_all(key, Ledger::Cause::kReturned, now, "");
  effects.push_back(DisconnectInlet{key.second, segment});
  inlets_.erase(key);
  closed_.emplace_back(segment, key.second);
}

std::vector<std::pair<SegmentId, NodeId>> Deployment::take_closed() {
  return std::exchange(closed_, {});
}

void Deployment::close_inlets(Effects& effects, Instant now) {
  while (!inlets_.empty()) {
    close_inlet(InletKey(inlets_.begin()->first), effects, now);
  }
}

void Deployment::close_retired(Effects& effects, Instant now) {
  std::vector<InletKey> retired;
  for (const auto& [key, inlet] : inlets_) {
    if (inlet.has_retired()) retired.push_back(key);
  }
  for (const InletKey& key : retired) {
    close_inlet(key, effects, now);
  }
}

void Deployment::give_up_on(SegmentId segment, NodeId node, Failings::Why why, Effects& effects,
                            Instant now) {
  failings_.add({segment.index, node}, std::move(why), now);
  close_inlet({segment.index, node}, effects, now);
}

Inlet* Deployment::inlet(SegmentId segment, NodeId node) {
  const auto found = inlets_.find({segment.index, node});
  return segment.deployment == id_ && found != inlets_.end() ? &found->second : nullptr;
}

wire::OpenInlet Deployment::order(std::size_t segment, const Inlet& inlet) const {
  return {.segment = {id_, static_cast<std::uint32_t>(segment)},
          .epoch = inlet.epoch(),
          .spec_text = text_.yaml,
          .directory = text_.directory,
          .replicas = inlet.replicas(),
          .ordered = plan_.vertices[plan_.segments[segment].vertex].is_ordered};
}

bool Deployment::report(NodeId node, const std::string& node_name, const wire::InletReport& report,
                        Effects& effects, Instant now) {
  Inlet* const known = inlet(report.segment, node);
  if (known == nullptr || known->epoch() != report.epoch) return false;
  const bool is_elsewhere = known->last_report().address != report.address;
  if (is_elsewhere && !report.address.empty()) {
    effects.push_back(ConnectInlet{node, report.segment, report.epoch, report.address});
  }
  tally_.add_report(plan_.segments[report.segment.index].stages.front(), node_name,
                    known->last_report(), report);
  const bool is_ready = known->replicas() > 0 && report.replicas_ready >= known->replicas();
  if (is_ready && known->leases().empty()) {
    failings_.seen_ready({report.segment.index, node}, now);
  } else {
    failings_.seen_busy({report.segment.index, node});
  }
  const std::vector<std::uint64_t> lost = known->report(report, now);
  const std::size_t vertex = plan_.segments[report.segment.index].vertex;
  if (!lost.empty() && plan_.vertices[vertex].is_ordered) return true;
  for (const std::uint64_t number : lost) {
    take_back({report.segment.index, node}, number, Ledger::Cause::kReturned, now, "");
  }
  return false;
}

void Deployment::renew_inlet(SegmentId segment, NodeId node, std::uint64_t epoch, Effects& effects,
                             Instant now) {
  const InletKey key{segment.index, node};
  take_back_all(key, Ledger::Cause::kReturned, now, "");
  Inlet& inlet = inlets_.at(key);
  Inlet renewed(epoch, inlet.replicas());
  renewed.keep_counts(inlet);
  inlet = std::move(renewed);
  effects.push_back(DisconnectInlet{node, segment});
}

void Deployment::take_back_all(const InletKey& key, Ledger::Cause cause, Instant now,
                               const std::string& node_name) {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, leased] : inlets_.at(key).leases()) {
    numbers.push_back(number);
  }
  for (const std::uint64_t number : numbers) {
    take_back(key, number, cause, now, node_name);
  }
}

void Deployment::lose_node(NodeId node, const std::string& name, Ledger::Cause cause,
                           Effects& effects, Instant now) {
  for (auto at = inlets_.begin(); at != inlets_.end();) {
    if (at->first.second != node) {
      ++at;
      continue;
    }
    take_back_all(at->first, cause, now, name);
    effects.push_back(DisconnectInlet{node, {id_, static_cast<std::uint32_t>(at->first.first)}});
    at = inlets_.erase(at);
  }
  failings_.forget_node(node);
}

void Deployment::take_back(const InletKey& key, std::uint64_t number, Ledger::Cause cause,
                           Instant now, const std::string& node_name) {
  Inlet& inlet = inlets_.at(key);
  const SegmentId segment{id_, static_cast<std::uint32_t>(key.first)};
  const LeaseKey lease_key{segment, key.second, inlet.epoch(), number};
  const Leased leased = inlet.take_back(number);
  const auto session = sessions_.find(leased.producer);
  if (session == sessions_.end()) return;
  if (leased.is_alone && cause == Ledger::Cause::kNodeLost) {
    bury_killers(session->second, leased, node_name, now);
  }
  give_back(session->second, leased, lease_key, cause);
}

void Deployment::give_back(Session& session, const Leased& leased, const LeaseKey& key,
                           Ledger::Cause cause) {
  if (leased.window) {
    FormedWindow window = *leased.window;
    if (cause == Ledger::Cause::kNodeLost) ++window.kills;
    session.flow().return_window(leased.vertex, std::move(window), key);
    return;
  }
  for (const Range& range : leased.ranges) {
    session.flow().ledger(leased.vertex).give_back(range, key, cause);
  }
}

void Deployment::bury_killers(Session& session, const Leased& leased, const std::string& node_name,
                              Instant now) {
  wire::LeaseResult result;
  result.segment = {id_, static_cast<std::uint32_t>(plan_.vertices[leased.vertex].segment)};
  for (const Range& range : leased.ranges) {
    result.outputs.runs.push_back({range.first, range.count, 0});
    result.failures.push_back({.first = range.first,
                               .inputs = range.count,
                               .kind = wire::FailureKind::kNodeLost,
                               .attempts = kKillsAlone + 1,
                               .reason = "every node that had it was lost, four times"});
  }
  if (!session.flow().is_open(leased.vertex, result.outputs.runs)) return;
  if (bury(session, result, node_name)) commit(session, result, node_name, now);
}

}  // namespace leat::broker
