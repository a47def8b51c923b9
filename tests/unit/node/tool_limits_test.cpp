// What replicas make of a stage's surroundings and limits.

#include <catch2/catch.hpp>

#include "node/window_replica.h"
#include "tests/unit/node/kept_world.h"

using leat::Limits;
using leat::spec::Stage;
using leat::wire::FailureKind;
using namespace leat::node;
using namespace leat::node::testing;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

Stage stage() {
  return {.name = "s", .argv = {"tool"}, .attempts = 2, .backoff = 10ms};
}

std::string reason_of(const ToolEnded& end, const Stage& stage, std::string_view stderr_tail = "") {
  const leat::wire::Failure failure = failure_of(end, stage, stderr_tail);
  CHECK(failure.status == end.status);
  return failure.reason;
}

ToolEnded signal(int number) {
  return {.is_signal = true, .status = number};
}

}  // namespace

TEST_CASE("the order to start a tool has its surroundings") {
  Stage s = stage();
  s.surroundings = {.nice = 5, .user = "nobody", .open_files_max = 9};
  const Limits limits;
  const StartTool order = start_order(Post{.stage = s, .limits = limits}, ToolId{1});
  CHECK(order.surroundings.nice == 5);
  CHECK(order.surroundings.user == "nobody");
  CHECK(order.surroundings.open_files_max == 9U);
}

TEST_CASE("a tool that met a limit is told with it, as far as that can be known") {
  Stage s = stage();
  CHECK(reason_of(signal(24), s) == "the tool was ended by signal 24 (SIGXCPU)");
  CHECK(reason_of(signal(9), s) == "the tool was ended by signal 9 (SIGKILL)");
  s.surroundings.cpu_time_max = 90s;
  CHECK(reason_of(signal(24), s) ==
        "the tool was ended by signal 24 (SIGXCPU): it had used up tool_limits.cpu (90s)");
  CHECK_THAT(reason_of(signal(9), s), Contains("(SIGKILL); perhaps for tool_limits.cpu (90s)"));
  CHECK(reason_of(signal(11), s) == "the tool was ended by signal 11 (SIGSEGV)");
  s.surroundings.cpu_time_max.reset();
  s.surroundings.memory_bytes_max = 1 << 30;
  const std::string memory = "; perhaps for tool_limits.memory (1GiB)";
  for (const int number : {6, 7, 9, 11}) {
    CHECK_THAT(reason_of(signal(number), s), Contains(memory));
  }
  CHECK(reason_of(signal(15), s) == "the tool was ended by signal 15 (SIGTERM)");
  const ToolEnded exit{.status = 1};
  CHECK(reason_of(exit, s, "no such word") == "the tool exited with status 1");
  for (const char* words : {"Cannot allocate memory", "MemoryError", "std::bad_alloc",
                            "libc.so.6: failed to map segment from shared object"}) {
    CHECK(reason_of(exit, s, words) == "the tool exited with status 1" + memory);
  }
}

TEST_CASE("an answer beyond the tool's output fails the record it was for, others go on") {
  Stage s = stage();
  s.output_bytes_max = 100;
  KeptWorld world(s);
  world.lives = {{.reads = [](const std::string& record, std::size_t) {
    return record == "bad" ? Deed{.prints = std::string(101, 'x') + "\n"} : answer(record);
  }}};
  const std::string fits(99, 'f');  // The answer has one byte more.
  world.give(1, 0, {"a", "bad", fits, "b"});
  world.run();
  CHECK_FALSE(world.is_endless);
  CHECK(world.outcomes() == std::map<std::string, std::string>{
                                {"0", "a!"}, {"1", "failure 2"}, {"2", fits + "!"}, {"3", "b!"}});
  CHECK(world.failures().at(0).kind == FailureKind::kOversize);
  CHECK(world.failures().at(0).reason ==
        "the tool printed a record of more than tool_limits.output (100)");
}

TEST_CASE("what a record may have is the lower of the two limits") {
  Stage s = stage();
  Limits limits;
  limits.record_bytes_max = 1000;
  const Post post{.stage = s, .limits = limits};
  CHECK(printed_record_max(post) == 1000);
  CHECK(printed_record_limit(post) == "limits.record_bytes (1000)");
  s.output_bytes_max = 10;
  CHECK(printed_record_max(post) == 10);
  CHECK(printed_record_limit(post) == "tool_limits.output (10)");
}

TEST_CASE("a window that prints more than the tool's output is ended as oversize") {
  Stage s = stage();
  s.mode = leat::spec::Mode::kWindow;
  s.attempts = 1;
  s.output_bytes_max = 10;
  const Limits limits;
  WindowReplica replica(Post{.stage = s, .limits = limits}, 1);
  WorkQueue queue(false);
  WindowQueue windows(false);
  Effects effects;
  std::vector<leat::wire::LeaseResult> results;
  Tally tally;
  std::uint64_t tools = 0;
  OutputWay way(leat::spec::Buffering::kAuto);
  Turn turn{queue, effects, results, tally, way, leat::Instant(1s)};
  leat::RecordsBuilder builder("\n");
  builder.add("a");
  WindowWork work;
  work.slices = {{{0, 1}, {{leat::Position(0), 1, 1}}, builder.take()}};
  windows.push_back(std::move(work));
  replica.advance(turn, windows, tools);
  replica.on(ToolStarted{ToolId{1}}, turn);
  replica.advance(turn, windows, tools);
  replica.on(ToolPrinted{ToolId{1}, "12345678\n\n"}, turn);
  CHECK(std::holds_alternative<CloseStdin>(effects.back()));
  replica.on(ToolPrinted{ToolId{1}, "x"}, turn);
  CHECK(std::holds_alternative<EndTool>(effects.back()));
  replica.on(ToolEnded{ToolId{1}, true, 9}, turn);
  REQUIRE(results.size() == 1);
  CHECK(results[0].failures.at(0).kind == FailureKind::kOversize);
  CHECK(results[0].failures.at(0).reason ==
        "the tool printed more for one window than tool_limits.output (10)");
}
