// What several parts of the broker decide together.

#include "broker/broker_core.h"

#include <catch2/catch.hpp>

#include "tests/unit/broker/scene.h"
#include "wire/codec.h"

using namespace leat::broker;
using namespace leat::broker::testing;
namespace wire = leat::wire;

namespace {

const std::string kWindow =
    "pipeline: p\nstages: [{name: a, run: x, mode: window, window: {records: 4}}]\n";
const std::string kShort = "pipeline: p\nlimits: {record_bytes: 1KiB, queue_bytes: 16KiB}\n";

// A pipeline on one node, and one client of it.
class Running : public Scene {
 public:
  explicit Running(const std::string& spec) {
    deploy(spec);
    join("n");
    beat();
    client = pipe("client");
  }

  Opened client;
};

}  // namespace

TEST_CASE("a window that is done late, while it waits for another node, leaves the broker well") {
  Running scene(kWindow);
  scene.submit(scene.client, 0, records_of({"a", "b", "c", "d"}));
  REQUIRE(scene.leases().size() == 1);
  const wire::Lease lease = scene.leases().front();
  const std::uint64_t old_epoch = lease.epoch;
  scene.wait(6s);
  scene.from("n", wire::NodeJoin{.name = "n", .incarnation = 5, .cores = 1});
  scene.result(scene.answered("n", lease, 0, 4, {"abcd"}));
  scene.nodes.at("n").inlets.clear();
  scene.nodes.at("n").leases.clear();
  scene.beat(2);
  CHECK(scene.nodes.at("n").inlets.begin()->second.epoch > old_epoch);
  scene.end(scene.client, 4);
  if (scene.leases().size() == 2) {
    scene.result(scene.answered("n", scene.leases()[1], 0, 4, {"abcd"}));
  }
  CHECK(scene.delivered("client") == std::vector<std::string>{"abcd"});
  CHECK(scene.is_told_the_end("client"));
}

TEST_CASE("a result for a part of a window is discarded whole") {
  Running scene(kWindow);
  scene.submit(scene.client, 0, records_of({"a", "b", "c", "d"}));
  const wire::Lease lease = scene.leases().at(0);
  scene.result(scene.failed("n", lease, 0, 2));
  scene.result(scene.answered("n", lease, 2, 2, {"cd"}));
  CHECK(scene.sent<wire::Delivery>("client").empty());
  scene.result(scene.answered("n", lease, 0, 4, {"abcd"}));
  CHECK(scene.delivered("client") == std::vector<std::string>{"abcd"});
}

TEST_CASE("a window of records with different separators can become a dead letter") {
  Running scene(kWindow);
  scene.submit(scene.client, 0, records_of({"a", "b"}, "\n"));
  scene.submit(scene.client, 2, records_of({"c", "d"}, "|"));
  scene.end(scene.client, 4);
  scene.result(scene.failed("n", scene.leases().at(0), 0, 4));
  const auto deliveries = scene.sent<wire::Delivery>("client");
  REQUIRE(deliveries.size() >= 1);
  std::uint32_t lost = 0;
  for (const auto& delivery : deliveries) {
    for (const auto& letter : delivery.dead_letters) {
      CHECK(letter.records.check());
      lost += letter.records.count;
    }
  }
  CHECK(lost == 4);
}

TEST_CASE("a failure that is told twenty times is one failure") {
  Running scene(kEach);
  scene.submit(scene.client, 0, records_of(std::vector<std::string>(100, "a")));
  const wire::LeaseResult failed = scene.failed("n", scene.leases().at(0), 0, 1);
  for (int i = 0; i < 25; ++i) {
    scene.result(failed);
  }
  CHECK(scene.sent<wire::SessionFailed>("client").empty());
}

TEST_CASE("a failed record does not stop the others where memory is short") {
  Running scene(kShort + "stages: [{name: a, run: x}]\n");
  scene.submit(scene.client, 0, records_of(std::vector<std::string>(20, std::string(1000, 'x'))));
  scene.result(scene.failed("n", scene.leases().at(0), 0, 1));
  CHECK(scene.leases().size() > 1);
}

TEST_CASE("beyond the limit many dead letters wait to be taken before another record is tried") {
  Running scene(kShort + "stages: [{name: a, run: x}]\n");
  scene.submit(scene.client, 0, records_of(std::vector<std::string>(20, std::string(1000, 'x'))));
  // Those that are leased one by one at the limit all fail.
  const auto fail_all = [&scene] {
    for (std::size_t i = 0; i < scene.leases().size(); ++i) {
      const leat::Run run = scene.leases()[i].slices[0].runs[0];
      wire::LeaseResult failed = scene.failed("n", scene.leases()[i], run.first.last(), run.inputs);
      failed.failures.front().kind = wire::FailureKind::kTool;
      scene.result(failed);
      scene.beat();
    }
  };
  fail_all();
  const std::size_t before = scene.leases().size();
  fail_all();
  CHECK(scene.leases().size() == before);
  scene.take_all(scene.client);
  CHECK(scene.leases().size() > before);
}

TEST_CASE("a window that closes by its age is waited for, where memory is short") {
  Running scene(kShort + "stages: [{name: a, run: x, mode: window, window: {time: 1s}}]\n");
  scene.submit(scene.client, 0, records_of(std::vector<std::string>(20, std::string(1000, 'x'))));
  CHECK(scene.sent<wire::SessionFailed>("client").empty());
  CHECK(scene.core.next_deadline() == scene.now + 1s);
  scene.wait(1s);
  CHECK(scene.leases().size() == 1);
}

TEST_CASE("a window that can never be filled fails its pipeline, after a minute among several") {
  const std::string spec =
      kShort + "stages: [{name: a, run: x, mode: window, window: {records: 1000}}]\n";
  const auto much = [] { return records_of(std::vector<std::string>(40, std::string(1000, 'x'))); };
  Running one(spec);
  one.submit(one.client, 0, much());
  CHECK(one.sent<wire::SessionFailed>("client").size() == 1);
  Running two(spec);
  const Opened other = two.pipe("other");
  two.submit(two.client, 0, much());
  CHECK(two.sent<wire::SessionFailed>("client").empty());
  for (int i = 0; i < 60 && two.sent<wire::SessionFailed>("client").empty(); ++i) {
    REQUIRE(two.core.next_deadline());
    two.now = *two.core.next_deadline();
    two.take(two.client, 0);
    two.take(other, 0);
    two.report("n");
    two.tick();
  }
  REQUIRE(two.sent<wire::SessionFailed>("client").size() == 1);
  CHECK(two.now >= leat::Instant{60s});
}

TEST_CASE("equal calls have equal effects") {
  const auto live = [] {
    Running scene(kFour);
    scene.join("m");
    scene.submit(scene.client, 0, numbered(0, 50));
    scene.settle();
    scene.from("operator", wire::Drain{"n"});
    scene.settle();
    scene.take_all(scene.client);
    std::vector<std::string> bytes;
    for (const Effect& effect : scene.history) {
      const auto* const send = std::get_if<Send>(&effect);
      if (send == nullptr) continue;
      for (const leat::Bytes& frame : wire::encode(send->message)) {
        bytes.emplace_back(frame.view());
      }
    }
    return bytes;
  };
  CHECK(live() == live());
}
