#include "broker/deployment.h"

#include <algorithm>
#include <utility>

#include "core/ensure.h"

namespace leat::broker {

namespace {

constexpr std::uint32_t kFailuresInARow = 20;  // Of different records: then it is the stage's.

std::uint64_t inputs_of(const wire::LeaseResult& result) {
  std::uint64_t inputs = 0;
  for (const Run& run : result.outputs.runs) {
    inputs += run.inputs;
  }
  return inputs;
}

// Whether a result is nothing but the tool's own failure on some records.
bool is_failure_of_tool(const wire::LeaseResult& result) {
  const auto is_tools = [](const wire::Failure& failed) {
    return failed.kind != wire::FailureKind::kFraming &&
           failed.kind != wire::FailureKind::kNodeLost;
  };
  const std::uint64_t inputs = inputs_of(result);
  std::uint64_t failed = 0;
  for (const wire::Failure& failure : result.failures) {
    failed += failure.inputs;
  }
  return failed > 0 && failed == inputs &&
         std::all_of(result.failures.begin(), result.failures.end(), is_tools);
}

}  // namespace

Deployment::Deployment(DeploymentId id, Text text, spec::Pipeline pipeline)
    : id_(id),
      text_(std::move(text)),
      pipeline_(std::move(pipeline)),
      plan_(spec::plan(pipeline_)),
      conducts_(plan_.segments.size()),
      counts_(pipeline_.stages.size()),
      last_served_(plan_.vertices.size()) {}

Session& Deployment::open_session(const Session::Opening& opening, Instant now) {
  const ProducerId id = opening.id;
  return sessions_.try_emplace(id, opening, pipeline_, plan_, now).first->second;
}

void Deployment::close_session(ProducerId producer) {
  for (auto& [key, inlet] : inlets_) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, leased] : inlet.leases()) {
      if (leased.producer == producer) numbers.push_back(number);
    }
    for (const std::uint64_t number : numbers) {
      (void)inlet.take_back(number);
    }
  }
  for (Conduct& conduct : conducts_) {
    std::erase_if(conduct.set_aside,
                  [&](const SetAside& aside) { return aside.result.outputs.producer == producer; });
    conduct.set_aside_count = 0;
    for (const SetAside& aside : conduct.set_aside) {
      conduct.set_aside_count += inputs_of(aside.result);
    }
  }
  sessions_.erase(producer);
}

std::uint32_t Deployment::unplaced(std::size_t segment) const {
  std::uint32_t placed = 0;
  for (const auto& [key, inlet] : inlets_) {
    if (key.first == segment) placed += inlet.replicas();
  }
  const std::uint32_t wanted = pipeline_.stages[plan_.segments[segment].stages.front()].replicas;
  return wanted - std::min(wanted, placed);
}

void Deployment::open_inlet(std::size_t segment, NodeId node, std::uint64_t epoch,
                            std::uint32_t replicas) {
  const bool is_new = inlets_.try_emplace({segment, node}, epoch, replicas).second;
  ENSURE(is_new);
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
          .replicas = inlet.replicas()};
}

bool Deployment::report(NodeId node, const wire::InletReport& report, Effects& effects,
                        Instant now) {
  Inlet* const known = inlet(report.segment, node);
  if (known == nullptr || known->epoch() != report.epoch) return false;
  if (known->last_report().address != report.address) {
    effects.push_back(ConnectInlet{node, report.segment, report.epoch, report.address});
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
  Inlet& renewed = inlets_.at(key);
  renewed = Inlet(epoch, renewed.replicas());
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

void Deployment::lose_node(NodeId node, const std::string& name, Effects& effects, Instant now) {
  for (auto at = inlets_.begin(); at != inlets_.end();) {
    if (at->first.second != node) {
      ++at;
      continue;
    }
    take_back_all(at->first, Ledger::Cause::kNodeLost, now, name);
    effects.push_back(DisconnectInlet{node, {id_, static_cast<std::uint32_t>(at->first.first)}});
    at = inlets_.erase(at);
  }
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
  if (bury(session, result, node_name)) commit(session, result, now);
}

bool Deployment::is_ours(const wire::LeaseResult& result) const {
  if (result.segment.deployment != id_ || result.segment.index >= plan_.segments.size()) {
    return false;
  }
  // Failures are inputs of this result that came to nothing.
  return std::all_of(
      result.failures.begin(), result.failures.end(), [&](const wire::Failure& failed) {
        return std::any_of(
            result.outputs.runs.begin(), result.outputs.runs.end(), [&](const Run& run) {
              return run.outputs == 0 && run.first.is_sibling(failed.first) &&
                     failed.first.last() >= run.first.last() &&
                     failed.first.last() + failed.inputs <= run.first.last() + run.inputs;
            });
      });
}

bool Deployment::is_whole(const Session& session, const wire::LeaseResult& result) const {
  const spec::Segment& segment = plan_.segments[result.segment.index];
  if (pipeline_.stages[segment.stages.front()].mode != spec::Mode::kWindow) return true;
  return session.flow().is_window(segment.vertex, result.outputs.runs);
}

void Deployment::finish(const wire::LeaseResult& result, const std::string& node_name,
                        Instant now) {
  const auto found = sessions_.find(result.outputs.producer);
  if (found == sessions_.end() || failure_ || !is_ours(result)) return;
  Session& session = found->second;
  const std::size_t vertex = plan_.segments[result.segment.index].vertex;
  if (!session.flow().is_undecided(vertex, result.outputs.runs) || !is_whole(session, result)) {
    discard(session, result);
    return;
  }
  if (is_failure_of_tool(result)) return set_aside(session, result, node_name);
  if (result.failures.empty()) {
    charge_set_aside(result.segment.index, now);
    conducts_[result.segment.index].failures_in_a_row = 0;
    conducts_[result.segment.index].has_started = true;
  }
  if (!bury(session, result, node_name)) return;
  commit(session, result, now);
}

void Deployment::set_aside(Session& session, const wire::LeaseResult& result,
                           const std::string& node_name) {
  const spec::Segment& segment = plan_.segments[result.segment.index];
  const spec::Stage& stage = pipeline_.stages[segment.stages.front()];
  if (stage.on_error == spec::OnError::kStop) {
    (void)bury(session, result, node_name);
    return;
  }
  Conduct& conduct = conducts_[result.segment.index];
  ++conduct.failures_in_a_row;
  if (conduct.failures_in_a_row >= kFailuresInARow) {
    const wire::Failure& last = result.failures.front();
    fail("stage '" + stage.name + "': " + std::to_string(kFailuresInARow) +
         " different records in a row failed, so it is the stage that fails, not they; the last: " +
         last.reason + (last.stderr_tail.empty() ? "" : "\n" + last.stderr_tail));
    return;
  }
  end_leases(session.flow().set_aside(segment.vertex, result.outputs.runs));
  for (const Run& run : result.outputs.runs) {
    conduct.set_aside_count += run.inputs;
  }
  conduct.set_aside.push_back({result, node_name});
}

void Deployment::charge_set_aside(std::size_t segment, Instant now) {
  Conduct& conduct = conducts_[segment];
  conduct.set_aside_count = 0;
  for (const SetAside& aside : std::exchange(conduct.set_aside, {})) {
    const auto session = sessions_.find(aside.result.outputs.producer);
    const std::size_t vertex = plan_.segments[segment].vertex;
    if (session == sessions_.end()) continue;
    if (!session->second.flow().is_open(vertex, aside.result.outputs.runs)) continue;
    if (!bury(session->second, aside.result, aside.node_name)) return;
    commit(session->second, aside.result, now);
  }
}

void Deployment::charge_idle(Instant now) {
  for (std::size_t i = 0; i < conducts_.size() && !failure_; ++i) {
    if (conducts_[i].set_aside.empty()) continue;
    std::uint64_t open = 0;
    for (const auto& [id, session] : sessions_) {
      open += session.flow().ledger(plan_.segments[i].vertex).open_count();
    }
    if (open <= conducts_[i].set_aside_count) charge_set_aside(i, now);
  }
}

void Deployment::end_leases(const std::map<LeaseKey, std::uint32_t>& holders) {
  for (const auto& [key, origins] : holders) {
    Inlet* const holder = inlet(key.segment, key.node);
    if (holder != nullptr && holder->epoch() == key.epoch) holder->ended(key.number, origins);
  }
}

void Deployment::commit(Session& session, const wire::LeaseResult& result, Instant now) {
  const spec::Segment& segment = plan_.segments[result.segment.index];
  count(segment.stages.front(), session, result);
  end_leases(session.flow().commit(segment.vertex, result.outputs, now));
  Inlet* const from = inlet(result.segment, result.node);
  if (from == nullptr) return;
  from->measure(inputs_of(result), Duration(static_cast<Duration::rep>(result.busy_ns)));
}

void Deployment::discard(Session& session, const wire::LeaseResult& result) {
  // What this lease still holds of the range will not be answered again: back into the queue.
  Inlet* const from = inlet(result.segment, result.node);
  if (from == nullptr || from->epoch() != result.epoch) return;
  const auto leased = from->leases().find(result.lease);
  if (leased == from->leases().end() || leased->second.window) return;
  const LeaseKey key{result.segment, result.node, result.epoch, result.lease};
  const std::size_t vertex = leased->second.vertex;
  std::uint64_t given = 0;
  for (const Run& run : result.outputs.runs) {
    given += session.flow().ledger(vertex).give_back({run.first, run.inputs}, key,
                                                     Ledger::Cause::kReturned);
  }
  from->ended(result.lease, given);
}

bool Deployment::bury(Session& session, const wire::LeaseResult& result,
                      const std::string& node_name) {
  const spec::Segment& segment = plan_.segments[result.segment.index];
  const std::size_t stage_index = segment.stages.front();
  const spec::Stage& stage = pipeline_.stages[stage_index];
  for (const wire::Failure& failed : result.failures) {
    if (stage.on_error == spec::OnError::kStop) {
      fail("stage '" + stage.name + "' failed on record " + to_string(failed.first) + ": " +
           failed.reason + (failed.stderr_tail.empty() ? "" : "\n" + failed.stderr_tail));
      return false;
    }
    if (stage.on_error == spec::OnError::kDrop) {
      session.add_dropped(failed.inputs);
      counts_[stage_index].dropped += failed.inputs;
      continue;
    }
    counts_[stage_index].dead_letters += failed.inputs;
    const Ledger& ledger = session.flow().ledger(segment.vertex);
    for (const Range& range : ledger.alike({failed.first, failed.inputs})) {
      wire::Failure part = failed;
      part.first = range.first;
      part.inputs = range.count;
      session.add_dead_letter({.failure = std::move(part),
                               .stage = stage.name,
                               .node = node_name,
                               .records = join(ledger.records_of(range))});
    }
  }
  return true;
}

void Deployment::count(std::size_t stage, const Session& session, const wire::LeaseResult& result) {
  StageCounts& counts = counts_[stage];
  const Ledger& ledger = session.flow().ledger(plan_.segments[result.segment.index].vertex);
  for (const Run& run : result.outputs.runs) {
    for (const Records& records : ledger.records_of({run.first, run.inputs})) {
      counts.records_in += records.count;
      counts.bytes_in += records.blob.size();
    }
  }
  counts.records_out += result.outputs.records.count;
  counts.bytes_out += result.outputs.records.blob.size();
  counts.busy_ns += result.busy_ns;
  counts.service.merge(result.service);
}

void Deployment::tick(Instant now) {
  for (auto& [id, session] : sessions_) {
    session.flow().tick(now);
  }
}

std::optional<Instant> Deployment::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& [id, session] : sessions_) {
    const std::optional<Instant> at = session.flow().next_deadline();
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

void Deployment::fail(std::string reason) {
  if (!failure_) failure_ = std::move(reason);
}

std::size_t Deployment::held_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, session] : sessions_) {
    bytes += session.flow().bytes() + session.bytes();
  }
  return bytes;
}

wire::Status Deployment::status() const {
  wire::Status status;
  status.pipeline = pipeline_.name;
  status.state = failure_ ? "failed: " + *failure_ : "running";
  status.queue_bytes = held_bytes();
  status.queue_bytes_max = pipeline_.limits.queue_bytes_max;
  for (const spec::Vertex& vertex : plan_.vertices) {
    if (vertex.kind != spec::VertexKind::kStage) continue;
    const StageCounts& counts = counts_[vertex.stage];
    wire::StageStatus stage;
    stage.name = pipeline_.stages[vertex.stage].name;
    stage.records_in = counts.records_in;
    stage.records_out = counts.records_out;
    stage.bytes_in = counts.bytes_in;
    stage.bytes_out = counts.bytes_out;
    stage.dead_letters = counts.dead_letters;
    stage.dropped = counts.dropped;
    stage.busy_ns = counts.busy_ns;
    stage.service = counts.service.counts();
    stage.replicas = pipeline_.stages[vertex.stage].replicas;
    const auto index = static_cast<std::size_t>(&vertex - plan_.vertices.data());
    for (const auto& [id, session] : sessions_) {
      const Ledger& ledger = session.flow().ledger(index);
      stage.waiting += ledger.waiting_count();
      stage.leased += ledger.open_count() - ledger.waiting_count();
    }
    for (const auto& [key, inlet] : inlets_) {
      if (key.first != vertex.segment) continue;
      stage.replicas_ready += inlet.last_report().replicas_ready;
      stage.restarts += inlet.last_report().restarts;
    }
    status.stages.push_back(std::move(stage));
  }
  return status;
}

}  // namespace leat::broker
