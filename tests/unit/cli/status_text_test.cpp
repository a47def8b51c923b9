#include "cli/status_text.h"

#include <string>

#include <catch2/catch.hpp>

using leat::Histogram;
using namespace leat::cli;
using Catch::Contains;
namespace wire = leat::wire;

namespace {

wire::StageOnNode on_node(const std::string& node, std::uint64_t records) {
  Histogram service;
  service.add(leat::Duration(1000), records);
  return {.node = node,
          .records_in = records,
          .records_out = records - 1,
          .failed = {{"exit", 1}, {"signal", 0}},
          .restarts = {{"exit", 3}},
          .retried = 2,
          .dead_letters = 1,
          .leased = 5,
          .replicas = 2,
          .replicas_ready = 1,
          .busy_ns = 1'500'000'000,
          .service = service.counts()};
}

wire::PipelineStatus news() {
  wire::StageStatus stage{.name = "parse",
                          .replicas = 4,
                          .trouble = "1 of 4 replicas have no node",
                          .waiting = 1234,
                          .oldest_ns = 2'000'000'000,
                          .nodes = {on_node("a", 1000), on_node("b", 500)}};
  return {.name = "news",
          .state = "running",
          .queue_bytes = 4096,
          .queue_bytes_max = 1'000'000,
          .records = 1244,
          .producers = 1,
          .stages = {stage}};
}

wire::Status cluster() {
  return {.pipelines = {news()},
          .nodes = {{.name = "a",
                     .state = "up",
                     .cores = 8,
                     .replicas = 2,
                     .labels = {{"gpu", "true"}, {"zone", "x"}}}}};
}

}  // namespace

TEST_CASE("a stage's standing is the sum over its nodes") {
  const StageTotals totals = sum_over_nodes(news().stages.front());
  CHECK(totals.records_in == 1500);
  CHECK(totals.records_out == 1498);
  CHECK(totals.leased == 10);
  CHECK(totals.retried == 4);
  CHECK(totals.dead_letters == 2);
  CHECK(totals.restarts == 6);
  CHECK(totals.replicas_ready == 2);
  CHECK(totals.service.total() == 1500);
}

TEST_CASE("the status tells pipelines, stages with what ails them, and nodes") {
  const std::string text = status_text(cluster());
  CHECK_THAT(text, Contains("pipeline news: running; 1,244 records in it, 4.1 kB of 1.0 MB, "
                            "1 producer\n"));
  CHECK_THAT(text, Contains("2/4") && Contains("1,234") && Contains("1,500"));
  CHECK_THAT(text, Contains("\n  stage parse: 1 of 4 replicas have no node\n"));
  CHECK_THAT(text, Contains("gpu=true,zone=x"));
}

TEST_CASE("what is not there is said, with the command that brings it") {
  const std::string text = status_text({});
  CHECK_THAT(text, Contains("leat deploy") && Contains("leat node"));
}

TEST_CASE("a stage that is paused is told as such, with the command that ends it") {
  wire::Status status = cluster();
  CHECK_THAT(status_json(status), Contains("\"paused\":false"));
  status.pipelines.front().stages.front().paused = true;
  CHECK_THAT(status_text(status), Contains("\n  stage parse: paused; leat resume news parse\n"));
  CHECK_THAT(status_json(status), Contains("\"paused\":true"));
}

TEST_CASE("results without a consumer are said to hold the pipeline back") {
  wire::Status status = cluster();
  wire::PipelineStatus& pipeline = status.pipelines.front();
  pipeline.results = 12;
  pipeline.results_oldest_ns = 3'000'000'000;
  CHECK(is_held_back_by_sink(pipeline));
  CHECK_THAT(status_text(status), Contains("held back by sink out: no consumer for 12 results") &&
                                      Contains("3.0 s") && Contains("leat recv news"));
  CHECK_THAT(status_json(status), Contains("\"held_back_by_sink\":true"));
  pipeline.consumers = 1;
  CHECK_FALSE(is_held_back_by_sink(pipeline));
  CHECK_THAT(status_text(status), Contains("12 results wait for their consumers"));
  CHECK_THAT(status_json(status), Contains("\"held_back_by_sink\":false"));
}

TEST_CASE("the JSON has the keys that are promised, with times in seconds") {
  const std::string json = status_json(cluster());
  CHECK_THAT(json, Contains("\"replicas_ready\":2") && Contains("\"oldest_seconds\":2.0") &&
                       Contains("\"busy_seconds\":1.5") && Contains("\"failed\":{\"exit\":1,") &&
                       Contains("\"restarts\":{\"exit\":3}") &&
                       Contains("\"labels\":{\"gpu\":\"true\",\"zone\":\"x\"}"));
  CHECK_THAT(json, Contains("\"service_seconds\":{\"count\":1000,"));
  CHECK(json.find('\n') == json.size() - 1);
}

TEST_CASE("bytes that are no UTF-8 do no harm in the JSON") {
  wire::Status status = cluster();
  status.nodes.front().labels["bad"] = "\xff\xfe";
  CHECK_THAT(status_json(status), Contains("\"bad\":"));
}

TEST_CASE("the summary counts what failed and how fast it went") {
  const std::string table = summary_table(news(), std::chrono::seconds(10));
  CHECK_THAT(table, Contains("parse") && Contains("150") && Contains("1,500"));
}

TEST_CASE("why nothing moves is what the broker says, or the stage that finishes nothing") {
  wire::PipelineStatus pipeline = news();
  CHECK_THAT(waiting_state(pipeline), Contains("stage 'parse' has 10 records and finishes none"));
  pipeline.state = "waiting: for a node";
  CHECK(waiting_state(pipeline) == "waiting: for a node");
  CHECK(waiting_state({.name = "idle", .state = "running"}).empty());
  pipeline.state = "paused: stage 'parse'";
  CHECK(waiting_state(pipeline) == "paused: stage 'parse'; leat resume news");
}
