// What a session's tools say on standard error goes with the results of the records that were
// inside, where the session wants it.

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "node/inlet.h"
#include "node/window_replica.h"
#include "spec/parse.h"
#include "tests/unit/node/kept_world.h"

using leat::Instant;
using leat::Limits;
using leat::Position;
using leat::RecordsBuilder;
using leat::spec::Mode;
using leat::spec::Stage;
using namespace leat::node;
using namespace leat::node::testing;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

Stage stage() {
  Stage stage{.name = "s", .argv = {"tool"}};
  stage.attempts = 2;
  stage.backoff = 0ms;
  return stage;
}

// Says a word on each record.
Life talkative() {
  Life life;
  life.reads = [](const std::string& record, std::size_t) {
    Deed deed = answer(record);
    deed.complains = "on " + record + "\n";
    return deed;
  };
  return life;
}

// All that the results carry, of one producer.
std::string said(const KeptWorld& world, std::uint64_t producer = 1) {
  std::string text;
  for (const wire::LeaseResult& result : world.results) {
    if (result.outputs.producer.counter == producer) text += result.said.text;
  }
  return text;
}

std::uint64_t left_out(const std::vector<wire::LeaseResult>& results) {
  std::uint64_t bytes = 0;
  for (const wire::LeaseResult& result : results) {
    bytes += result.said.bytes_left_out;
  }
  return bytes;
}

}  // namespace

TEST_CASE("each producer that wants it gets what the tool said of its records") {
  KeptWorld world(stage());
  world.lives = {talkative()};
  world.wants_stderr = true;
  world.give(1, 0, {"a0", "a1", "a2"}, 1);
  world.give(2, 0, {"b0"}, 2);
  world.wants_stderr = false;
  world.give(3, 0, {"c0", "c1"}, 3);
  world.wants_stderr = true;
  world.give(4, 3, {"a3"}, 1);
  world.run();
  CHECK(said(world, 1) == "on a0\non a1\non a2\non a3\n");
  CHECK(said(world, 2) == "on b0\n");
  CHECK(said(world, 3) == "");
}

TEST_CASE("what a tool says before it has a record, or without one, is nobody's") {
  KeptWorld world(stage());
  Life life = talkative();
  life.says_at_start = "loading\n";
  world.lives = {life};
  world.wants_stderr = true;
  world.give(1, 0, {"a"});
  world.run();
  CHECK(said(world) == "on a\n");
}

TEST_CASE("of a record that is tried again the last attempt's words come, of a failed one, too") {
  KeptWorld world(stage());
  Life life = talkative();
  life.reads = [](const std::string& record, std::size_t) {
    Deed deed = record == "bad" ? crash() : answer(record);
    deed.complains = "on " + record + "\n";
    return deed;
  };
  world.lives = {life};
  world.wants_stderr = true;
  world.give(1, 0, {"a", "bad", "c"});
  world.run();
  CHECK(world.failures().size() == 1);
  CHECK(said(world) == "on a\non bad\non c\n");
}

TEST_CASE("a filter's words go with its cycle's result") {
  Stage filter = stage();
  filter.mode = Mode::kFilter;
  KeptWorld world(filter);
  Life life = talkative();
  life.reads = [](const std::string& record, std::size_t) {
    return Deed{.prints = record == "b" ? "" : record + "\n", .complains = "on " + record + "\n"};
  };
  world.lives = {life};
  world.wants_stderr = true;
  world.give(1, 0, {"a", "b", "c"});
  world.run();
  CHECK(said(world) == "on a\non b\non c\n");
}

TEST_CASE("a result carries so much of it, the first, and counts the rest") {
  KeptWorld world(stage());
  Life life = talkative();
  life.reads = [](const std::string& record, std::size_t) {
    Deed deed = answer(record);
    deed.complains = std::string(wire::kSaidBytesMax - 2, 'x') + "12345\n";
    return deed;
  };
  world.lives = {life};
  world.wants_stderr = true;
  world.give(1, 0, {"a"});
  world.run();
  REQUIRE(world.results.size() == 1);
  CHECK(world.results[0].said.text.size() == wire::kSaidBytesMax);
  CHECK(world.results[0].said.text.ends_with("x12"));
  CHECK(world.results[0].said.bytes_left_out == 4);
}

TEST_CASE("the results of one lease carry so much of it together") {
  const auto pipeline =
      leat::spec::parse({"pipeline: p\nstages: [{name: a, run: x, mode: each}]\n", "f", "/"});
  REQUIRE(pipeline);
  Inlet inlet({.segment = {{1, 1}, 0}, .epoch = 1, .replicas = 1}, *pipeline, 0);
  Effects effects;
  Instant now{1s};
  std::uint64_t tools = 0;
  std::vector<wire::LeaseResult> results;
  const auto advance = [&] {
    for (wire::LeaseResult& result : inlet.advance(effects, now, tools)) {
      results.push_back(std::move(result));
    }
  };
  const auto tell = [&](const auto& event) {
    now = now + 1ms;
    inlet.dispatch(event, effects, now);
    advance();
  };
  const auto rest = [&] {
    now = now + 1ms;
    advance();
    const LookAtTool* look = nullptr;
    for (const Effect& effect : effects) {
      if (const auto* const one = std::get_if<LookAtTool>(&effect)) look = one;
    }
    REQUIRE(look != nullptr);
    tell(ToolLooked{look->tool, look->look, Rest::kAtRest});
  };
  advance();
  const ToolId tool{1};
  tell(ToolStarted{tool});
  rest();
  wire::Lease lease{.segment = {{1, 1}, 0}, .epoch = 1, .number = 1, .wants_stderr = true};
  RecordsBuilder builder("\n");
  builder.add("a");
  builder.add("b");
  lease.slices = {{{1, 2}, {{Position(0), 2, 2}}, builder.take()}};
  inlet.take(lease, effects, now);
  advance();
  const std::size_t size = wire::kSaidBytesMax / 4 * 3;
  // A process's first record is alone.
  for (int i = 0; i < 2; ++i) {
    tell(ToolAccepted{tool, 2});
    tell(ToolComplained{tool, std::string(size, 'x')});
    tell(ToolPrinted{tool, "answer\n"});
    rest();
  }
  REQUIRE(results.size() == 2);
  CHECK(results[0].said.text.size() == size);
  CHECK(results[1].said.text.size() == wire::kSaidBytesMax - size);
  CHECK(left_out(results) == 2 * size - wire::kSaidBytesMax);
}

TEST_CASE("a window gets all that its process said") {
  Stage window = stage();
  window.mode = Mode::kWindow;
  window.attempts = 1;
  const Limits limits;
  WindowReplica replica({.stage = window, .limits = limits, .directory = "/", .pipeline = "p"}, 1);
  WorkQueue queue(true);
  WindowQueue windows(true);
  Effects effects;
  std::vector<wire::LeaseResult> results;
  Tally tally;
  OutputWay way(leat::spec::Buffering::kAuto);
  Turn turn{queue, effects, results, tally, way, Instant(1s)};
  std::uint64_t tools = 0;
  const bool is_wanted = GENERATE(true, false);
  const int status = GENERATE(0, 1);
  replica.advance(turn, windows, tools);
  const ToolId tool = *replica.tool();
  replica.on(ToolStarted{tool}, turn);
  replica.on(ToolComplained{tool, "loading\n"}, turn);
  RecordsBuilder builder("\n");
  builder.add("a");
  WindowWork work;
  work.wants_stderr = is_wanted;
  work.slices = {{{0, 1}, {{Position(0), 1, 1}}, builder.take()}};
  windows.push_back(std::move(work));
  replica.advance(turn, windows, tools);
  replica.on(ToolComplained{tool, "done\n"}, turn);
  replica.on(ToolEnded{tool, false, status}, turn);
  REQUIRE(results.size() == 1);
  CHECK(results[0].failures.size() == (status == 0 ? 0U : 1U));
  CHECK(results[0].said.text == (is_wanted ? "loading\ndone\n" : ""));
}
