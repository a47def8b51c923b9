#include "node/window_replica.h"

#include <map>

#include <catch2/catch.hpp>

using leat::Instant;
using leat::Limits;
using leat::Position;
using leat::RecordsBuilder;
using leat::spec::Stage;
using leat::wire::FailureKind;
using namespace leat::node;
using namespace std::chrono_literals;

namespace {

Stage stage() {
  return {.name = "w",
          .argv = {"tool"},
          .mode = leat::spec::Mode::kWindow,
          .attempts = 2,
          .backoff = 1h};
}

// Window replicas at one queue, whose tools are played by hand.
class Scene {
 public:
  explicit Scene(bool is_ordered, Limits limits = {}, std::size_t printed_bytes_max = 1 << 20,
                 const leat::framing::Framing& output = {})
      : limits_(limits), windows(is_ordered) {
    stage_.output = output;
    for (std::uint32_t i = 0; i < 2; ++i) {
      replicas.emplace_back(Post{.stage = stage_,
                                 .limits = limits_,
                                 .directory = "/",
                                 .index = i,
                                 .pipeline = "p",
                                 .printed_bytes_max = printed_bytes_max},
                            i);
    }
  }

  void give(std::uint64_t lease) {
    RecordsBuilder builder("\n");
    builder.add("a");
    builder.add("b");
    WindowWork work;
    work.lease = lease;
    work.slices = {{{0, 1}, {{Position(lease * 2), 2, 2}}, builder.take()}};
    windows.push_back(std::move(work));
  }

  // Lets the replica take a window; its tool, when it got one.
  std::optional<ToolId> feed(std::size_t i) {
    const std::size_t closed = count<CloseStdin>();
    advance(i);
    if (replicas[i].tool() && !replicas[i].is_ready()) {
      on(i, ToolStarted{*replicas[i].tool()});
      now = now + 100ms;  // After a failure it must live so long first.
      advance(i);
    }
    return count<CloseStdin>() > closed ? replicas[i].tool() : std::nullopt;
  }

  void advance(std::size_t i) {
    OutputWay way(leat::spec::Buffering::kAuto);
    Turn turn{queue_, effects, results, tally, way, now};
    if (std::optional<WindowWork> retry = replicas[i].take_retry()) {
      windows.push_front(std::move(*retry));
    }
    replicas[i].advance(turn, windows, tool_count_);
  }

  template <typename Event>
  void on(std::size_t i, const Event& event) {
    OutputWay way(leat::spec::Buffering::kAuto);
    Turn turn{queue_, effects, results, tally, way, now};
    replicas[i].on(event, turn);
  }

  template <typename Wanted>
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(
        std::count_if(effects.begin(), effects.end(),
                      [](const Effect& effect) { return std::holds_alternative<Wanted>(effect); }));
  }

  [[nodiscard]] std::map<std::string, std::uint64_t> restarts() const {
    std::map<std::string, std::uint64_t> counts;
    for (const auto& named : tally.restarts()) {
      if (named.count > 0) counts[named.name] = named.count;
    }
    return counts;
  }

 private:
  Stage stage_ = stage();
  Limits limits_;
  WorkQueue queue_{true};
  std::uint64_t tool_count_ = 0;

 public:
  Instant now{1s};
  WindowQueue windows;
  std::vector<WindowReplica> replicas;
  Effects effects;
  std::vector<leat::wire::LeaseResult> results;
  Tally tally;
};

}  // namespace

TEST_CASE("a window that waits for its next attempt does not hold up the others") {
  Scene scene(false);
  scene.give(1);
  scene.give(2);
  const std::optional<ToolId> first = scene.feed(0);
  REQUIRE(first);
  scene.on(0, ToolEnded{*first, true, 11});
  scene.advance(0);
  const std::optional<ToolId> second = scene.feed(1);
  REQUIRE(second);
  scene.on(1, ToolPrinted{*second, "done\n"});
  scene.on(1, ToolEnded{*second, false, 0});
  REQUIRE(scene.results.size() == 1);
  CHECK(scene.results.front().lease == 2);
  // The first has its turn when its time has come.
  CHECK_FALSE(scene.feed(1));
  scene.now = scene.now + 1h;
  CHECK(scene.feed(1));
}

TEST_CASE("where order matters a window that waits for its next attempt holds back the others") {
  Scene scene(true);
  scene.give(1);
  scene.give(2);
  const std::optional<ToolId> first = scene.feed(0);
  REQUIRE(first);
  scene.on(0, ToolEnded{*first, true, 11});
  scene.advance(0);
  scene.now = scene.now + 59min;
  CHECK_FALSE(scene.feed(0));
  CHECK(scene.windows.next_deadline() > scene.now);
  scene.now = scene.now + 1min;
  const std::optional<ToolId> again = scene.feed(0);
  REQUIRE(again);
  scene.on(0, ToolEnded{*again, false, 0});
  REQUIRE(scene.results.size() == 1);
  CHECK(scene.results.front().lease == 1);
}

TEST_CASE("a window's failed attempt counts its records as retried, and its end by the cause") {
  Scene scene(false);
  scene.give(1);
  const std::optional<ToolId> first = scene.feed(0);
  REQUIRE(first);
  scene.on(0, ToolEnded{*first, false, 3});
  CHECK(scene.tally.retried() == 2);
  CHECK(scene.restarts() == std::map<std::string, std::uint64_t>{{"exit", 1}});
  scene.now = scene.now + 1h;
  scene.advance(0);
  const std::optional<ToolId> second = scene.feed(0);
  REQUIRE(second);
  scene.on(0, ToolEnded{*second, true, 9});
  CHECK(scene.tally.retried() == 2);
  CHECK(scene.restarts() == std::map<std::string, std::uint64_t>{{"exit", 1}, {"signal", 1}});
  REQUIRE(scene.results.size() == 1);
  CHECK(scene.results.front().failures.size() == 1);
}

TEST_CASE("a window whose outputs are more than a message carries fails as oversize") {
  Limits limits;
  limits.queue_bytes_max = std::size_t{1} << 40;
  Scene scene(false, limits, 1000);
  scene.give(1);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const std::optional<ToolId> tool = scene.feed(0);
    REQUIRE(tool);
    // Empty lines: each costs its newline and the 4 bytes of its length.
    scene.on(0, ToolPrinted{*tool, std::string(199, '\n')});
    CHECK(scene.count<EndTool>() == static_cast<std::size_t>(attempt));
    scene.on(0, ToolPrinted{*tool, std::string(2, '\n')});
    CHECK(scene.count<EndTool>() == static_cast<std::size_t>(attempt) + 1);
    scene.on(0, ToolEnded{*tool, true, 9});
    scene.now = scene.now + 2h;
    scene.advance(0);
  }
  REQUIRE(scene.results.size() == 1);
  const auto& failure = scene.results.front().failures.front();
  CHECK(failure.kind == FailureKind::kOversize);
  CHECK(failure.reason.find("1000 bytes, which is the most") != std::string::npos);
  CHECK(scene.restarts() == std::map<std::string, std::uint64_t>{{"oversize", 2}});
}

TEST_CASE(
    "a window whose output is not in its framing, or ends within a record, fails and says where") {
  const auto reason_after = [](const std::string& printed) {
    Scene scene(false, {}, 1 << 20, {.kind = leat::framing::Kind::kNetstring});
    scene.give(1);
    for (int attempt = 0; attempt < 2; ++attempt) {
      const auto tool = scene.feed(0);
      REQUIRE(tool);
      scene.on(0, ToolPrinted{*tool, "1:a,"});
      scene.on(0, ToolPrinted{*tool, printed});
      scene.on(0, ToolEnded{.tool = *tool});
      scene.now = scene.now + 2h;
    }
    REQUIRE(scene.results.size() == 1);
    REQUIRE(scene.results.front().failures.size() == 1);
    CHECK(scene.results.front().failures.front().kind == FailureKind::kMismatch);
    return scene.results.front().failures.front().reason;
  };
  CHECK(reason_after("1:b;") ==
        "what the tool printed is not netstring at byte 7: found ';', expected the comma behind "
        "the record's bytes");
  CHECK(reason_after("5:b") ==
        "what the tool printed is not netstring at byte 7: found the end, expected 4 more bytes of "
        "the record");
}

TEST_CASE("one message carries what a window may print by default") {
  const Stage s = stage();
  const Limits limits;
  // Below 2 GiB, which is where ZeroMQ's sizes end.
  CHECK(Post{.stage = s, .limits = limits}.printed_bytes_max < std::size_t{1} << 31);
}

TEST_CASE("a window's process for which the system is short of something is tried again") {
  Scene scene(false);
  scene.give(1);
  for (int i = 0; i < 10; ++i) {
    scene.advance(0);
    REQUIRE(scene.replicas[0].tool());
    scene.on(0, ToolStartFailed{*scene.replicas[0].tool(), "cannot start 'x': no memory", true});
    CHECK_FALSE(scene.replicas[0].stage_failure());
    CHECK(*scene.replicas[0].next_deadline(scene.windows) > scene.now);
    scene.now = *scene.replicas[0].next_deadline(scene.windows);
  }
  scene.advance(0);
  scene.on(0, ToolStartFailed{*scene.replicas[0].tool(), "cannot start 'x': no memory", true});
  CHECK(scene.replicas[0].stage_failure() == "cannot start 'x': no memory");
}

TEST_CASE("a retired replica lets its window finish, and takes no other") {
  Scene scene(false);
  scene.give(1);
  scene.give(2);
  const std::optional<ToolId> tool = scene.feed(0);
  REQUIRE(tool);
  scene.replicas[0].retire();
  scene.advance(0);
  CHECK(scene.count<EndTool>() == 0);
  scene.on(0, ToolEnded{*tool, false, 0});
  scene.advance(0);
  CHECK(scene.results.size() == 1);
  CHECK(scene.replicas[0].is_gone());
  CHECK_FALSE(scene.replicas[0].next_deadline(scene.windows));
  CHECK_FALSE(scene.windows.is_empty());
}

TEST_CASE("a retired replica ends the process that it had started ahead of need") {
  Scene scene(false);
  CHECK_FALSE(scene.feed(0));
  const std::optional<ToolId> tool = scene.replicas[0].tool();
  REQUIRE(tool);
  scene.replicas[0].retire();
  scene.advance(0);
  CHECK(scene.count<EndTool>() == 1);
  CHECK_FALSE(scene.replicas[0].is_gone());
  scene.on(0, ToolEnded{*tool, false, 0});
  CHECK(scene.replicas[0].is_gone());
}
