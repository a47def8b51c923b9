#include "monitoring/exporter.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

#include <catch2/catch.hpp>

#include "tests/unit/monitoring/sample_status.h"

namespace leat::monitoring {
namespace {

using testing::sample_status;
using testing::samples_of;

const Origin kOrigin = {.version = "1.2.3", .age = std::chrono::milliseconds(1500)};

std::map<std::string, double> told_of(const wire::Status& status) {
  return samples_of(metrics_text(status, kOrigin));
}

TEST_CASE("what a pipeline's status tells is in its metrics, in seconds and bytes") {
  auto told = told_of(sample_status());
  const std::string of_news = "{pipeline=\"news\"}";
  CHECK(told.at("leat_pipeline_up" + of_news) == 1);
  CHECK(told.at("leat_pipeline_failed" + of_news) == 0);
  CHECK(told.at("leat_pipeline_queue_bytes" + of_news) == 31);
  CHECK(told.at("leat_pipeline_queue_limit_bytes" + of_news) == 32);
  CHECK(told.at("leat_pipeline_records_held" + of_news) == 33);
  CHECK(told.at("leat_pipeline_sessions" + of_news) == 34);
  CHECK(told.at("leat_pipeline_producers" + of_news) == 35);
  CHECK(told.at("leat_pipeline_consumers" + of_news) == 36);
  CHECK(told.at("leat_pipeline_results_waiting" + of_news) == 37);
  CHECK(told.at("leat_pipeline_results_oldest_age_seconds" + of_news) == Approx(3.8));
  CHECK(told.at("leat_pipeline_back_pressure_seconds_total" + of_news) == Approx(2.5));
}

TEST_CASE("what a stage's status tells is in its metrics, in seconds and bytes") {
  auto told = told_of(sample_status());
  const std::string of_stage = "{pipeline=\"news\",stage=\"tokenize\"}";
  CHECK(told.at("leat_stage_replicas_desired" + of_stage) == 20);
  CHECK(told.at("leat_stage_queue_records" + of_stage) == 21);
  CHECK(told.at("leat_stage_queue_bytes" + of_stage) == 22);
  CHECK(told.at("leat_stage_oldest_age_seconds" + of_stage) == Approx(2.3));
  CHECK(told.at("leat_stage_held_back_seconds_total" + of_stage) == Approx(2.4));
  CHECK(told.at("leat_stage_wait_seconds_count" + of_stage) == 25);
  CHECK(told.at("leat_stage_wait_seconds_sum" + of_stage) == Approx(25 * 0.0007).epsilon(0.0625));
  const std::string bucket = "leat_stage_wait_seconds_bucket{pipeline=\"news\",stage=\"tokenize\"";
  CHECK(told.at(bucket + ",le=\"0.0005\"}") == 0);
  CHECK(told.at(bucket + ",le=\"0.001\"}") == 25);
  CHECK(told.at(bucket + ",le=\"300\"}") == 25);
  CHECK(told.at(bucket + ",le=\"+Inf\"}") == 25);
}

TEST_CASE("what happened at a stage is told for each node by itself") {
  auto told = told_of(sample_status());
  for (const auto& [node, base] : {std::pair("a", 100), std::pair("b", 200)}) {
    const std::string labels =
        "pipeline=\"news\",stage=\"tokenize\",node=\"" + std::string(node) + "\"";
    const std::string all = "{" + labels + "}";
    CHECK(told.at("leat_stage_records_in_total" + all) == base + 1);
    CHECK(told.at("leat_stage_records_out_total" + all) == base + 2);
    CHECK(told.at("leat_stage_bytes_in_total" + all) == base + 3);
    CHECK(told.at("leat_stage_bytes_out_total" + all) == base + 4);
    CHECK(told.at("leat_stage_records_failed_total{" + labels + ",reason=\"exit\"}") == base + 5);
    CHECK(told.at("leat_stage_restarts_total{" + labels + ",cause=\"exit\"}") == base + 7);
    CHECK(told.at("leat_stage_restarts_total{" + labels + ",cause=\"signal\"}") == 0);
    CHECK(told.at("leat_stage_records_retried_total" + all) == base + 8);
    CHECK(told.at("leat_stage_records_dead_lettered_total" + all) == base + 9);
    CHECK(told.at("leat_stage_records_dropped_total" + all) == base + 10);
    CHECK(told.at("leat_stage_records_in_flight" + all) == base + 11);
    CHECK(told.at("leat_stage_replicas_assigned" + all) == base + 12);
    CHECK(told.at("leat_stage_replicas_ready" + all) == base + 13);
    CHECK(told.at("leat_stage_busy_seconds_total" + all) == Approx((base + 14) * 0.5));
    CHECK(told.at("leat_stage_tool_seconds_count" + all) == base + 15);
  }
}

TEST_CASE("every reason of failure is there from the start, with 0") {
  wire::Status status = sample_status();
  status.pipelines[0].stages[0].nodes[0].failed.clear();
  auto told = told_of(status);
  for (const std::string reason :
       {"exit", "signal", "timeout", "mismatch", "framing", "oversize", "node-lost", "tool"}) {
    CHECK(told.at("leat_stage_records_failed_total{pipeline=\"news\",stage=\"tokenize\","
                  "node=\"a\",reason=\"" +
                  reason + "\"}") == 0);
  }
}

TEST_CASE("a reason that the exporter does not know is told, and twice the same one added up") {
  wire::Status status = sample_status();
  status.pipelines[0].stages[0].nodes[0].failed = {{"moon", 2}, {"exit", 3}, {"moon", 5}};
  auto told = told_of(status);
  const std::string labels = "{pipeline=\"news\",stage=\"tokenize\",node=\"a\",reason=";
  CHECK(told.at("leat_stage_records_failed_total" + labels + "\"moon\"}") == 7);
  CHECK(told.at("leat_stage_records_failed_total" + labels + "\"exit\"}") == 3);
}

TEST_CASE("a pipeline is up while it runs or is held back, and failed only when it has failed") {
  const auto state = [](const std::string& text) {
    wire::Status status = sample_status();
    status.pipelines[0].state = text;
    auto told = told_of(status);
    return std::array{told.at("leat_pipeline_up{pipeline=\"news\"}"),
                      told.at("leat_pipeline_failed{pipeline=\"news\"}")};
  };
  CHECK(state("running") == std::array{1.0, 0.0});
  CHECK(state("held back by sink out: no consumer") == std::array{1.0, 0.0});
  CHECK(state("paused") == std::array{1.0, 0.0});
  CHECK(state("waiting: no node has label gpu=true") == std::array{0.0, 0.0});
  CHECK(state("failing: stage 'parse': no such file") == std::array{0.0, 0.0});
  CHECK(state("failed: stage 'parse': no such file") == std::array{0.0, 1.0});
}

TEST_CASE("a stage that is failing is told as such") {
  wire::Status status = sample_status();
  const std::string name = "leat_stage_failing{pipeline=\"news\",stage=\"tokenize\"}";
  CHECK(told_of(status).at(name) == 0);
  status.pipelines[0].stages[0].failing = true;
  CHECK(told_of(status).at(name) == 1);
}

TEST_CASE(
    "a stage that is paused is told as such, and its pipeline is up unless it lacks replicas") {
  wire::Status status = sample_status();
  const std::string name = "leat_stage_paused{pipeline=\"news\",stage=\"tokenize\"}";
  CHECK(told_of(status).at(name) == 0);
  status.pipelines[0].state = "paused: stage 'tokenize'";
  status.pipelines[0].stages[0].paused = true;
  CHECK(told_of(status).at(name) == 1);
  CHECK(told_of(status).at("leat_pipeline_up{pipeline=\"news\"}") == 1);
  status.pipelines[0].stages[0].trouble = "1 of 20 replicas have no node";
  CHECK(told_of(status).at("leat_pipeline_up{pipeline=\"news\"}") == 0);
}

TEST_CASE("a sink holds a pipeline back when results wait and nobody takes them") {
  const auto is_held_back = [](std::uint64_t results, std::uint64_t consumers) {
    wire::Status status = sample_status();
    status.pipelines[0].results = results;
    status.pipelines[0].consumers = consumers;
    return told_of(status).at("leat_pipeline_held_back_by_sink{pipeline=\"news\"}");
  };
  CHECK(is_held_back(1, 0) == 1);
  CHECK(is_held_back(1, 1) == 0);
  CHECK(is_held_back(0, 0) == 0);
}

TEST_CASE("a node is up until it is gone, and what it did is told after that") {
  wire::Status status = sample_status();
  auto told = told_of(status);
  CHECK(told.at("leat_node_up{node=\"a\"}") == 1);
  CHECK(told.at("leat_node_up{node=\"b\"}") == 1);
  CHECK(told.at("leat_node_cores{node=\"b\"}") == 8);
  status.nodes[0].state = "joining";
  status.nodes.pop_back();
  told = told_of(status);
  CHECK(told.at("leat_node_up{node=\"a\"}") == 0);
  CHECK(told.at("leat_node_up{node=\"b\"}") == 0);
  CHECK(told.count("leat_node_cores{node=\"b\"}") == 0);
  CHECK(told.at("leat_stage_records_in_total{pipeline=\"news\",stage=\"tokenize\",node=\"b\"}") ==
        201);
}

TEST_CASE("the version and the status's age are told, the age only of a status that is there") {
  CHECK(told_of({}).at("leat_build_info{version=\"1.2.3\"}") == 1);
  CHECK(told_of({}).at("leat_status_age_seconds") == Approx(1.5));
  const auto told = samples_of(metrics_text({}, {.version = "1.2.3", .age = std::nullopt}));
  CHECK(told.size() == 1);
}

TEST_CASE("quotes, backslashes and newlines in a name stay inside its label") {
  wire::Status status = sample_status();
  status.nodes[0].name = "a\"} 1\nleat_node_up{node=\"evil\\";
  auto told = told_of(status);
  CHECK(told.count("leat_node_up{node=\"evil\\\\\"}") == 0);
  CHECK(told.at(R"(leat_node_up{node="a\"} 1\nleat_node_up{node=\"evil\\"})") == 1);
}

TEST_CASE("bytes that are no text are told in hexadecimal") {
  const auto label_of = [](const std::string& name) {
    wire::Status status;
    status.nodes = {{.name = name, .state = "up", .cores = 0, .replicas = 0, .labels = {}}};
    for (const auto& [sample, value] : told_of(status)) {
      if (sample.starts_with("leat_node_up")) return sample;
    }
    return std::string("none");
  };
  using namespace std::string_literals;
  CHECK(label_of("caf\xc3\xa9") == "leat_node_up{node=\"caf\xc3\xa9\"}");
  CHECK(label_of("\xff"
                 "a\xc3") == R"(leat_node_up{node="\\xffa\\xc3"})");
  CHECK(label_of("a\0b\x1b"s) == R"(leat_node_up{node="a\\x00b\\x1b"})");
  CHECK(label_of("") == R"(leat_node_up{node=""})");
}

TEST_CASE("every line is a comment or a sample of ours, and every metric has help and type") {
  const std::string text = metrics_text(sample_status(), kOrigin);
  std::size_t helps = 0;
  std::size_t types = 0;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    INFO(line);
    if (line.starts_with("# HELP leat_")) {
      ++helps;
      CHECK(line.ends_with('.'));
      CHECK(line.find('\\') == std::string::npos);
    } else if (line.starts_with("# TYPE leat_")) {
      ++types;
    } else {
      CHECK(line.starts_with("leat_"));
    }
  }
  CHECK(text.ends_with('\n'));
  CHECK(helps == types);
  CHECK(types == testing::types_of(text).size());
}

}  // namespace
}  // namespace leat::monitoring
