// Stages that are paused: what is leased, what is kept through changes, and what is said.

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/broker/scene.h"

using leat::broker::Say;
using namespace leat::broker::testing;
namespace wire = leat::wire;

namespace {

const std::string kTwo = "pipeline: p\nstages: [{name: parse, run: x}, {name: load, run: x}]\n";

Scene running(const std::string& yaml = kTwo) {
  Scene scene;
  scene.deploy(yaml);
  scene.join("n");
  scene.settle();
  return scene;
}

void pause(Scene& scene, const std::string& stage) {
  scene.from("operator", wire::Pause{"p", stage, true});
  CHECK(std::get<wire::Done>(scene.last("operator")).what == "pause");
}

void resume(Scene& scene, const std::string& stage) {
  scene.from("operator", wire::Pause{"p", stage, false});
  CHECK(std::get<wire::Done>(scene.last("operator")).what == "pause");
}

wire::StageStatus stage(const Scene& scene, std::size_t index) {
  return scene.status().stages.at(index);
}

std::vector<std::string> said(const Scene& scene) {
  std::vector<std::string> said;
  for (const Say& say : scene.ordered<Say>()) {
    if (say.text.find("pipeline 'p'") == 0) said.push_back(say.text);
  }
  return said;
}

std::size_t dead_letters(const Scene& scene, const std::string& client) {
  std::size_t count = 0;
  for (const auto& delivery : scene.sent<wire::Delivery>(client)) {
    count += delivery.dead_letters.size();
  }
  return count;
}

// The first record of the first lease fails.
void fail_first(Scene& scene) {
  auto& leases = scene.nodes.at("n").leases;
  REQUIRE_FALSE(leases.empty());
  const wire::Lease lease = leases.front();
  scene.result(scene.failed("n", lease, lease.slices.front().runs.front().first.last(), 1));
}

}  // namespace

TEST_CASE("a paused stage gets no leases, the stage before it works on, and its tools stay") {
  Scene scene = running();
  const Opened client = scene.pipe("client");
  pause(scene, "load");
  scene.submit(client, 0, numbered(0, 40));
  scene.settle();
  CHECK(stage(scene, 0).waiting == 0);
  CHECK(stage(scene, 1).waiting == 40);
  for (const wire::Lease& lease : scene.leases()) {
    CHECK(lease.segment.index == 0);
  }
  CHECK(scene.delivered("client").empty());
  CHECK(scene.replicas("n") == 2);
  CHECK(scene.sent<wire::CloseInlet>("n").empty());
  resume(scene, "load");
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 40)));
}

TEST_CASE("what a stage had when it was paused is finished and delivered") {
  Scene scene = running(kFour);
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 2));
  REQUIRE_FALSE(scene.nodes.at("n").leases.empty());
  pause(scene, "");
  scene.submit(client, 2, numbered(2, 2));
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 2)));
  CHECK(stage(scene, 0).waiting == 2);
  resume(scene, "");
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 4)));
}

TEST_CASE("the status tells what is paused, and the log each change once") {
  Scene scene = running();
  pause(scene, "load");
  pause(scene, "load");
  CHECK(scene.status().state == "paused: stage 'load'");
  CHECK_FALSE(stage(scene, 0).paused);
  CHECK(stage(scene, 1).paused);
  pause(scene, "");
  CHECK(scene.status().state == "paused");
  resume(scene, "parse");
  CHECK(scene.status().state == "paused: stage 'load'");
  resume(scene, "");
  resume(scene, "");
  CHECK(scene.status().state == "running");
  CHECK(said(scene) ==
        std::vector<std::string>{"pipeline 'p': stage 'load' is paused", "pipeline 'p' is paused",
                                 "pipeline 'p': stage 'parse' goes on", "pipeline 'p' goes on"});
}

TEST_CASE("what there is not cannot be paused, and the nearest name is told") {
  Scene scene = running();
  scene.from("operator", wire::Pause{"p", "prase", true});
  CHECK(scene.refusal("operator") == "pipeline 'p' has no stage 'prase'; did you mean 'parse'?");
  scene.from("operator", wire::Pause{"q", "", true});
  CHECK(scene.refusal("operator") == "there is no pipeline 'q': deploy it first");
  CHECK(scene.status().state == "running");
}

TEST_CASE("a pause outlives a deploy and a change of replicas, and not the pipeline") {
  Scene scene = running();
  pause(scene, "load");
  scene.deploy("pipeline: p\nstages: [{name: parse, run: y}, {name: load, run: y}]\n");
  CHECK(scene.status().state == "paused: stage 'load'");
  scene.from("operator", wire::Scale{"p", "load", 3});
  CHECK(scene.status().state == "paused: stage 'load'");
  // Other stages: another deployment.
  scene.deploy("pipeline: p\nstages: [{name: load, run: x}, {name: new, run: x}]\n");
  CHECK(scene.status().state == "paused: stage 'load'");
  scene.deploy("pipeline: p\nstages: [{name: new, run: x}]\n");
  scene.settle();
  CHECK(scene.status().state == "running");
  pause(scene, "new");
  scene.from("operator", wire::Remove{"p", false});
  scene.deploy("pipeline: p\nstages: [{name: new, run: x}]\n");
  scene.settle();
  CHECK(scene.status().state == "running");
}

TEST_CASE("a window that is full waits while its stage is paused") {
  Scene scene =
      running("pipeline: p\nstages: [{name: a, run: x, mode: window, window: {records: 3}}]\n");
  pause(scene, "a");
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 6));
  scene.end(client, 6);
  scene.settle();
  CHECK(scene.leases().empty());
  resume(scene, "a");
  scene.settle();
  CHECK(scene.delivered("client").size() == 6);
}

TEST_CASE("a pipeline that is full of what waits for a paused stage does not fail") {
  Scene scene = running(
      "pipeline: p\nlimits: {record_bytes: 1KiB, queue_bytes: 16KiB}\n"
      "stages: [{name: a, run: x}, {name: w, run: x, mode: window, window: all}]\n");
  const Opened client = scene.pipe("client");
  const Opened other = scene.pipe("other");
  const std::string text(1000, 'x');
  for (std::uint64_t i = 0; i < 12; ++i) {
    scene.submit(client, i, records_of({text}));
    scene.settle();
  }
  pause(scene, "a");
  for (std::uint64_t i = 0; i < 8; ++i) {
    scene.submit(other, i, records_of({text}));
    scene.submit(client, 12 + i, records_of({text}));
  }
  CHECK(scene.status().queue_bytes >= std::size_t{16} << 10);
  for (int i = 0; i < 90; ++i) {
    for (const Opened& one : {client, other}) {
      scene.from(one, wire::Taken{one.id, 1, 0, 0});
    }
    scene.beat();
  }
  CHECK(scene.status().state == "paused: stage 'a'");
}

TEST_CASE("failures that were set aside are tried again after a pause, and nobody is charged") {
  Scene scene = running(kFour);
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 40));
  fail_first(scene);
  CHECK(stage(scene, 0).waiting < 39);
  pause(scene, "");
  // What it has goes back, for its node is lost: nothing is left that could show who is to blame.
  scene.from("n", wire::NodeLeave{});
  scene.forget("n");
  CHECK(stage(scene, 0).waiting == 40);
  CHECK(dead_letters(scene, "client") == 0);
  scene.join("m");
  scene.settle();
  CHECK(scene.delivered("client").empty());
  resume(scene, "");
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 40)));
  CHECK(dead_letters(scene, "client") == 0);
}

TEST_CASE("records that are tried again after pauses do not count as different ones") {
  Scene scene = running(kFour);
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 400));
  for (int i = 0; i < 22; ++i) {
    fail_first(scene);
    pause(scene, "");
    scene.from("n", wire::NodeLeave{});
    scene.forget("n");
    scene.join("n");
    scene.beat();
    resume(scene, "");
  }
  CHECK(scene.status().state == "running");
  scene.settle();
  CHECK(scene.delivered("client") == texts_of(numbered(0, 400)));
}
