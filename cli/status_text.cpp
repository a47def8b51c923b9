#include "cli/status_text.h"

#include <vector>

#include "cli/table.h"
#include "core/words.h"

namespace leat::cli {

namespace {

// Each line further to the right.
std::string indented(const std::string& text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    result += "  " + text.substr(at, end - at);
    at = end;
  }
  return result;
}

std::string age(std::uint64_t ns) {
  return short_time(Duration(static_cast<Duration::rep>(ns)));
}

// Those that are there: "2 producers, 1 consumer".
std::string company(const wire::PipelineStatus& pipeline) {
  std::string text;
  if (pipeline.producers > 0) text += ", " + count_of(pipeline.producers, "producer");
  if (pipeline.consumers > 0) text += ", " + count_of(pipeline.consumers, "consumer");
  if (pipeline.sessions > 0) text += ", " + count_of(pipeline.sessions, "pipe");
  return text;
}

std::string stage_table(const wire::PipelineStatus& pipeline) {
  std::vector<Row> rows = {{"stage", "replicas", "waiting", "in flight", "in", "out", "p50", "p99",
                            "retried", "dead letters", "dropped", "oldest"}};
  for (const wire::StageStatus& stage : pipeline.stages) {
    const StageTotals totals = sum_over_nodes(stage);
    rows.push_back(
        {stage.name, std::to_string(totals.replicas_ready) + "/" + std::to_string(stage.replicas),
         with_commas(stage.waiting), with_commas(totals.leased), with_commas(totals.records_in),
         with_commas(totals.records_out), short_time(totals.service.quantile(0.5)),
         short_time(totals.service.quantile(0.99)), with_commas(totals.retried),
         with_commas(totals.dead_letters), with_commas(totals.dropped), age(stage.oldest_ns)});
  }
  return layout(rows);
}

std::string pipeline_text(const wire::PipelineStatus& pipeline) {
  std::string text = "pipeline " + pipeline.name + ": " + pipeline.state + "; " +
                     count_of(pipeline.records, "record") + " in it, " +
                     short_size(pipeline.queue_bytes) + " of " +
                     short_size(pipeline.queue_bytes_max) + company(pipeline) + "\n";
  std::string details;
  if (is_held_back_by_sink(pipeline)) {
    details += "held back by sink out: no consumer for " + count_of(pipeline.results, "result") +
               ", the oldest of them waits for " + age(pipeline.results_oldest_ns) +
               ": leat recv " + pipeline.name + "\n";
  } else if (pipeline.results > 0) {
    details += count_of(pipeline.results, "result") + " wait for their consumers, the oldest for " +
               age(pipeline.results_oldest_ns) + "\n";
  }
  if (!pipeline.stages.empty()) details += stage_table(pipeline);
  for (const wire::StageStatus& stage : pipeline.stages) {
    if (stage.paused) {
      details += "stage " + stage.name + ": paused; leat resume " + pipeline.name + " " +
                 stage.name + "\n";
    }
    if (!stage.trouble.empty()) details += "stage " + stage.name + ": " + stage.trouble + "\n";
  }
  return text + indented(details);
}

std::string labels_text(const std::map<std::string, std::string>& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += (text.empty() ? "" : ",") + name + "=" + value;
  }
  return text.empty() ? "-" : text;
}

std::string node_table(const std::vector<wire::NodeStatus>& nodes) {
  std::vector<Row> rows = {{"node", "state", "cores", "replicas", "labels"}};
  for (const wire::NodeStatus& node : nodes) {
    rows.push_back({node.name, node.state, std::to_string(node.cores),
                    std::to_string(node.replicas), labels_text(node.labels)});
  }
  return layout(rows);
}

}  // namespace

StageTotals sum_over_nodes(const wire::StageStatus& stage) {
  StageTotals totals;
  for (const wire::StageOnNode& node : stage.nodes) {
    totals.records_in += node.records_in;
    totals.records_out += node.records_out;
    totals.leased += node.leased;
    totals.retried += node.retried;
    totals.dead_letters += node.dead_letters;
    totals.dropped += node.dropped;
    totals.replicas_ready += node.replicas_ready;
    for (const wire::NamedCount& restarts : node.restarts) {
      totals.restarts += restarts.count;
    }
    totals.service.merge(node.service);
  }
  return totals;
}

bool is_held_back_by_sink(const wire::PipelineStatus& pipeline) {
  return pipeline.results > 0 && pipeline.consumers == 0;
}

bool is_paused(const wire::PipelineStatus& pipeline) {
  return pipeline.state.starts_with("paused");
}

std::uint64_t finished_count(const wire::PipelineStatus& pipeline) {
  std::uint64_t finished = 0;
  for (const wire::StageStatus& stage : pipeline.stages) {
    finished += sum_over_nodes(stage).records_in;
  }
  return finished;
}

std::string waiting_state(const wire::PipelineStatus& pipeline) {
  if (is_paused(pipeline)) return pipeline.state + "; leat resume " + pipeline.name;
  if (pipeline.state != "running") return pipeline.state;
  for (const wire::StageStatus& stage : pipeline.stages) {
    const std::uint64_t inside = sum_over_nodes(stage).leased;
    if (inside == 0) continue;
    return "stage '" + stage.name + "' has " + count_of(inside, "record") +
           " and finishes none; if its tool hangs, a `timeout` in the stage ends that";
  }
  return "";
}

std::string summary_table(const wire::PipelineStatus& pipeline, Duration elapsed) {
  std::vector<Row> rows = {
      {"stage", "in", "out", "records/s", "p50", "p99", "failed", "restarts", "replicas"}};
  for (const wire::StageStatus& stage : pipeline.stages) {
    const StageTotals totals = sum_over_nodes(stage);
    rows.push_back({stage.name, with_commas(totals.records_in), with_commas(totals.records_out),
                    per_second(totals.records_in, elapsed),
                    short_time(totals.service.quantile(0.5)),
                    short_time(totals.service.quantile(0.99)),
                    with_commas(totals.dead_letters + totals.dropped), with_commas(totals.restarts),
                    std::to_string(stage.replicas)});
  }
  return layout(rows);
}

std::string status_text(const wire::Status& status) {
  std::string text;
  for (const wire::PipelineStatus& pipeline : status.pipelines) {
    text += pipeline_text(pipeline) + "\n";
  }
  if (status.pipelines.empty()) text += "no pipeline is deployed: leat deploy SPEC.yml\n\n";
  text += status.nodes.empty() ? "no node has joined: leat node\n" : node_table(status.nodes);
  return text;
}

}  // namespace leat::cli
