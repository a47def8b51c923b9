#include "monitoring/exporter.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "monitoring/latency_buckets.h"
#include "spec/plain_text.h"

namespace leat::monitoring {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using wire::NamedCount;
using wire::NodeStatus;
using wire::PipelineStatus;
using wire::StageOnNode;
using wire::StageStatus;

using Labels = std::vector<ClientMetric::Label>;
using Families = std::vector<MetricFamily>;

// A thing that the status tells of, and the labels of all its metrics.
template <class T>
struct Row {
  Labels labels;
  const T* told = nullptr;
};

template <class T>
using Rows = std::vector<Row<T>>;

// A metric with one value for each thing. HELP may hold neither newline nor backslash: either
// breaks the whole scrape, and the serializer does not look.
template <class T>
struct Metric {
  const char* name;
  MetricType type;
  const char* help;
  double (*value)(const T&);
};

double number(std::uint64_t count) {
  return static_cast<double>(count);
}

double seconds(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

double truth(bool is_so) {
  return is_so ? 1 : 0;
}

constexpr MetricType kCounter = MetricType::Counter;
constexpr MetricType kGauge = MetricType::Gauge;

bool has_failed(const PipelineStatus& pipeline) {
  return pipeline.state.starts_with("failed");
}

// Also behind the state "paused".
bool has_trouble(const PipelineStatus& pipeline) {
  return std::any_of(pipeline.stages.begin(), pipeline.stages.end(),
                     [](const StageStatus& stage) { return !stage.trouble.empty(); });
}

constexpr std::array<Metric<PipelineStatus>, 12> kOfPipeline = {{
    {"leat_pipeline_up", kGauge,
     "1 while the pipeline runs; 0 while replicas of it have no node or a stage is failing, and "
     "when it has failed.",
     [](const PipelineStatus& pipeline) {
       return truth(!pipeline.state.starts_with("waiting") &&
                    !pipeline.state.starts_with("failing") && !has_failed(pipeline) &&
                    !has_trouble(pipeline));
     }},
    {"leat_pipeline_failed", kGauge, "1 when the pipeline has failed and stands still.",
     [](const PipelineStatus& pipeline) { return truth(has_failed(pipeline)); }},
    {"leat_pipeline_queue_bytes", kGauge, "Bytes that the broker holds for the pipeline.",
     [](const PipelineStatus& pipeline) { return number(pipeline.queue_bytes); }},
    {"leat_pipeline_queue_limit_bytes", kGauge,
     "What leat_pipeline_queue_bytes may come to: limits.queue_bytes.",
     [](const PipelineStatus& pipeline) { return number(pipeline.queue_bytes_max); }},
    {"leat_pipeline_records_held", kGauge,
     "Records that were accepted, and are neither delivered nor failed yet.",
     [](const PipelineStatus& pipeline) { return number(pipeline.records); }},
    {"leat_pipeline_sessions", kGauge, "Clients that send and get their own results back.",
     [](const PipelineStatus& pipeline) { return number(pipeline.sessions); }},
    {"leat_pipeline_producers", kGauge,
     "Producers, those included that are gone and have something left in the pipeline.",
     [](const PipelineStatus& pipeline) { return number(pipeline.producers); }},
    {"leat_pipeline_consumers", kGauge, "Clients that receive results.",
     [](const PipelineStatus& pipeline) { return number(pipeline.consumers); }},
    {"leat_pipeline_results_waiting", kGauge, "Results that wait for a consumer.",
     [](const PipelineStatus& pipeline) { return number(pipeline.results); }},
    {"leat_pipeline_results_oldest_age_seconds", kGauge,
     "How long the oldest of the waiting results has waited.",
     [](const PipelineStatus& pipeline) { return seconds(pipeline.results_oldest_ns); }},
    {"leat_pipeline_back_pressure_seconds_total", kCounter,
     "How long at least one producer that has more to send had no credit left.",
     [](const PipelineStatus& pipeline) { return seconds(pipeline.back_pressure_ns); }},
    {"leat_pipeline_held_back_by_sink", kGauge, "1 while results wait and there is no consumer.",
     [](const PipelineStatus& pipeline) {
       return truth(pipeline.results > 0 && pipeline.consumers == 0);
     }},
}};

constexpr std::array<Metric<StageStatus>, 7> kOfStage = {{
    {"leat_stage_failing", kGauge,
     "1 while the stage cannot work on any node, and is tried again until it can.",
     [](const StageStatus& stage) { return truth(stage.failing); }},
    {"leat_stage_paused", kGauge, "1 while the stage is given nothing because somebody paused it.",
     [](const StageStatus& stage) { return truth(stage.paused); }},
    {"leat_stage_queue_records", kGauge, "Records that wait at the broker for the stage.",
     [](const StageStatus& stage) { return number(stage.waiting); }},
    {"leat_stage_queue_bytes", kGauge, "Bytes that wait at the broker for the stage.",
     [](const StageStatus& stage) { return number(stage.waiting_bytes); }},
    {"leat_stage_oldest_age_seconds", kGauge,
     "Age of the oldest record that has no outcome at the stage; 0 when there is none.",
     [](const StageStatus& stage) { return seconds(stage.oldest_ns); }},
    {"leat_stage_held_back_seconds_total", kCounter,
     "How long the stage's records waited because what comes after it took no more.",
     [](const StageStatus& stage) { return seconds(stage.held_back_ns); }},
    {"leat_stage_replicas_desired", kGauge, "Replicas that the stage is to have on all nodes.",
     [](const StageStatus& stage) { return number(stage.replicas); }},
}};

constexpr std::array<Metric<StageOnNode>, 11> kOnNode = {{
    {"leat_stage_records_in_total", kCounter, "Records whose outcome the node found.",
     [](const StageOnNode& stage) { return number(stage.records_in); }},
    {"leat_stage_records_out_total", kCounter, "Records that came out of the stage.",
     [](const StageOnNode& stage) { return number(stage.records_out); }},
    {"leat_stage_bytes_in_total", kCounter, "Bytes of leat_stage_records_in_total.",
     [](const StageOnNode& stage) { return number(stage.bytes_in); }},
    {"leat_stage_bytes_out_total", kCounter, "Bytes of leat_stage_records_out_total.",
     [](const StageOnNode& stage) { return number(stage.bytes_out); }},
    {"leat_stage_records_retried_total", kCounter, "Records that were tried again.",
     [](const StageOnNode& stage) { return number(stage.retried); }},
    {"leat_stage_records_dead_lettered_total", kCounter, "Records that became dead letters.",
     [](const StageOnNode& stage) { return number(stage.dead_letters); }},
    {"leat_stage_records_dropped_total", kCounter,
     "Records that failed and were dropped, as the pipeline file asks.",
     [](const StageOnNode& stage) { return number(stage.dropped); }},
    {"leat_stage_records_in_flight", kGauge, "Records that are leased to the node now.",
     [](const StageOnNode& stage) { return number(stage.leased); }},
    {"leat_stage_busy_seconds_total", kCounter,
     "Time that the replicas spent with records inside, added over them.",
     [](const StageOnNode& stage) { return seconds(stage.busy_ns); }},
    {"leat_stage_replicas_assigned", kGauge, "Replicas that the node is to run.",
     [](const StageOnNode& stage) { return number(stage.replicas); }},
    {"leat_stage_replicas_ready", kGauge, "Replicas that run on the node.",
     [](const StageOnNode& stage) { return number(stage.replicas_ready); }},
}};

// Any bytes as UTF-8 text: a byte that is none, and any control character, as \xNN. (Quotes and
// backslashes are the serializer's matter.)
std::string label_text(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  while (const auto bad = spec::first_byte_not_text(bytes)) {
    const auto byte = static_cast<unsigned char>(bytes[*bad]);
    text += bytes.substr(0, *bad);
    text += {'\\', 'x', kDigits[byte / 16U], kDigits[byte % 16U]};
    bytes.remove_prefix(*bad + 1);
  }
  return text.append(bytes);
}

Labels with(Labels labels, const char* name, std::string_view value) {
  labels.push_back({name, label_text(value)});
  return labels;
}

// All that the status tells of, ready to be shown once for each metric.
struct Table {
  Rows<PipelineStatus> pipelines;
  Rows<StageStatus> stages;
  Rows<StageOnNode> on_nodes;
};

void add_rows(Table& table, const StageStatus& stage, Labels labels) {
  for (const StageOnNode& on_node : stage.nodes) {
    table.on_nodes.push_back({with(labels, "node", on_node.node), &on_node});
  }
  table.stages.push_back({std::move(labels), &stage});
}

Table table_of(const wire::Status& status) {
  Table table;
  for (const PipelineStatus& pipeline : status.pipelines) {
    Labels labels = with({}, "pipeline", pipeline.name);
    for (const StageStatus& stage : pipeline.stages) {
      add_rows(table, stage, with(labels, "stage", stage.name));
    }
    table.pipelines.push_back({std::move(labels), &pipeline});
  }
  return table;
}

// What it returns is good until the next is added.
MetricFamily& add_family(Families& families, const char* name, MetricType type, const char* help) {
  families.push_back({name, help, type, {}});
  return families.back();
}

void add_value(MetricFamily& family, Labels labels, double value) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
}

template <class T>
void add_all(Families& families, std::span<const Metric<T>> metrics, const Rows<T>& rows) {
  for (const Metric<T>& metric : metrics) {
    MetricFamily& family = add_family(families, metric.name, metric.type, metric.help);
    for (const Row<T>& row : rows) {
      add_value(family, row.labels, metric.value(*row.told));
    }
  }
}

// `known`: names that are told from the start.
void add_named(MetricFamily& family, const Labels& labels, const char* label,
               const std::vector<NamedCount>& counts, const std::vector<std::string>& known) {
  std::map<std::string, std::uint64_t> sums;
  for (const std::string& name : known) {
    sums[name] = 0;
  }
  for (const NamedCount& named : counts) {
    sums[named.name] += named.count;
  }
  for (const auto& [name, count] : sums) {
    add_value(family, with(labels, label, name), number(count));
  }
}

void add_histogram(MetricFamily& family, const Labels& labels, const Histogram::Counts& counts) {
  const LatencyBuckets folded = fold(counts);
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = labels;
  metric.histogram.sample_count = folded.total;
  metric.histogram.sample_sum = folded.sum_seconds;
  metric.histogram.bucket.reserve(kLatencyEnds.size());
  for (std::size_t i = 0; i < kLatencyEnds.size(); ++i) {
    const auto end = static_cast<std::uint64_t>(kLatencyEnds.at(i).count());
    metric.histogram.bucket.push_back({folded.up_to.at(i), seconds(end)});
  }
}

std::vector<std::string> failure_reasons() {
  std::vector<std::string> names;
  names.reserve(wire::kFailureKinds);
  for (std::size_t kind = 0; kind < wire::kFailureKinds; ++kind) {
    names.emplace_back(wire::name_of(static_cast<wire::FailureKind>(kind)));
  }
  return names;
}

void add_stages(Families& families, const Table& table) {
  add_all<StageStatus>(families, kOfStage, table.stages);
  MetricFamily& wait = add_family(families, "leat_stage_wait_seconds", MetricType::Histogram,
                                  "How long records waited at the broker before they were leased.");
  for (const Row<StageStatus>& row : table.stages) {
    add_histogram(wait, row.labels, row.told->wait);
  }
}

void add_on_nodes(Families& families, const Table& table) {
  add_all<StageOnNode>(families, kOnNode, table.on_nodes);
  MetricFamily& failed = add_family(families, "leat_stage_records_failed_total", kCounter,
                                    "Records that failed for good, by reason.");
  const std::vector<std::string> reasons = failure_reasons();
  for (const Row<StageOnNode>& row : table.on_nodes) {
    add_named(failed, row.labels, "reason", row.told->failed, reasons);
  }
  MetricFamily& restarts = add_family(families, "leat_stage_restarts_total", kCounter,
                                      "Processes that were started anew, by cause.");
  for (const Row<StageOnNode>& row : table.on_nodes) {
    add_named(restarts, row.labels, "cause", row.told->restarts, {});
  }
  // Its sum is not busy_ns: that goes on from the last answer until the tool is seen at rest.
  MetricFamily& service = add_family(families, "leat_stage_tool_seconds", MetricType::Histogram,
                                     "Time in the tool for each record.");
  for (const Row<StageOnNode>& row : table.on_nodes) {
    add_histogram(service, row.labels, row.told->service);
  }
}

// A node that only the counts remember has left, or was lost.
void add_nodes(Families& families, const wire::Status& status, const Table& table) {
  std::map<std::string, const NodeStatus*> nodes;
  for (const Row<StageOnNode>& row : table.on_nodes) {
    nodes[row.told->node] = nullptr;
  }
  for (const NodeStatus& node : status.nodes) {
    nodes[node.name] = &node;
  }
  MetricFamily& up =
      add_family(families, "leat_node_up", kGauge,
                 "1 while the node belongs to the cluster; 0 while it joins, and "
                 "when it is gone and has worked for a pipeline that is still here.");
  for (const auto& [name, node] : nodes) {
    add_value(up, with({}, "node", name), truth(node != nullptr && node->state != "joining"));
  }
  MetricFamily& cores =
      add_family(families, "leat_node_cores", kGauge, "Processor cores that the node offers.");
  for (const NodeStatus& node : status.nodes) {
    add_value(cores, with({}, "node", node.name), number(node.cores));
  }
}

void add_origin(Families& families, const Origin& origin) {
  MetricFamily& build =
      add_family(families, "leat_build_info", kGauge, "Always 1; tells the broker's version.");
  add_value(build, with({}, "version", origin.version), 1);
  MetricFamily& age =
      add_family(families, "leat_status_age_seconds", kGauge,
                 "How old all that is told here is: above some seconds, the broker hangs.");
  if (origin.age) add_value(age, {}, static_cast<double>(origin.age->count()) / 1e9);
}

}  // namespace

std::string metrics_text(const wire::Status& status, const Origin& origin) {
  const Table table = table_of(status);
  Families families;
  add_origin(families, origin);
  add_nodes(families, status, table);
  add_all<PipelineStatus>(families, kOfPipeline, table.pipelines);
  add_stages(families, table);
  add_on_nodes(families, table);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace leat::monitoring
