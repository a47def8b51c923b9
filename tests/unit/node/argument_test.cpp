// Window replicas whose tool takes its record as an argument.

#include <catch2/catch.hpp>

#include "node/window_replica.h"

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
  Stage stage{.name = "w",
              .argv = {"tool", "--text={}"},
              .holes = {{1, 7}},
              .mode = leat::spec::Mode::kWindow,
              .attempts = 2,
              .backoff = 1h};
  stage.window.records = 1;
  return stage;
}

// One replica, whose tools are played by hand.
class Scene {
 public:
  explicit Scene(Stage of_tool = stage()) : stage_(std::move(of_tool)) {
    replica.emplace(Post{.stage = stage_, .limits = limits_, .directory = "/", .pipeline = "p"}, 1);
  }

  void give(const std::vector<std::string>& records) {
    for (const std::string& record : records) {
      give_window({record});
    }
  }

  void give_window(const std::vector<std::string>& records) {
    RecordsBuilder builder("\n");
    for (const std::string& record : records) {
      builder.add(record);
    }
    WindowWork work;
    work.lease = ++lease_count_;
    const auto count = static_cast<std::uint32_t>(records.size());
    work.slices = {{{0, 1}, {{Position(lease_count_), count, count}}, builder.take()}};
    windows.push_back(std::move(work));
  }

  // What the replica orders to be started now, if anything.
  std::optional<StartTool> advance() {
    const std::size_t before = effects.size();
    OutputWay way(leat::spec::Buffering::kAuto);
    Turn turn{queue_, effects, results, tally, way, now};
    if (std::optional<WindowWork> retry = replica->take_retry()) {
      windows.push_front(std::move(*retry));
    }
    replica->advance(turn, windows, tool_count_);
    for (std::size_t i = before; i < effects.size(); ++i) {
      if (const auto* const start = std::get_if<StartTool>(&effects[i])) return *start;
    }
    return std::nullopt;
  }

  template <typename Event>
  void tell(const Event& event) {
    OutputWay way(leat::spec::Buffering::kAuto);
    Turn turn{queue_, effects, results, tally, way, now};
    replica->on(event, turn);
  }

  template <typename Wanted>
  [[nodiscard]] bool has_last() const {
    return !effects.empty() && std::holds_alternative<Wanted>(effects.back());
  }

 private:
  Stage stage_;
  Limits limits_;
  WorkQueue queue_{true};
  std::uint64_t tool_count_ = 0;
  std::uint64_t lease_count_ = 0;

 public:
  Instant now{1s};
  WindowQueue windows{false};
  std::optional<WindowReplica> replica;
  Effects effects;
  std::vector<leat::wire::LeaseResult> results;
  Tally tally;
};

}  // namespace

TEST_CASE("a tool that takes its record as an argument is started when there is one, with it") {
  Scene scene;
  CHECK_FALSE(scene.advance());
  CHECK(scene.replica->is_ready());
  CHECK_FALSE(scene.replica->next_deadline(scene.windows));
  scene.give({"a b"});
  const auto start = scene.advance();
  REQUIRE(start);
  CHECK(start->argv == std::vector<std::string>{"tool", "--text=a b"});
  CHECK_FALSE(start->file);
  scene.tell(ToolStarted{start->tool});
  CHECK(scene.has_last<CloseStdin>());
  CHECK_FALSE(scene.advance());
  scene.tell(ToolPrinted{start->tool, "1\n2\n"});
  scene.tell(ToolEnded{start->tool, false, 0});
  REQUIRE(scene.results.size() == 1);
  CHECK(scene.results[0].outputs.records.count == 2);
  CHECK(scene.results[0].outputs.runs.front().inputs == 1);
  CHECK_FALSE(scene.advance());
}

TEST_CASE("the next process starts as soon as the one before has ended") {
  Scene scene;
  scene.give({"a", "b"});
  const auto first = scene.advance();
  REQUIRE(first);
  CHECK_FALSE(scene.advance());
  scene.tell(ToolStarted{first->tool});
  scene.tell(ToolEnded{first->tool, false, 0});
  const auto second = scene.advance();
  REQUIRE(second);
  CHECK(second->argv.back() == "--text=b");
  CHECK(second->tool != first->tool);
}

TEST_CASE("a record in a file goes there whatever its bytes are") {
  Stage in_file = stage();
  in_file.is_record_in_file = true;
  Scene scene(in_file);
  const std::string record = std::string("a\0b", 3) + std::string(200'000, 'x');
  scene.give({record});
  const auto start = scene.advance();
  REQUIRE(start);
  CHECK(start->argv.back() == "--text={}");
  REQUIRE(start->file);
  CHECK(start->file->bytes.view() == record);
  CHECK(start->file->holes == in_file.holes);
}

TEST_CASE("a record that cannot be an argument is a dead letter at once, without a process") {
  Scene scene;
  std::string reason;
  SECTION("for a zero byte in it") {
    scene.give({std::string("a\0b", 3)});
    reason = "zero byte";
  }
  SECTION("for its length") {
    scene.give({std::string(131'065, 'x')});
    reason = "131072 bytes";
  }
  scene.give({"good"});
  const auto start = scene.advance();
  REQUIRE(start);
  CHECK(start->argv.back() == "--text=good");
  REQUIRE(scene.results.size() == 1);
  REQUIRE(scene.results[0].failures.size() == 1);
  const auto& failure = scene.results[0].failures[0];
  CHECK(failure.kind == FailureKind::kFraming);
  CHECK_THAT(failure.reason, Catch::Contains(reason) && Catch::Contains("file: true"));
  CHECK(scene.results[0].lease == 1);
}

TEST_CASE("the longest word that a system takes is given") {
  Scene scene;
  scene.give({std::string(131'064, 'x')});
  CHECK(scene.advance());
}

TEST_CASE("a window that is not of one record is a dead letter") {
  Scene scene;
  scene.give_window({"a", "b"});
  scene.give_window({});
  CHECK_FALSE(scene.advance());
  REQUIRE(scene.results.size() == 2);
  CHECK_THAT(scene.results[0].failures[0].reason, Catch::Contains("window of 2 records"));
}

TEST_CASE("a record that fails is tried again after its pause, others go on") {
  Scene scene;
  scene.give({"bad", "good"});
  const auto first = scene.advance();
  scene.tell(ToolStarted{first->tool});
  scene.tell(ToolEnded{first->tool, false, 1});
  const auto second = scene.advance();
  REQUIRE(second);
  CHECK(second->argv.back() == "--text=good");
  scene.tell(ToolEnded{second->tool, false, 0});
  CHECK_FALSE(scene.advance());
  CHECK(scene.replica->next_deadline(scene.windows) == Instant(1s) + 1h);
  scene.now = scene.now + 1h;
  const auto again = scene.advance();
  REQUIRE(again);
  CHECK(again->argv.back() == "--text=bad");
  scene.tell(ToolEnded{again->tool, false, 1});
  REQUIRE(scene.results.size() == 2);
  CHECK(scene.results[1].failures.at(0).attempts == 2);
}

TEST_CASE("arguments that are too many in all are the record's failure") {
  Scene scene;
  scene.give({"a", "b"});
  const auto start = scene.advance();
  scene.tell(ToolStartFailed{.tool = start->tool,
                             .reason = "cannot start 'tool': Argument list too long",
                             .is_by_arguments = true});
  CHECK_FALSE(scene.replica->stage_failure());
  REQUIRE(scene.results.size() == 1);
  CHECK_THAT(scene.results[0].failures.at(0).reason,
             Catch::Contains("Argument list too long") && Catch::Contains("file: true"));
  CHECK(scene.advance());
}

TEST_CASE("a tool that cannot be started is the stage's failure and keeps its record") {
  Scene scene;
  scene.give({"a"});
  const auto start = scene.advance();
  scene.tell(ToolStartFailed{start->tool, "cannot start 'tool': not found"});
  CHECK(scene.replica->stage_failure() == "cannot start 'tool': not found");
  CHECK_FALSE(scene.replica->is_ready());
  CHECK_FALSE(scene.advance());
  CHECK_FALSE(scene.windows.is_empty());
  CHECK(scene.results.empty());
}

TEST_CASE("a start for which the system is short of something is tried again with the record") {
  Scene scene;
  scene.give({"a"});
  const auto start = scene.advance();
  scene.tell(ToolStartFailed{start->tool, "no memory", true});
  CHECK_FALSE(scene.advance());
  const auto next = scene.replica->next_deadline(scene.windows);
  REQUIRE(next);
  CHECK(*next > scene.now);
  scene.now = *next;
  const auto again = scene.advance();
  REQUIRE(again);
  CHECK(again->argv.back() == "--text=a");
  scene.tell(ToolStarted{again->tool});
  scene.tell(ToolEnded{again->tool, false, 0});
  CHECK(scene.results.at(0).failures.empty());
}

TEST_CASE("a timeout runs from the start of the record's process") {
  Stage impatient = stage();
  impatient.timeout = 1s;
  Scene scene(impatient);
  scene.give({"a"});
  const auto start = scene.advance();
  scene.tell(ToolStarted{start->tool});
  CHECK(scene.replica->next_deadline(scene.windows) == scene.now + 1s);
  scene.now = scene.now + 1s;
  CHECK_FALSE(scene.advance());
  CHECK(scene.has_last<EndTool>());
  scene.tell(ToolEnded{start->tool, true, 9});
  CHECK(scene.tally.retried() == 1);
}

TEST_CASE("a retired replica starts no process for what waits") {
  Scene scene;
  scene.replica->retire();
  scene.give({"a"});
  CHECK_FALSE(scene.advance());
  CHECK(scene.replica->is_gone());
  CHECK_FALSE(scene.replica->next_deadline(scene.windows));
}
