// Stages that cannot work: when they are tried again, what becomes of the records, and what is
// said.

#include "broker/failings.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/broker/scene.h"

using leat::DeploymentId;
using leat::Duration;
using leat::Instant;
using leat::NodeId;
using leat::broker::Failings;
using leat::broker::Say;
using namespace leat::broker::testing;
namespace wire = leat::wire;

namespace {

using Patience = Failings::Patience;

const Failings::Key kHere = {0, NodeId{1, 2}};
const std::string kTwo = "pipeline: p\nstages: [{name: a, run: x, replicas: 2}]\n";

Failings made(Patience patience = Patience::kTriesAgain) {
  return {DeploymentId{1, 1}, patience};
}

void fail_stage(Scene& scene, const std::string& node) {
  const wire::OpenInlet inlet = scene.nodes.at(node).inlets.begin()->second;
  scene.from(node, wire::StageFailed{.segment = inlet.segment,
                                     .epoch = inlet.epoch,
                                     .stage = "a",
                                     .reason = "not found",
                                     .stderr_tail = "oh no\n"});
}

// Whatever is due is tried again.
void wait_for_retry(Scene& scene) {
  const std::optional<Instant> next = scene.core.next_deadline();
  REQUIRE(next);
  scene.now = std::max(*next, scene.now);
  scene.tick();
}

// A stage that has failed on its only node, and a client that has sent.
Scene failing(std::uint64_t records = 40) {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  fail_stage(scene, "n");
  scene.submit(scene.pipe("client"), 0, numbered(0, records));
  return scene;
}

// The node fails every record that it is given, one by one, until it is given no more.
void fail_all(Scene& scene, const std::string& name, std::size_t failures_max) {
  auto& leases = scene.nodes.at(name).leases;
  for (std::size_t i = 0; i < failures_max && !leases.empty(); ++i) {
    const wire::Lease lease = leases.front();
    leases.erase(leases.begin());
    const leat::Run& run = lease.slices.front().runs.front();
    for (std::uint32_t k = 0; k < run.inputs; ++k) {
      scene.result(scene.failed(name, lease, run.first.last() + k, 1));
    }
  }
}

std::vector<std::string> said(const Scene& scene) {
  std::vector<std::string> said;
  for (const Say& say : scene.ordered<Say>()) {
    if (say.text.find("pipeline 'p'") == 0) said.push_back(say.text);
  }
  return said;
}

std::size_t times_opened(const Scene& scene, const std::string& node) {
  return scene.sent<wire::OpenInlet>(node).size();
}

std::size_t dead_letters(const Scene& scene, const std::string& client) {
  std::size_t count = 0;
  for (const auto& delivery : scene.sent<wire::Delivery>(client)) {
    count += delivery.dead_letters.size();
  }
  return count;
}

}  // namespace

// ---- When.

TEST_CASE("it is tried again after 100 ms, twice as long each time, up to 30 s, and not just so") {
  Failings failings = made();
  Instant now{1s};
  Duration base = 100ms;
  bool has_varied = false;
  for (int i = 0; i < 20; ++i) {
    failings.add(kHere, {"n", "not found"}, now);
    CHECK(failings.bars(kHere));
    REQUIRE(failings.next_deadline());
    const Duration pause = *failings.next_deadline() - now;
    CHECK(pause >= base * 3 / 4);
    CHECK(pause <= base * 5 / 4);
    has_varied = has_varied || pause != base;
    CHECK_FALSE(failings.release_due(now + (pause - 1ns)));
    now = now + pause;
    CHECK(failings.release_due(now));
    CHECK_FALSE(failings.bars(kHere));
    CHECK(failings.has(kHere));
    base = std::min<Duration>(base * 2, 30s);
  }
  CHECK(has_varied);
}

TEST_CASE("what has worked begins with the shortest pause") {
  Failings failings = made();
  const Instant now{1s};
  for (int i = 0; i < 9; ++i) {
    failings.add(kHere, {"n", "not found"}, now);
  }
  failings.forget(kHere);
  failings.add(kHere, {"n", "not found"}, now);
  CHECK(*failings.next_deadline() - now <= 125ms);
}

TEST_CASE("two stages of one moment are not tried again together") {
  Failings failings = made();
  const Instant now{1s};
  std::vector<Instant> times;
  for (std::uint64_t node = 1; node <= 10; ++node) {
    Failings one = made();
    one.add({0, NodeId{1, node}}, {"n", "not found"}, now);
    times.push_back(*one.next_deadline());
  }
  CHECK(std::adjacent_find(times.begin(), times.end(), std::not_equal_to<>()) != times.end());
}

TEST_CASE("for good nothing is tried again") {
  Failings failings = made(Patience::kForGood);
  failings.add(kHere, {"n", "not found"}, Instant{1s});
  CHECK_FALSE(failings.next_deadline());
  CHECK_FALSE(failings.release_due(Instant{1h}));
  CHECK(failings.bars(kHere));
  CHECK(failings.reasons(0, Instant{1s}) == "node 'n': not found");
}

TEST_CASE("what runs for five seconds with nothing to do works, unless it failed at its work") {
  const auto [proof, works] = GENERATE(std::pair{Failings::Proof::kReady, true},
                                       std::pair{Failings::Proof::kResult, false});
  Failings failings = made();
  failings.add(kHere, {"n", "not found", proof}, Instant{1s});
  failings.begin(0);
  CHECK(failings.release_due(Instant{2s}));
  failings.seen_ready(kHere, Instant{2s});
  failings.seen_busy(kHere);
  failings.seen_ready(kHere, Instant{4s});
  failings.seen_ready(kHere, Instant{8s});
  CHECK(failings.is_failing(0));
  failings.seen_ready(kHere, Instant{9s});
  CHECK(failings.is_failing(0) == !works);
  CHECK(failings.take_recovered().size() == (works ? 1 : 0));
}

TEST_CASE("the reason is followed by when, and then by what the tool said") {
  Failings failings = made();
  failings.add(kHere, {"n", "not found\noh no\n"}, Instant{1s});
  CHECK(failings.reasons(0, Instant{1s}) == "node 'n': not found; tried again in 1 s\noh no\n");
  CHECK(failings.release_due(Instant{2s}));
  CHECK(failings.reasons(0, Instant{2s}) == "node 'n': not found; being tried again\noh no\n");
  CHECK(failings.reasons(1, Instant{2s}).empty());
}

TEST_CASE("a node without a failure shows that a stage works, too") {
  Failings failings = made();
  failings.add(kHere, {"n", "not found"}, Instant{1s});
  failings.begin(0);
  const Failings::Key other = {0, NodeId{1, 3}};
  failings.seen_ready(other, Instant{2s});
  failings.seen_ready(other, Instant{7s});
  CHECK(failings.take_recovered().size() == 1);
  CHECK(failings.bars(kHere));
}

// ---- In a broker.

TEST_CASE("a stage that cannot work anywhere is failing, says why, and its clients wait") {
  Scene scene = failing();
  CHECK(scene.sent<wire::SessionFailed>("client").empty());
  const wire::PipelineStatus status = scene.status();
  CHECK(status.state == "failing: stage 'a': node 'n': not found; tried again in 1 s\noh no\n");
  CHECK(status.stages.front().failing);
  CHECK(status.records == 40);
  CHECK(scene.replicas("n") == 0);
}

TEST_CASE("a failing stage is tried again in a new epoch, and works when its tool is mended") {
  Scene scene = failing();
  for (int i = 0; i < 5; ++i) {
    const std::size_t before = times_opened(scene, "n");
    while (times_opened(scene, "n") == before) {
      wait_for_retry(scene);
      scene.report("n");
    }
    const auto opened = scene.sent<wire::OpenInlet>("n");
    CHECK(opened.back().epoch > opened[opened.size() - 2].epoch);
    CHECK(scene.status().stages.front().failing);
    if (i < 4) fail_stage(scene, "n");
  }
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 40)));
  CHECK_FALSE(scene.status().stages.front().failing);
  CHECK(scene.status().state == "running");
  const auto log = said(scene);
  REQUIRE(log.size() == 2);
  CHECK(log[0].find("pipeline 'p': stage 'a' fails: node 'n': not found") == 0);
  CHECK(log[1] == "pipeline 'p': stage 'a' works again");
}

TEST_CASE("a failing stage without records works when its tool runs for a while") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  fail_stage(scene, "n");
  scene.beat(2);
  CHECK(scene.status().stages.front().failing);
  scene.beat(8);
  CHECK_FALSE(scene.status().stages.front().failing);
  CHECK(said(scene).size() == 2);
}

TEST_CASE("a stage that works on one node is not failing, and the other node is tried again") {
  Scene scene;
  scene.deploy_on_two(kTwo);
  fail_stage(scene, "n");
  CHECK(scene.replicas("m") == 2);
  CHECK_FALSE(scene.status().stages.front().failing);
  CHECK(said(scene).empty());
  // Until it has shown that it works it takes nothing from the other one.
  wait_for_retry(scene);
  CHECK(scene.replicas("n") == 1);
  CHECK(scene.replicas("m") == 2);
  scene.beat(8);
  CHECK(scene.replicas("n") == 1);
  CHECK(scene.replicas("m") == 1);
}

TEST_CASE("a node that comes while a stage fails is tried at once") {
  Scene scene = failing();
  scene.join("m");
  CHECK(scene.replicas("m") == 1);
  CHECK(scene.status().stages.front().failing);
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 40)));
  CHECK_FALSE(scene.status().stages.front().failing);
}

TEST_CASE("a stage whose nodes are all gone waits, and is not failing") {
  Scene scene = failing();
  scene.from("n", wire::NodeLeave{});
  scene.forget("n");
  CHECK(scene.status().state == "waiting: stage 'a': 1 of 1 replicas have no node");
  CHECK(said(scene).size() == 1);
}

TEST_CASE("to deploy a failing pipeline again tries it at once") {
  Scene scene = failing();
  scene.deploy(kEach);
  CHECK(scene.sent<wire::Deployed>("client").back().changes == "what fails is tried again now\n");
  CHECK(scene.replicas("n") == 1);
  CHECK_FALSE(scene.status().stages.front().failing);
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 40)));
}

TEST_CASE("twenty different culprits in a row are the stage's failure, and no record is charged") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  scene.submit(scene.pipe("client"), 0, numbered(0, 40));
  fail_all(scene, "n", 40);
  const wire::PipelineStatus status = scene.status();
  CHECK(status.state.find("failing: stage 'a': node 'n': 20 different records in a row failed") ==
        0);
  CHECK(status.state.find("exited with status 1; tried again in 1 s") != std::string::npos);
  CHECK(status.stages.front().waiting == 40);
  CHECK(scene.sent<wire::SessionFailed>("client").empty());
  // The very next failure is enough.
  wait_for_retry(scene);
  scene.report("n");
  REQUIRE_FALSE(scene.nodes.at("n").leases.empty());
  const wire::Lease lease = scene.nodes.at("n").leases.front();
  scene.result(scene.failed("n", lease, lease.slices.front().runs.front().first.last(), 1));
  CHECK(scene.replicas("n") == 0);
  CHECK(scene.status().stages.front().waiting == 40);
  CHECK(said(scene).size() == 1);
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 40)));
  CHECK(dead_letters(scene, "client") == 0);
  CHECK_FALSE(scene.status().stages.front().failing);
}

TEST_CASE("a record that is bad indeed does not bar the way of a stage that was mended") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  scene.submit(scene.pipe("client"), 0, numbered(0, 40));
  fail_all(scene, "n", 40);
  // Now only the first record fails. At the first trial that is enough; at the second it is not.
  const auto fail_first = [&scene] {
    scene.report("n");
    REQUIRE_FALSE(scene.nodes.at("n").leases.empty());
    const wire::Lease lease = scene.nodes.at("n").leases.front();
    REQUIRE(lease.slices.front().runs.front().first.last() == 0);
    scene.result(scene.failed("n", lease, 0, 1));
  };
  wait_for_retry(scene);
  fail_first();
  CHECK(scene.replicas("n") == 0);
  CHECK(scene.status().state.find("it fails still, on 1 record of those that wait") !=
        std::string::npos);
  wait_for_retry(scene);
  fail_first();
  CHECK(scene.replicas("n") == 1);
  scene.settle();
  CHECK_FALSE(scene.status().stages.front().failing);
  CHECK(dead_letters(scene, "client") == 1);
  CHECK(scene.delivered("client") == texts_of(numbered(1, 39)));
}

TEST_CASE("after a success it takes twenty culprits again") {
  Scene scene;
  scene.deploy(kTwo);
  scene.join("n");
  scene.settle();
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 40));
  fail_all(scene, "n", 40);
  scene.settle();
  REQUIRE(scene.delivered("client").size() == 40);
  scene.submit(client, 40, numbered(40, 2));
  fail_all(scene, "n", 1);
  CHECK_FALSE(scene.status().stages.front().failing);
  scene.settle();
  CHECK(scene.delivered("client").size() + dead_letters(scene, "client") == 42);
  CHECK(dead_letters(scene, "client") > 0);
}

TEST_CASE("failures that were under way when a stage was stopped do not stop it once more") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  scene.submit(scene.pipe("client"), 0, numbered(0, 40));
  const wire::Lease old = scene.nodes.at("n").leases.front();
  fail_all(scene, "n", 40);
  wait_for_retry(scene);
  CHECK(scene.replicas("n") == 1);
  scene.result(scene.failed("n", old, 0, 1));
  CHECK(scene.replicas("n") == 1);
}

TEST_CASE("for good, twenty different culprits in a row fail the pipeline") {
  Scene scene(Scene::for_good());
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  scene.submit(scene.pipe("client"), 0, numbered(0, 40));
  fail_all(scene, "n", 40);
  REQUIRE(scene.sent<wire::SessionFailed>("client").size() == 1);
  CHECK(scene.sent<wire::SessionFailed>("client").front().reason.find(
            "stage 'a': 20 different records in a row failed") == 0);
}

TEST_CASE("on_error: stop fails the pipeline for good") {
  Scene scene;
  scene.deploy("pipeline: p\nstages: [{name: a, run: x, on_error: stop}]\n");
  scene.join("n");
  scene.settle();
  scene.submit(scene.pipe("client"), 0, numbered(0, 3));
  fail_all(scene, "n", 1);
  CHECK(scene.sent<wire::SessionFailed>("client").size() == 1);
  CHECK(scene.status().state.find("failed: stage 'a' failed on record 0") == 0);
}

TEST_CASE("what a stage set aside before it could not start any more is not charged") {
  Scene scene;
  scene.deploy(kEach);
  scene.join("n");
  scene.settle();
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 3));
  const wire::Lease lease = scene.nodes.at("n").leases.front();
  scene.result(scene.failed("n", lease, 0, 1));
  fail_stage(scene, "n");
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 3)));
  CHECK(dead_letters(scene, "client") == 0);
}
