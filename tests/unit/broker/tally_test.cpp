#include "broker/tally.h"

#include <algorithm>

#include <catch2/catch.hpp>

using leat::broker::Tally;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

wire::InletReport report_of(std::uint64_t retried, std::vector<wire::NamedCount> restarts) {
  return {.retried = retried, .restarts = std::move(restarts)};
}

const wire::StageOnNode& node_of(const wire::StageStatus& status, const std::string& name) {
  const auto found = std::find_if(status.nodes.begin(), status.nodes.end(),
                                  [&](const auto& node) { return node.node == name; });
  REQUIRE(found != status.nodes.end());
  return *found;
}

}  // namespace

TEST_CASE("what a node counts in its reports is added once") {
  Tally tally(1);
  const wire::InletReport first = report_of(3, {{"exit", 2}});
  const wire::InletReport second = report_of(5, {{"exit", 2}, {"signal", 1}});
  tally.add_report(0, "a", {}, first);
  tally.add_report(0, "a", first, first);
  tally.add_report(0, "a", first, second);
  const wire::StageStatus status = tally.status(0);
  CHECK(node_of(status, "a").retried == 5);
  CHECK(node_of(status, "a").restarts == std::vector<wire::NamedCount>{{"exit", 2}, {"signal", 1}});
}

TEST_CASE("a count that began anew does not shrink what was counted") {
  Tally tally(1);
  const wire::InletReport first = report_of(10, {{"exit", 4}});
  const wire::InletReport anew = report_of(2, {{"exit", 1}});
  tally.add_report(0, "a", {}, first);
  tally.add_report(0, "a", first, anew);
  CHECK(node_of(tally.status(0), "a").retried == 12);
  CHECK(node_of(tally.status(0), "a").restarts.front().count == 5);
}

TEST_CASE("each stage and node is counted apart, and a failure by its kind") {
  Tally tally(2);
  tally.at(0, "a").records_in = 7;
  tally.at(1, "b").records_in = 9;
  tally.at(1, "b").failed.at(static_cast<std::size_t>(wire::FailureKind::kTimeout)) = 2;
  CHECK(tally.status(0).nodes.size() == 1);
  CHECK(node_of(tally.status(0), "a").records_in == 7);
  const wire::StageStatus second = tally.status(1);
  const wire::StageOnNode& node = node_of(second, "b");
  CHECK(node.records_in == 9);
  CHECK(node.failed.size() == wire::kFailureKinds);
  CHECK(std::count(node.failed.begin(), node.failed.end(), wire::NamedCount{"timeout", 2}) == 1);
}

TEST_CASE("the status tells waiting and service as they were counted") {
  Tally tally(1);
  tally.stage(0).wait.add(1ms, 3);
  tally.stage(0).held_back.set(true, leat::Instant{1ms});
  tally.stage(0).held_back.set(false, leat::Instant{6ms});
  tally.at(0, "a").service.add(2ms);
  const wire::StageStatus status = tally.status(0);
  CHECK(status.held_back_ns == 5'000'000);
  REQUIRE(status.wait.size() == 1);
  CHECK(status.wait.front().second == 3);
  CHECK(node_of(status, "a").service.size() == 1);
}

TEST_CASE("what is reset begins anew for the stages that there are now") {
  Tally tally(1);
  tally.at(0, "a").records_in = 7;
  tally.reset(2);
  CHECK(tally.status(0).nodes.empty());
  CHECK(tally.status(1).nodes.empty());
}

TEST_CASE("causes without end are counted together") {
  Tally tally(1);
  wire::InletReport before;
  for (int i = 0; i < 10'000; ++i) {
    const wire::InletReport next = report_of(0, {{"cause " + std::to_string(i), 1}});
    tally.add_report(0, "a", before, next);
    before = next;
  }
  const wire::StageStatus status = tally.status(0);
  const auto& restarts = node_of(status, "a").restarts;
  CHECK(restarts.size() <= Tally::kCausesMax + 1);
  std::uint64_t sum = 0;
  for (const wire::NamedCount& restart : restarts) {
    sum += restart.count;
  }
  CHECK(sum == 10'000);
}

TEST_CASE("nodes without end are counted together") {
  Tally tally(1);
  for (std::size_t i = 0; i < Tally::kNodesMax + 500; ++i) {
    ++tally.at(0, "node " + std::to_string(i)).records_in;
  }
  ++tally.at(0, "node 0").records_in;
  const wire::StageStatus status = tally.status(0);
  CHECK(status.nodes.size() == Tally::kNodesMax + 1);
  CHECK(node_of(status, "node 0").records_in == 2);
  CHECK(node_of(status, Tally::kOthers).records_in == 500);
}
