#include "node/banner.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "node/window_replica.h"
#include "tests/unit/node/kept_world.h"

using leat::kUnterminated;
using leat::Position;
using leat::Run;
using leat::spec::Mode;
using leat::spec::Stage;
using namespace leat::node;
using namespace leat::node::testing;
using namespace std::chrono_literals;

namespace {

Stage stage(Mode mode, std::uint32_t replicas = 1) {
  Stage stage{.name = "s", .argv = {"tool"}, .replicas = replicas, .mode = mode};
  stage.backoff = 0ms;
  stage.prelude = leat::spec::Prelude{.records = 2, .until = "", .is_kept = true};
  return stage;
}

Life with_banner(Life life = {}) {
  life.banner = "name\n----\n";
  return life;
}

// "0.0=name 0.1=---- 0.2=r0! 1=r1!", of one result.
std::string text_of(const leat::wire::LeaseResult& result) {
  std::string text;
  leat::RecordReader reader(result.outputs.records);
  for (const Run& run : result.outputs.runs) {
    for (std::uint32_t i = 0; i < run.outputs; ++i) {
      const std::string origin = to_string(run.origin(i));
      text += (text.empty() ? "" : " ") + origin + "=" + std::string(reader.next());
    }
  }
  CHECK(reader.is_done());
  CHECK(result.outputs.records.check());
  return text;
}

std::string text_of(const std::vector<leat::wire::LeaseResult>& results) {
  std::string text;
  for (const auto& result : results) {
    text += (text.empty() ? "" : " | ") + text_of(result);
  }
  return text;
}

}  // namespace

TEST_CASE("a banner that is kept goes ahead of the first record's answer, and of no other") {
  KeptWorld world(stage(Mode::kEach));
  world.lives = {with_banner()};
  world.give(1, 0, {"r0", "r1", "r2"});
  world.run();
  CHECK(text_of(world.results) == "0.0=name 0.1=---- 0.2=r0! | 1=r1! 2=r2!");
  CHECK(world.results.front().outputs.runs == std::vector<Run>{{Position(0), 1, 3}});
}

TEST_CASE("each producer gets the banner, from a process that printed it once") {
  KeptWorld world(stage(Mode::kEach));
  world.lives = {with_banner()};
  world.give(1, 0, {"a"}, 1);
  world.give(2, 0, {"b"}, 2);
  world.run();
  CHECK(text_of(world.results) == "0.0=name 0.1=---- 0.2=a! | 0.0=name 0.1=---- 0.2=b!");
  CHECK(world.starts() == 1);
}

TEST_CASE("the banner of a process that died, or that has not the first record, is nobody's") {
  KeptWorld world(stage(Mode::kEach));
  Life dies = with_banner();
  dies.reads = [](const std::string& record, std::size_t) {
    return record == "r3" ? crash() : answer(record);
  };
  Life lives = with_banner();
  lives.banner = "other\n----\n";
  SECTION("the first record's") {
    dies.reads = [](const std::string&, std::size_t) { return crash(); };
    world.lives = {dies, lives};
    world.give(1, 0, {"r0", "r1"});
    world.run();
    CHECK(text_of(world.results) == "0.0=other 0.1=---- 0.2=r0! | 1=r1!");
  }
  SECTION("another's") {
    world.lives = {dies, lives};
    world.give(1, 0, {"r0", "r1", "r2", "r3"});
    world.run();
    CHECK(text_of(world.results) == "0.0=name 0.1=---- 0.2=r0! | 1=r1! | 2=r2! | 3=r3!");
  }
}

TEST_CASE("the banner goes with the first record when that fails") {
  KeptWorld world(stage(Mode::kEach));
  Life life = with_banner();
  life.reads = [](const std::string& record, std::size_t) {
    return record == "r0" ? crash() : answer(record);
  };
  world.lives = {life};
  world.give(1, 0, {"r0", "r1"});
  world.run();
  CHECK(text_of(world.results) == "1=r1!");
  CHECK(world.failures().size() == 1);
}

TEST_CASE("a filter's banner comes ahead of what its first records became") {
  KeptWorld world(stage(Mode::kFilter));
  Life life = with_banner();
  SECTION("something") {
    world.lives = {life};
    world.give(1, 0, {"r0", "r1"});
    world.run();
    CHECK(text_of(world.results) == "0.0=name 0.1=---- 0.2=r0! | 1=r1!");
  }
  SECTION("nothing") {
    life.reads = [](const std::string&, std::size_t) { return Deed{}; };
    world.lives = {life};
    world.give(1, 0, {"r0"});
    world.run();
    // Of the two for one record, as of any, the children.
    CHECK(text_of(world.results) == "0.0=name 0.1=----");
  }
}

TEST_CASE("the first record's answer stays without terminator behind the banner") {
  KeptWorld world(stage(Mode::kEach));
  Life life = with_banner();
  life.reads = [](const std::string& record, std::size_t) { return Deed{.prints = record + "!"}; };
  world.lives = {life};
  world.give_unterminated(1, 0, "r0");
  world.run();
  REQUIRE(world.results.size() == 1);
  CHECK(text_of(world.results) == "0.0=name 0.1=---- 0.2=r0!");
  CHECK(world.results.front().outputs.records.has(kUnterminated, 2));
  CHECK_FALSE(world.results.front().outputs.records.has(kUnterminated, 0));
}

TEST_CASE("of several records together the first gets the banner") {
  const Stage kept = stage(Mode::kEach);
  Banner banner(kept);
  banner.add("na");
  banner.add("me\n");
  leat::wire::LeaseResult result;
  leat::RecordsBuilder builder("\n");
  for (const char* const record : {"a", "b", "c"}) {
    builder.add(record);
  }
  result.outputs.records = builder.take();
  result.outputs.runs = {{Position(0), 3, 3}};
  leat::wire::LeaseResult again = result;
  banner.put_ahead(result);
  CHECK(text_of(result) == "0.0=name 0.1=a 1=b 2=c");
  SECTION("as often as it is asked") {
    banner.put_ahead(again);
    CHECK(text_of(again) == "0.0=name 0.1=a 1=b 2=c");
  }
  SECTION("not where the first is another") {
    again.outputs.runs = {{Position(3), 3, 3}};
    banner.put_ahead(again);
    CHECK(text_of(again) == "3=a 4=b 5=c");
  }
  SECTION("not of another process") {
    banner.begin_anew();
    banner.put_ahead(again);
    CHECK(text_of(again) == "0=a 1=b 2=c");
  }
}

TEST_CASE("the first window gets its process's banner, the others none") {
  Stage kept = stage(Mode::kWindow);
  const leat::Limits limits;
  WindowReplica replica({.stage = kept, .limits = limits, .directory = "/", .pipeline = "p"}, 1);
  WorkQueue queue(true);
  WindowQueue windows(true);
  Effects effects;
  std::vector<leat::wire::LeaseResult> results;
  Tally tally;
  OutputWay way(leat::spec::Buffering::kAuto);
  Turn turn{queue, effects, results, tally, way, leat::Instant(1s)};
  std::uint64_t tools = 0;
  for (std::uint64_t lease = 0; lease < 2; ++lease) {
    leat::RecordsBuilder builder("\n");
    builder.add("a");
    WindowWork work;
    work.lease = lease;
    work.slices = {{{0, 1}, {{Position(lease), 1, 1}}, builder.take()}};
    windows.push_back(std::move(work));
    replica.advance(turn, windows, tools);
    const ToolId tool = *replica.tool();
    replica.on(ToolStarted{tool}, turn);
    replica.advance(turn, windows, tools);
    replica.on(ToolPrinted{tool, "name\n----\nsum\n"}, turn);
    replica.on(ToolEnded{tool}, turn);
  }
  CHECK(text_of(results) == "0.0=name 0.1=---- 0.2=sum | 1=sum");
}

TEST_CASE("a window's prelude that does not end is not kept without limit") {
  Stage kept = stage(Mode::kWindow);
  const leat::Limits limits;
  WindowReplica replica({.stage = kept, .limits = limits, .directory = "/", .pipeline = "p"}, 1);
  WorkQueue queue(true);
  WindowQueue windows(true);
  Effects effects;
  std::vector<leat::wire::LeaseResult> results;
  Tally tally;
  OutputWay way(leat::spec::Buffering::kAuto);
  Turn turn{queue, effects, results, tally, way, leat::Instant(1s)};
  std::uint64_t tools = 0;
  replica.advance(turn, windows, tools);
  replica.on(ToolStarted{*replica.tool()}, turn);
  replica.on(ToolPrinted{*replica.tool(), std::string(Opening::kPreludeBytesMax + 1, 'x')}, turn);
  REQUIRE(std::holds_alternative<EndTool>(effects.back()));
}
