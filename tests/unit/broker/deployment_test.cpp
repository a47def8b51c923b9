// One pipeline: deployed, changed while it works, scaled, and what it tells of itself.

#include "broker/deployment.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/unit/broker/scene.h"

using namespace leat::broker;
using namespace leat::broker::testing;
namespace wire = leat::wire;

namespace {

using Texts = std::vector<std::string>;

std::string stage(const std::string& rest) {
  return "pipeline: p\nstages: [{name: a, run: x" + rest + "}]\n";
}

// A pipeline on two nodes, with one client that has submitted.
Scene at_work(const std::string& spec, std::uint64_t records = 40) {
  Scene scene;
  scene.deploy(spec);
  scene.join("m");
  scene.join("n");
  scene.settle();
  scene.submit(scene.pipe("client"), 0, numbered(0, records));
  return scene;
}

void check_all_arrived(Scene& scene, std::uint64_t records = 40) {
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, records)));
}

wire::StageOnNode on_node(const Scene& scene, const std::string& name) {
  const auto nodes = scene.status().stages.front().nodes;
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [&](const auto& node) { return node.node == name; });
  REQUIRE(found != nodes.end());
  return *found;
}

}  // namespace

// ---- Deploying again.

TEST_CASE("a first deploy tells what is new, the same text again nothing") {
  Scene scene;
  scene.deploy(stage(", replicas: 3"));
  const auto first = std::get<wire::Deployed>(scene.last("client"));
  CHECK(first.pipeline == "p");
  CHECK(first.changes == "pipeline p: new\nstage a: 3 replicas\n");
  scene.deploy(stage(", replicas: 3"));
  const auto second = std::get<wire::Deployed>(scene.last("client"));
  CHECK(second.deployment == first.deployment);
  CHECK(second.changes.empty());
}

TEST_CASE("what cannot be parsed is refused with its place, and nothing changes") {
  Scene scene;
  scene.deploy(kEach);
  scene.deploy("pipeline: p\nstages: [{nam: a}]\n");
  CHECK(scene.refusal("client").find("f:2:") == 0);
  scene.from("client", wire::Describe{"p"});
  CHECK(std::get<wire::Description>(scene.last("client")).spec_text == kEach);
}

TEST_CASE("another command is taken over in place: tools start anew, and records go on") {
  Scene scene = at_work(stage(", replicas: 2"));
  scene.work();
  const std::size_t opened = scene.sent<wire::OpenInlet>("n").size();
  const std::uint64_t epoch = scene.nodes.at("n").inlets.begin()->second.epoch;
  scene.deploy("pipeline: p\nstages: [{name: a, run: y, replicas: 2}]\n");
  const auto deployed = scene.sent<wire::Deployed>("client").back();
  CHECK(deployed.changes == "stage a: another command\n");
  CHECK(scene.sent<wire::OpenInlet>("n").size() == opened + 1);
  CHECK(scene.nodes.at("n").inlets.begin()->second.epoch > epoch);
  CHECK(scene.sent<wire::CloseInlet>("n").size() == 1);
  CHECK(scene.refusal("client").empty());
  check_all_arrived(scene);
}

TEST_CASE("1 replica becomes 4 and 4 become 1 in the middle, and everything arrives in order") {
  for (const auto& [before, after] : {std::pair{"", ", replicas: 4"}, {", replicas: 4", ""}}) {
    Scene scene = at_work(stage(before));
    scene.work();
    scene.deploy(stage(after));
    scene.beat();
    CHECK(scene.replicas("m") + scene.replicas("n") == scene.status().stages.front().replicas);
    check_all_arrived(scene);
  }
}

TEST_CASE("scaling in the middle loses nothing and doubles nothing") {
  Scene scene = at_work(kEach, 200);
  for (const std::uint32_t replicas : {4U, 2U, 1U, 1U, 8U, 1U, 3U}) {
    scene.beat(2);
    scene.work();
    scene.from("operator", wire::Scale{"p", "a", replicas});
    CHECK(scene.sent<wire::Done>("operator").back().what == "scale");
    CHECK(scene.sent<wire::Done>("operator").back().count == 0);
    scene.beat(2);
    CHECK(scene.replicas("m") + scene.replicas("n") == replicas);
  }
  check_all_arrived(scene, 200);
}

TEST_CASE("a node that keeps its replicas through scaling is not started anew") {
  Scene scene = at_work(stage(", replicas: 2"));
  const std::uint64_t epoch = scene.nodes.at("n").inlets.begin()->second.epoch;
  scene.from("operator", wire::Scale{"p", "a", 6});
  CHECK(scene.nodes.at("n").inlets.begin()->second.epoch == epoch);
  CHECK(scene.sent<wire::CloseInlet>("n").empty());
  CHECK(scene.replicas("n") == 3);
}

TEST_CASE("other stages replace a pipeline that is empty, and not one that has records") {
  Scene scene = at_work(kEach);
  const std::string other = "pipeline: p\nstages: [{name: b, run: x}]\n";
  scene.deploy(other);
  CHECK(scene.refusal("client").find("40 records are in it") != std::string::npos);
  check_all_arrived(scene);
  scene.from("client", wire::Taken{scene.sent<wire::SessionState>("client").back().producer, 1,
                                   scene.sent<wire::Delivery>("client").back().number, 0});
  const auto old = scene.nodes.at("m").inlets;
  scene.deploy(other);
  CHECK(scene.sent<wire::Deployed>("client").back().changes == "stage b: new\nstage a: removed\n");
  CHECK(scene.sent<wire::SessionFailed>("client").size() == 1);
  scene.settle();
  CHECK(scene.replicas("m") + scene.replicas("n") == 1);
  CHECK(scene.core.status("", scene.now).pipelines.size() == 1);
}

TEST_CASE("a replaced pipeline is not started once more on its way out") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  const auto old = scene.nodes.at("n").inlets.begin()->first;
  const std::size_t before = scene.sent<wire::OpenInlet>("n").size();
  scene.deploy("pipeline: p\nstages: [{name: b, run: x}]\n");
  const auto orders = scene.sent<wire::OpenInlet>("n");
  REQUIRE(orders.size() == before + 1);
  CHECK(orders.back().segment.deployment != old.deployment);
}

TEST_CASE("windows that were being filled go on in the next version") {
  const std::string window = ", mode: window, window: {records: 4}";
  Scene scene = at_work(stage(window), 6);
  scene.deploy("pipeline: p\nstages: [{name: a, run: y" + window + "}]\n");
  const Opened client{"client", scene.sent<wire::SessionState>("client").back().producer};
  scene.submit(client, 6, numbered(6, 2));
  check_all_arrived(scene, 8);
}

TEST_CASE("a failed pipeline starts again when it is deployed again") {
  Scene scene(Scene::for_good());
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  const Opened sender = scene.sender("sender");
  scene.submit(sender, 0, numbered(0, 3));
  const auto inlet = scene.nodes.at("n").inlets.begin()->second;
  scene.from("n", wire::StageFailed{
                      .segment = inlet.segment, .epoch = inlet.epoch, .reason = "not found"});
  CHECK(scene.status().state == "failed: stage 'a': node 'n': not found");
  CHECK(scene.nodes.at("n").inlets.empty());
  scene.from("client", wire::OpenSession{.pipeline = "p", .producer = "c", .epoch = 1});
  CHECK(scene.sent<wire::SessionFailed>("client").front().reason.find("not found") !=
        std::string::npos);
  scene.deploy(kEach);
  CHECK(scene.sent<wire::Deployed>("client").back().changes == "started again after its failure\n");
  scene.settle();
  CHECK(scene.status().state.find("held back") == 0);
  (void)scene.consumer("consumer");
  CHECK(scene.delivered("consumer") == Texts{"0", "1", "2"});
}

TEST_CASE("failures that were set aside are tried again by the next version") {
  Scene scene = at_work(stage(", replicas: 2"), 3);
  const wire::Lease lease = scene.nodes.at("n").leases.at(0);
  scene.result(scene.failed("n", lease, lease.slices.front().runs.front().first.last(), 1));
  scene.deploy("pipeline: p\nstages: [{name: a, run: y, replicas: 2}]\n");
  check_all_arrived(scene, 3);
  for (const auto& delivery : scene.sent<wire::Delivery>("client")) {
    CHECK(delivery.dead_letters.empty());
  }
}

TEST_CASE("a version with other limits holds for sessions that are open") {
  const std::string limits = "pipeline: p\nlimits: {record_bytes: 1KiB, queue_bytes: 16KiB}\n";
  Scene scene = at_work(limits + "stages: [{name: a, run: x}]\n", 1);
  const Opened client{"client", scene.sent<wire::SessionState>("client").back().producer};
  scene.submit(client, 1, records_of({std::string(2000, 'x')}));
  CHECK(scene.refusal("client").find("1024") != std::string::npos);
  scene.deploy(kEach);
  scene.submit(client, 1, records_of({std::string(2000, 'x')}));
  CHECK(scene.refusal("client").empty());
  scene.settle();
  CHECK(scene.delivered("client").size() == 2);
}

TEST_CASE("there are so many pipelines and no more") {
  Settings settings = Scene::settings();
  settings.deployments_max = 1;
  Scene scene(settings);
  scene.deploy(kEach);
  scene.deploy("pipeline: q\nstages: [{name: a, run: x}]\n");
  CHECK(scene.refusal("client").find("limit") != std::string::npos);
  scene.deploy("pipeline: p\nstages: [{name: b, run: x}]\n");
  CHECK(scene.refusal("client").empty());
}

// ---- Failures of records.

TEST_CASE("the window of a producer without records can become a dead letter") {
  Scene scene;
  scene.deploy(stage(", mode: window, window: all"));
  scene.join("n");
  scene.settle();
  const Opened client = scene.pipe("client");
  scene.end(client, 0);
  REQUIRE(scene.leases().size() == 1);
  scene.result(scene.failed("n", scene.leases().front(), 0, 1));
  scene.settle();
  const auto deliveries = scene.sent<wire::Delivery>("client");
  REQUIRE_FALSE(deliveries.empty());
  REQUIRE(deliveries.front().dead_letters.size() == 1);
  CHECK(deliveries.front().dead_letters.front().records.count == 0);
  CHECK(scene.is_told_the_end("client"));
}

TEST_CASE("a result that says nothing of its own inputs is passed over and acknowledged") {
  Scene scene = at_work(kEach, 3);
  scene.settle();
  Scene fresh = at_work(kEach, 3);
  const wire::Lease lease = fresh.nodes.at("m").leases.empty() ? fresh.nodes.at("n").leases.at(0)
                                                               : fresh.nodes.at("m").leases.at(0);
  const std::string name = fresh.nodes.at("m").leases.empty() ? "n" : "m";
  wire::LeaseResult result = fresh.failed(name, lease, 0, 1);
  result.failures.front().first = leat::Position(2);
  fresh.result(result);
  CHECK(fresh.delivered("client").empty());
  CHECK_FALSE(fresh.sent<wire::ResultsDone>(name).empty());
  check_all_arrived(fresh, 3);
}

// ---- Status.

TEST_CASE("the status counts what went in and out, where, and what is there now") {
  Scene scene = at_work(stage(", replicas: 2"), 10);
  wire::PipelineStatus status = scene.status();
  CHECK(status.state == "running");
  CHECK(status.sessions == 1);
  CHECK(status.records == 10);
  CHECK(status.queue_bytes > 0);
  CHECK(on_node(scene, "m").leased + on_node(scene, "n").leased + status.stages.front().waiting ==
        10);
  CHECK(on_node(scene, "n").replicas == 1);
  CHECK(on_node(scene, "n").replicas_ready == 1);
  scene.settle();
  CHECK(on_node(scene, "m").records_in + on_node(scene, "n").records_in == 10);
  CHECK(on_node(scene, "m").records_out + on_node(scene, "n").records_out == 10);
  CHECK(on_node(scene, "m").busy_ns > 0);
  status = scene.status();
  std::uint64_t waits = 0;
  for (const auto& [bucket, times] : status.stages.front().wait) {
    waits += times;
  }
  CHECK(waits == 10);
  CHECK(status.stages.front().waiting == 0);
  CHECK(status.records == 10);
}

TEST_CASE("what a node did stays in the status when it is gone") {
  Scene scene = at_work(stage(", replicas: 2"), 10);
  scene.settle();
  const std::uint64_t done = on_node(scene, "n").records_in;
  REQUIRE(done > 0);
  scene.from("n", wire::NodeLeave{});
  scene.forget("n");
  scene.settle();
  CHECK(on_node(scene, "n").records_in == done);
  CHECK(on_node(scene, "n").replicas == 0);
  CHECK(on_node(scene, "m").replicas == 2);
}

TEST_CASE("a stage without enough nodes says how many replicas it lacks, and why") {
  Scene scene;
  scene.deploy(stage(", replicas: 2"));
  CHECK(scene.status().stages.front().trouble == "2 of 2 replicas have no node");
  CHECK(scene.status().state == "waiting: stage 'a': 2 of 2 replicas have no node");
  scene.join("n");
  scene.settle();
  CHECK(scene.status().stages.front().trouble.empty());
}

TEST_CASE("the age of the oldest record is told") {
  Scene scene;
  scene.deploy(kEach);
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 1));
  scene.now = scene.now + 3s;
  CHECK(scene.status().stages.front().oldest_ns == 3'000'000'000);
  CHECK(scene.status().stages.front().waiting == 1);
}

TEST_CASE("the time for which a stage was held back is counted while it is, and after") {
  Scene scene;
  scene.deploy(
      "pipeline: p\nlimits: {record_bytes: 1KiB, queue_bytes: 16KiB}\n"
      "stages: [{name: a, run: x, replicas: 2}]\n");
  scene.join("n");
  scene.settle();
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, records_of(std::vector<std::string>(20, std::string(1000, 'x'))));
  CHECK(scene.status().stages.front().held_back_ns == 0);
  scene.now = scene.now + 2s;
  CHECK(scene.status().stages.front().held_back_ns == 2'000'000'000);
  for (int i = 0; i < 20; ++i) {
    scene.settle();
    scene.take_all(client);
  }
  const std::uint64_t held = scene.status().stages.front().held_back_ns;
  CHECK(held >= 2'000'000'000);
  scene.now = scene.now + 9s;
  CHECK(scene.status().stages.front().held_back_ns == held);
}
