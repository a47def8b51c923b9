// Nodes that come, work, fail, are drained and are lost; and what runs where.

#include <algorithm>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/unit/broker/scene.h"

using leat::SegmentId;
using namespace leat::broker;
using namespace leat::broker::testing;
namespace wire = leat::wire;

namespace {

using Texts = std::vector<std::string>;

const std::string kTwo = "pipeline: p\nstages: [{name: a, run: x, replicas: 2}]\n";
const std::string kGpu = "pipeline: p\nstages: [{name: a, run: x, nodes: {gpu: 'true'}}]\n";

void fail_stage(Scene& scene, const std::string& node, const std::string& reason = "not found",
                const std::string& tail = "") {
  const wire::OpenInlet inlet = scene.nodes.at(node).inlets.begin()->second;
  scene.from(node, wire::StageFailed{.segment = inlet.segment,
                                     .epoch = inlet.epoch,
                                     .stage = "a",
                                     .reason = reason,
                                     .stderr_tail = tail});
}

wire::NodeStatus node_status(const Scene& scene, const std::string& name) {
  const auto nodes = scene.core.status("", scene.now).nodes;
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [&](const auto& node) { return node.name == name; });
  REQUIRE(found != nodes.end());
  return *found;
}

// As many lines as are submitted come back in order, wherever they were worked.
void check_work(Scene& scene, const std::string& client) {
  const Opened pipe = scene.pipe(client);
  scene.submit(pipe, 0, numbered(0, 20));
  scene.end(pipe, 20);
  scene.settle();
  CHECK(scene.delivered(client) == texts_of(numbered(0, 20)));
  scene.take_all(pipe);
}

}  // namespace

TEST_CASE("before its first report a node is given nothing") {
  Scene scene;
  scene.deploy(kEach);
  scene.nodes["n"] = {};
  scene.from("n", wire::NodeJoin{.name = "n", .incarnation = 5, .cores = 1});
  CHECK(node_status(scene, "n").state == "joining");
  CHECK(scene.replicas("n") == 0);
  scene.report("n");
  CHECK(node_status(scene, "n").state == "up");
  CHECK(scene.replicas("n") == 1);
}

TEST_CASE("an inlet is ordered once, and again only when a report lacks it") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  CHECK(scene.sent<wire::OpenInlet>("n").size() == 1);
  scene.beat(3);
  CHECK(scene.sent<wire::OpenInlet>("n").size() == 1);
  scene.from("n", wire::NodeReport{.number = 9});
  CHECK(scene.sent<wire::OpenInlet>("n").size() == 2);
}

TEST_CASE("an inlet that says it has another number of replicas is told again") {
  Scene scene;
  scene.deploy(kTwo);
  scene.join("n");
  for (const std::uint32_t replicas : {0U, 1U, std::numeric_limits<std::uint32_t>::max()}) {
    const std::size_t before = scene.sent<wire::OpenInlet>("n").size();
    wire::NodeReport report = scene.report_of("n");
    report.inlets.front().replicas = replicas;
    report.inlets.front().replicas_ready = replicas;
    scene.from("n", report);
    REQUIRE(scene.sent<wire::OpenInlet>("n").size() == before + 1);
    CHECK(scene.sent<wire::OpenInlet>("n").back().replicas == 2);
  }
  const wire::PipelineStatus status = scene.status();
  for (const auto& node : status.stages.front().nodes) {
    CHECK(node.replicas_ready <= 2);
  }
}

TEST_CASE("an address is connected to when it changes, and none is none") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  wire::NodeReport report = scene.report_of("n");
  report.inlets.front().address = "";
  scene.from("n", report);
  CHECK(scene.ordered<ConnectInlet>().empty());
  scene.beat(2);
  CHECK(scene.ordered<ConnectInlet>().size() == 1);
  report.inlets.front().address = "elsewhere";
  scene.from("n", report);
  REQUIRE(scene.ordered<ConnectInlet>().size() == 2);
  CHECK(scene.ordered<ConnectInlet>().back().address == "elsewhere");
  report.inlets.front().address = "";
  scene.from("n", report);
  CHECK(scene.ordered<ConnectInlet>().size() == 2);
}

TEST_CASE("a segment that a node should not have is closed there, and nothing else happens") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  wire::NodeReport report = scene.report_of("n");
  const SegmentId known = report.inlets.front().segment;
  report.inlets.push_back(report.inlets.front());
  report.inlets.back().segment.index = 7;
  report.inlets.push_back(report.inlets.front());
  report.inlets.back().segment.deployment.counter += 100;
  scene.from("n", report);
  const auto closed = scene.sent<wire::CloseInlet>("n");
  REQUIRE(closed.size() == 2);
  CHECK(closed.front().segment.index == 7);
  const auto beat = scene.sent<wire::BrokerBeat>("n").back();
  REQUIRE(beat.inlets.size() == 1);
  CHECK(beat.inlets.front().segment == known);
}

TEST_CASE("an inlet that is listed twice in one report is heard once") {
  Scene scene;
  scene.deploy(kFour);
  scene.join("n");
  scene.settle();
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 1));
  const std::size_t leases = scene.leases().size();
  scene.now = scene.now + 2s;
  wire::NodeReport report = scene.report_of("n");
  report.inlets.front().leases.clear();
  report.inlets.push_back(report.inlets.front());
  scene.from("n", report);
  CHECK(scene.leases().size() == leases);
}

TEST_CASE("who is no node is told to join") {
  Scene scene;
  scene.deploy(kEach);
  const std::vector<wire::Message> words = {wire::NodeReport{.number = 1}, wire::InletCredit{},
                                            wire::StageFailed{}, wire::NodeLogs{}};
  for (const wire::Message& word : words) {
    scene.from("stranger", word);
    CHECK(scene.refusal("stranger").find("join") != std::string::npos);
  }
  scene.from("stranger", wire::NodeLeave{});
}

TEST_CASE("replicas are spread over nodes, and a node that joins takes its share") {
  Scene scene;
  scene.deploy(kFour);
  scene.join("n");
  scene.settle();
  CHECK(scene.replicas("n") == 4);
  scene.join("m");
  scene.settle();
  CHECK(scene.replicas("n") == 2);
  CHECK(scene.replicas("m") == 2);
  CHECK(node_status(scene, "m").replicas == 2);
  check_work(scene, "client");
}

TEST_CASE("pipelines share nodes evenly, in whatever order they come") {
  Scene scene;
  for (const char* const name : {"p", "q", "r", "s"}) {
    scene.deploy("pipeline: " + std::string(name) + "\nstages: [{name: a, run: x, replicas: 3}]\n");
  }
  for (const char* const node : {"k", "l", "m"}) {
    scene.join(node);
    scene.settle();
  }
  for (const char* const node : {"k", "l", "m"}) {
    CHECK(scene.replicas(node) == 4);
  }
  const std::size_t orders = scene.sent<wire::OpenInlet>("k").size();
  scene.beat(5);
  CHECK(scene.sent<wire::OpenInlet>("k").size() == orders);
}

TEST_CASE("a stage runs only where its labels are") {
  Scene scene;
  scene.deploy(kGpu);
  scene.join("plain");
  scene.settle();
  CHECK(scene.replicas("plain") == 0);
  CHECK(scene.status().state.find("no node") != std::string::npos);
  CHECK(scene.status().state.find("'plain' has no label gpu") != std::string::npos);
  scene.join("gpu", {{"gpu", "true"}});
  scene.settle();
  CHECK(scene.replicas("gpu") == 1);
  CHECK(scene.replicas("plain") == 0);
  CHECK(scene.status().state == "running");
}

TEST_CASE("a deploy that no node may run says why") {
  Scene scene;
  scene.join("plain");
  scene.join("other", {{"gpu", "false"}});
  scene.deploy(kGpu);
  const std::string reason = scene.refusal("client");
  CHECK(reason.find("node 'plain' has no label gpu") != std::string::npos);
  CHECK(reason.find("node 'other' has gpu=false and not gpu=true") != std::string::npos);
  CHECK(scene.core.status("", scene.now).pipelines.empty());
}

TEST_CASE("the only replica of a stage stays where it is") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  scene.join("m", {}, 64);
  scene.settle();
  CHECK(scene.replicas("n") == 1);
  CHECK(scene.replicas("m") == 0);
}

TEST_CASE("a node whose inlet cannot be reached is given up, and the others work on") {
  Scene scene;
  scene.deploy_on_two(kTwo);
  const Opened pipe = scene.pipe("client");
  scene.submit(pipe, 0, numbered(0, 20));
  scene.end(pipe, 20);
  // What is sent to n gets lost on the way.
  for (int i = 0; i < 20 && scene.replicas("n") > 0; ++i) {
    scene.nodes.at("n").leases.clear();
    scene.beat();
  }
  CHECK(scene.replicas("n") == 0);
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 20)));
  CHECK(scene.status().state == "running");
}

TEST_CASE("a broker that was stopped holds nobody's silence against him") {
  Scene scene;
  scene.deploy(kTwo);
  scene.join("n");
  scene.settle();
  const Opened pipe = scene.pipe("client");
  scene.now = scene.now + 60s;
  scene.core.excuse_all(scene.now);
  scene.tick();
  CHECK(node_status(scene, "n").state == "up");
  CHECK(scene.status().sessions == 1);
  scene.wait(60s);
  CHECK(scene.core.status("", scene.now).nodes.empty());
  CHECK(scene.status().sessions == 0);
}

// ---- Draining.

TEST_CASE("a drained node finishes what it has, gets nothing more, and is dismissed") {
  Scene scene;
  scene.deploy_on_two(kTwo);
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 10));
  REQUIRE_FALSE(scene.nodes.at("n").leases.empty());
  scene.from("operator", wire::Drain{"n"});
  CHECK(std::holds_alternative<wire::Done>(scene.last("operator")));
  CHECK(node_status(scene, "n").state == "draining");
  CHECK(scene.sent<wire::CloseInlet>("n").empty());
  CHECK_FALSE(scene.nodes.at("n").is_dismissed);
  const std::size_t there = scene.nodes.at("n").leases.size();
  scene.submit(client, 10, numbered(10, 10));
  CHECK(scene.nodes.at("n").leases.size() == there);
  scene.settle();
  CHECK(scene.nodes.at("n").is_dismissed);
  CHECK(scene.replicas("m") == 2);
  CHECK(scene.delivered("client") == texts_of(numbered(0, 20)));
  scene.from("n", wire::NodeLeave{});
  CHECK(scene.core.status("", scene.now).nodes.size() == 1);
}

TEST_CASE("draining twice is draining, and an unknown node is refused") {
  Scene scene;
  scene.join("n");
  scene.from("operator", wire::Drain{"n"});
  scene.from("operator", wire::Drain{"n"});
  CHECK(scene.sent<wire::Done>("operator").size() == 2);
  CHECK(scene.refusal("operator").empty());
  scene.from("operator", wire::Drain{"x"});
  CHECK(scene.refusal("operator").find("'x'") != std::string::npos);
  scene.from("operator", wire::Drain{""});
  CHECK_FALSE(scene.refusal("operator").empty());
}

TEST_CASE("an idle node is dismissed at once, and told again with each report until it leaves") {
  Scene scene;
  scene.join("n");
  scene.from("operator", wire::Drain{"n"});
  CHECK(scene.sent<wire::Dismissed>("n").size() == 1);
  scene.from("operator", wire::StatusRequest{""});
  CHECK(scene.sent<wire::Dismissed>("n").size() == 1);
  scene.report("n");
  CHECK(scene.sent<wire::Dismissed>("n").size() == 2);
}

TEST_CASE("the only replica moves from a drained node, and is never in two places") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  scene.join("m");
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 5));
  scene.from("operator", wire::Drain{"n"});
  CHECK(scene.replicas("m") == 0);
  scene.beat(2);
  CHECK(scene.replicas("m") == 0);
  scene.work();
  CHECK(scene.nodes.at("n").inlets.empty());
  CHECK(scene.replicas("m") == 1);
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 5)));
}

TEST_CASE("with its only node drained a pipeline waits, and goes on with the next one") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  scene.from("operator", wire::Drain{"n"});
  scene.settle();
  CHECK(scene.status().state.find("waiting") == 0);
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 3));
  scene.join("m");
  scene.settle();
  CHECK(scene.delivered("client").size() == 3);
}

// ---- Loss.

TEST_CASE("what a lost node had goes to another, and a late result of it is discarded") {
  Scene scene;
  scene.deploy_on_two(kTwo);
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 10));
  const std::vector<wire::Lease> there = scene.nodes.at("n").leases;
  REQUIRE_FALSE(there.empty());
  wire::LeaseResult late = scene.shell("n", there.front());
  late.outputs = there.front().slices.front();
  scene.forget("n");
  for (int i = 0; i < 6; ++i) {
    scene.beat();
  }
  CHECK(scene.core.status("", scene.now).nodes.size() == 1);
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 10)));
  scene.result(late);
  CHECK(scene.delivered("client").size() == 10);
}

TEST_CASE("a node that was cut off and is back goes on with what it holds") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 3));
  scene.lose("n");
  CHECK(node_status(scene, "n").state == "joining");
  const std::size_t orders = scene.sent<wire::OpenInlet>("n").size();
  scene.from("n", wire::NodeJoin{.name = "n", .incarnation = 5, .cores = 1});
  scene.report("n");
  CHECK(node_status(scene, "n").state == "up");
  CHECK(scene.sent<wire::OpenInlet>("n").size() == orders);
  scene.settle();
  CHECK(scene.delivered("client").size() == 3);
}

TEST_CASE("a lease that was lost on the way is sent again") {
  for (const std::string& spec : {kEach, kTwo}) {
    Scene scene;
    scene.deploy(spec);
    scene.join("n");
    scene.settle();
    const Opened client = scene.pipe("client");
    scene.submit(client, 0, numbered(0, 1));
    scene.nodes.at("n").leases.clear();
    scene.settle();
    CHECK(scene.delivered("client") == Texts{"0"});
  }
}

TEST_CASE("the broker wakes up for a node that goes silent") {
  Scene scene;
  scene.join("n");
  CHECK(scene.core.next_deadline() == scene.now + 5s);
  scene.wait(5s);
  CHECK(scene.core.status("", scene.now).nodes.empty());
  CHECK_FALSE(scene.core.next_deadline());
}

// ---- Stages that cannot work somewhere.

TEST_CASE("a stage that fails on one node runs on the others") {
  Scene scene;
  scene.deploy(kFour);
  scene.join("m");
  scene.join("n");
  scene.settle();
  fail_stage(scene, "n");
  CHECK(scene.replicas("n") == 0);
  CHECK(scene.replicas("m") == 4);
  CHECK(scene.status().state == "running");
  check_work(scene, "client");
}

TEST_CASE(
    "for good, a stage that failed on every node that may run it fails its pipeline, with each "
    "reason") {
  Scene scene(Scene::for_good());
  scene.deploy_on_two(kTwo);
  const Opened client = scene.pipe("client");
  fail_stage(scene, "n", "not found");
  CHECK(scene.sent<wire::SessionFailed>("client").empty());
  fail_stage(scene, "m", "not executable");
  REQUIRE(scene.sent<wire::SessionFailed>("client").size() == 1);
  const std::string reason = scene.sent<wire::SessionFailed>("client").front().reason;
  CHECK(reason.find("node 'n': not found") != std::string::npos);
  CHECK(reason.find("node 'm': not executable") != std::string::npos);
  CHECK(scene.nodes.at("m").inlets.empty());
  scene.submit(client, 0, numbered(0, 1));
  CHECK(scene.refusal("client").find("no such session") != std::string::npos);
}

TEST_CASE("a failure that is told twice is one") {
  Scene scene;
  scene.deploy_on_two(kTwo);
  const wire::OpenInlet inlet = scene.nodes.at("n").inlets.begin()->second;
  const wire::StageFailed failed{
      .segment = inlet.segment, .epoch = inlet.epoch, .stage = "a", .reason = "not found"};
  scene.from("n", failed);
  const std::size_t effects = scene.history.size();
  scene.from("n", failed);
  CHECK(scene.history.size() == effects);
  wire::StageFailed old = failed;
  old.epoch = 0;
  old.segment = scene.nodes.at("m").inlets.begin()->first;
  scene.from("m", old);
  CHECK(scene.replicas("m") == 2);
}

TEST_CASE("a node that left and is back may try again") {
  Scene scene;
  scene.deploy_on_two(kTwo);
  fail_stage(scene, "n");
  scene.from("n", wire::NodeLeave{});
  scene.join("n");
  scene.settle();
  CHECK(scene.replicas("n") == 1);
}

TEST_CASE("the reasons of many nodes make one that every client can read") {
  Scene scene(Scene::for_good());
  scene.deploy("pipeline: p\nstages: [{name: a, run: x, replicas: 60}]\n");
  for (int i = 0; i < 60; ++i) {
    scene.join("n" + std::to_string(i));
  }
  scene.settle();
  (void)scene.pipe("client");
  for (int i = 0; i < 60; ++i) {
    fail_stage(scene, "n" + std::to_string(i), std::string(60'000, 'r'),
               std::string(std::size_t{1} << 20, 't'));
    CHECK(scene.status().state.size() <= (std::size_t{64} << 10));
    CHECK(scene.status().stages.front().trouble.size() <= (std::size_t{64} << 10));
  }
  REQUIRE(scene.sent<wire::SessionFailed>("client").size() == 1);
  const std::string reason = scene.sent<wire::SessionFailed>("client").front().reason;
  CHECK(reason.size() <= (std::size_t{64} << 10));
  CHECK(reason.find("stage 'a'") == 0);
}
