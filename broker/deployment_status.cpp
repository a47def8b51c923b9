// What Deployment tells of itself.

#include <algorithm>
#include <utility>

#include "broker/deployment.h"

namespace leat::broker {

namespace {

std::uint64_t age(std::optional<Instant> since, Instant now) {
  return since ? static_cast<std::uint64_t>(std::max(now - *since, Duration(0)).count()) : 0;
}

void keep_sooner(std::optional<Instant>& oldest, std::optional<Instant> at) {
  if (at && (!oldest || *at < *oldest)) oldest = at;
}

wire::StageOnNode& on_node(wire::StageStatus& status, const std::string& node) {
  const auto found =
      std::find_if(status.nodes.begin(), status.nodes.end(),
                   [&](const wire::StageOnNode& there) { return there.node == node; });
  if (found != status.nodes.end()) return *found;
  status.nodes.push_back({.node = node});
  return status.nodes.back();
}

// "paused" when all stages are, "paused: stage 'a'" when some are, else nothing.
std::string pause_of(const std::vector<wire::StageStatus>& stages) {
  std::string names;
  std::size_t count = 0;
  for (const wire::StageStatus& stage : stages) {
    if (!stage.paused) continue;
    names += (++count == 1 ? "'" : ", '") + stage.name + "'";
  }
  if (count == 0 || count == stages.size()) return count == 0 ? "" : "paused";
  return (count == 1 ? "paused: stage " : "paused: stages ") + names;
}

}  // namespace

std::size_t Deployment::held_bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, session] : sessions_) {
    bytes += session.flow().bytes() + session.bytes();
  }
  return bytes;
}

std::uint64_t Deployment::held_records() const {
  std::uint64_t records = 0;
  for (const auto& [id, session] : sessions_) {
    for (std::size_t vertex = 1; vertex < plan_.vertices.size(); ++vertex) {
      records += session.flow().ledger(vertex).open_count();
    }
  }
  return records;
}

void Deployment::tell_stage_status(const spec::Vertex& vertex, wire::StageStatus& status,
                                   const std::map<NodeId, std::string>& node_names,
                                   Instant now) const {
  const spec::Stage& stage = pipeline_.stages[vertex.stage];
  const std::size_t index = plan_.segments[vertex.segment].vertex;
  status.name = stage.name;
  status.replicas = stage.replicas;
  std::optional<Instant> oldest;
  for (const auto& [id, session] : sessions_) {
    const Ledger& ledger = session.flow().ledger(index);
    status.waiting += ledger.waiting_count();
    status.waiting_bytes += ledger.bytes();
    keep_sooner(oldest, ledger.oldest());
  }
  status.oldest_ns = age(oldest, now);
  std::uint32_t placed = 0;
  for (const auto& [key, inlet] : inlets_) {
    const auto name = node_names.find(key.second);
    if (key.first != vertex.segment || name == node_names.end()) continue;
    wire::StageOnNode& there = on_node(status, name->second);
    there.replicas = inlet.replicas();
    there.replicas_ready = std::min(inlet.last_report().replicas_ready, inlet.replicas());
    for (const auto& [number, leased] : inlet.leases()) {
      there.leased += leased.open;
    }
    placed += inlet.replicas();
  }
  const Duration held_back = tally_.stage(vertex.stage).held_back.running(now);
  status.held_back_ns += static_cast<std::uint64_t>(held_back.count());
  status.paused = is_paused(vertex.segment);
  status.failing = failings_.is_failing(vertex.segment);
  const std::string reasons = failings_.reasons(vertex.segment, now);
  if (status.failing) status.trouble = reasons;
  if (status.failing || placed >= stage.replicas) return;
  status.trouble = std::to_string(stage.replicas - placed) + " of " +
                   std::to_string(stage.replicas) + " replicas have no node";
  if (!reasons.empty()) status.trouble += ": " + reasons;
}

void Deployment::tell_sink_status(wire::PipelineStatus& status, Instant now) const {
  std::optional<Instant> oldest;
  for (const auto& [id, session] : sessions_) {
    if (!session.only_sends()) {
      ++status.sessions;
      continue;
    }
    ++status.producers;
    const Ledger& sink = session.flow().ledger(plan_.sink());
    // Dead letters wait for a consumer as results do.
    status.results += sink.open_count() + session.dead_letter_count();
    keep_sooner(oldest, sink.oldest());
  }
  status.consumers = outlet_.consumers().size();
  status.results_oldest_ns = age(oldest, now);
  const Duration back_pressure = back_pressure_.total() + back_pressure_.running(now);
  status.back_pressure_ns = static_cast<std::uint64_t>(back_pressure.count());
}

wire::PipelineStatus Deployment::status(const std::map<NodeId, std::string>& node_names,
                                        const WhyNowhere& why, Instant now) const {
  wire::PipelineStatus status;
  status.name = pipeline_.name;
  status.queue_bytes = held_bytes();
  status.queue_bytes_max = pipeline_.limits.queue_bytes_max;
  status.records = held_records();
  for (const spec::Vertex& vertex : plan_.vertices) {
    if (vertex.kind != spec::VertexKind::kStage) continue;
    wire::StageStatus stage = tally_.status(vertex.stage);
    tell_stage_status(vertex, stage, node_names, now);
    const bool is_told_why = failings_.has_any(vertex.segment);
    if (!stage.trouble.empty() && !is_told_why) {
      if (const auto reason = why(pipeline_.stages[vertex.stage])) stage.trouble += ": " + *reason;
    }
    status.stages.push_back(std::move(stage));
  }
  tell_sink_status(status, now);
  status.state = failure_ ? "failed: " + *failure_ : "running";
  const auto failing = std::find_if(status.stages.begin(), status.stages.end(),
                                    [](const wire::StageStatus& stage) { return stage.failing; });
  const auto troubled =
      std::find_if(status.stages.begin(), status.stages.end(),
                   [](const wire::StageStatus& stage) { return !stage.trouble.empty(); });
  const std::string pause = pause_of(status.stages);
  if (failure_) return status;
  if (failing != status.stages.end()) {
    status.state = "failing: stage '" + failing->name + "': " + failing->trouble;
  } else if (!pause.empty()) {
    status.state = pause;
  } else if (troubled != status.stages.end()) {
    status.state = "waiting: stage '" + troubled->name + "': " + troubled->trouble;
  } else if (status.results > 0 && status.consumers == 0) {
    status.state = "held back by sink out: no consumer";
  }
  return status;
}

}  // namespace leat::broker
