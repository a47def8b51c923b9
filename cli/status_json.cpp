#include <nlohmann/json.hpp>

#include "cli/status_text.h"

namespace leat::cli {

namespace {

using Json = nlohmann::ordered_json;

double seconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

Json counts_json(const std::vector<wire::NamedCount>& counts) {
  Json object = Json::object();
  for (const wire::NamedCount& count : counts) {
    object[count.name] = count.count;
  }
  return object;
}

Json times_json(const Histogram::Counts& counts) {
  Histogram times;
  times.merge(counts);
  const auto quantile = [&times](double q) {
    return std::chrono::duration<double>(times.quantile(q)).count();
  };
  return {{"count", times.total()}, {"p50", quantile(0.5)}, {"p99", quantile(0.99)}};
}

Json on_node_json(const wire::StageOnNode& node) {
  return {{"node", node.node},
          {"records_in", node.records_in},
          {"records_out", node.records_out},
          {"bytes_in", node.bytes_in},
          {"bytes_out", node.bytes_out},
          {"failed", counts_json(node.failed)},
          {"restarts", counts_json(node.restarts)},
          {"retried", node.retried},
          {"dead_letters", node.dead_letters},
          {"dropped", node.dropped},
          {"in_flight", node.leased},
          {"replicas", node.replicas},
          {"replicas_ready", node.replicas_ready},
          {"busy_seconds", seconds(node.busy_ns)},
          {"service_seconds", times_json(node.service)}};
}

Json stage_json(const wire::StageStatus& stage) {
  Json nodes = Json::array();
  for (const wire::StageOnNode& node : stage.nodes) {
    nodes.push_back(on_node_json(node));
  }
  return {{"name", stage.name},
          {"replicas", stage.replicas},
          {"replicas_ready", sum_over_nodes(stage).replicas_ready},
          {"trouble", stage.trouble},
          {"failing", stage.failing},
          {"paused", stage.paused},
          {"waiting", stage.waiting},
          {"waiting_bytes", stage.waiting_bytes},
          {"oldest_seconds", seconds(stage.oldest_ns)},
          {"held_back_seconds", seconds(stage.held_back_ns)},
          {"wait_seconds", times_json(stage.wait)},
          {"nodes", nodes}};
}

Json pipeline_json(const wire::PipelineStatus& pipeline) {
  Json stages = Json::array();
  for (const wire::StageStatus& stage : pipeline.stages) {
    stages.push_back(stage_json(stage));
  }
  return {{"name", pipeline.name},
          {"state", pipeline.state},
          {"queue_bytes", pipeline.queue_bytes},
          {"queue_bytes_max", pipeline.queue_bytes_max},
          {"records", pipeline.records},
          {"sessions", pipeline.sessions},
          {"producers", pipeline.producers},
          {"consumers", pipeline.consumers},
          {"results", pipeline.results},
          {"results_oldest_seconds", seconds(pipeline.results_oldest_ns)},
          {"back_pressure_seconds", seconds(pipeline.back_pressure_ns)},
          {"held_back_by_sink", is_held_back_by_sink(pipeline)},
          {"stages", stages}};
}

Json node_json(const wire::NodeStatus& node) {
  Json labels = Json::object();
  for (const auto& [name, value] : node.labels) {
    labels[name] = value;
  }
  return {{"name", node.name},
          {"state", node.state},
          {"cores", node.cores},
          {"replicas", node.replicas},
          {"labels", labels}};
}

}  // namespace

std::string status_json(const wire::Status& status) {
  Json pipelines = Json::array();
  for (const wire::PipelineStatus& pipeline : status.pipelines) {
    pipelines.push_back(pipeline_json(pipeline));
  }
  Json nodes = Json::array();
  for (const wire::NodeStatus& node : status.nodes) {
    nodes.push_back(node_json(node));
  }
  const Json object = {{"pipelines", pipelines}, {"nodes", nodes}};
  // What is no UTF-8 (a label, the words of a tool) is shown as far as it is.
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace leat::cli
