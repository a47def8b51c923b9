#include "node/kept_replica.h"

#include <numeric>

#include <catch2/catch.hpp>

#include "tests/unit/node/kept_world.h"

using leat::Duration;
using leat::Instant;
using leat::kUnterminated;
using leat::Limits;
using leat::spec::Stage;
using leat::wire::FailureKind;
using namespace leat::node;
using namespace leat::node::testing;

namespace {

using Outcomes = std::map<std::string, std::string>;

Stage stage() {
  return {.name = "s", .argv = {"tool"}, .attempts = 2, .backoff = 10ms};
}

// What a sound tool makes of numbered(count).
Outcomes answered(std::size_t count) {
  Outcomes all;
  for (std::size_t i = 0; i < count; ++i) {
    all[std::to_string(i)] = "r" + std::to_string(i) + "!";
  }
  return all;
}

Outcomes answered_but(std::size_t count, std::size_t bad, const std::string& outcome) {
  Outcomes all = answered(count);
  all[std::to_string(bad)] = outcome;
  return all;
}

// Does the deed with the record of this name, and answers all others.
Life with_bad(const std::string& name, const Deed& deed) {
  return {.reads = [=](const std::string& record, std::size_t) {
    return record == name ? deed : answer(record);
  }};
}

void run_one(KeptWorld& world, std::size_t count) {
  world.give(1, 0, numbered(count));
  world.run();
  CHECK_FALSE(world.is_endless);
}

}  // namespace

TEST_CASE("a sound tool's answers go to its records, once each") {
  KeptWorld world(stage());
  run_one(world, 500);
  CHECK(world.outcomes() == answered(500));
  CHECK(world.starts() == 1);
  CHECK(world.inside_max > 1);
}

TEST_CASE("a doubled answer fails its own record alone, and no answer moves to another record") {
  KeptWorld world(stage());
  world.lives = {with_bad("r7", {.prints = "r7!\nr7!\n"})};
  run_one(world, 20);
  CHECK(world.outcomes() == answered_but(20, 7, "failure 2"));
  CHECK(world.failures().front().kind == FailureKind::kMismatch);
}

TEST_CASE("a dropped answer fails its own record alone, and says what the tool does") {
  KeptWorld world(stage());
  world.lives = {with_bad("r7", {})};
  run_one(world, 20);
  CHECK(world.outcomes() == answered_but(20, 7, "failure 2"));
  CHECK(world.failures().front().kind == FailureKind::kMismatch);
  CHECK(world.failures().front().reason.find("waits for more") != std::string::npos);
}

TEST_CASE("after one mismatch, a dropped and a doubled answer do not make up for each other") {
  KeptWorld world(stage());
  world.lives = {{.reads = [](const std::string& record, std::size_t) {
    if (record == "r7" || record == "r205") return Deed{};
    if (record == "r200") return Deed{.prints = "r200!\nr200!\n"};
    return answer(record);
  }}};
  run_one(world, 300);
  Outcomes expected = answered_but(300, 7, "failure 2");
  expected["200"] = "failure 2";
  expected["205"] = "failure 2";
  CHECK(world.outcomes() == expected);
}

TEST_CASE("a crash with several inside fails the culprit alone, after its attempts") {
  KeptWorld world(stage());
  world.lives = {with_bad("r7", crash())};
  run_one(world, 20);
  CHECK(world.outcomes() == answered_but(20, 7, "failure 2"));
  CHECK(world.failures().front().kind == FailureKind::kSignal);
  CHECK(world.failures().front().status == 11);
}

TEST_CASE("a crash that does not come again costs nobody anything") {
  KeptWorld world(stage());
  world.lives = {with_bad("r7", crash()), Life{}};
  run_one(world, 20);
  CHECK(world.outcomes() == answered(20));
}

TEST_CASE("a tool that crashes after every third answer gets all its records done") {
  Stage one = stage();
  one.in_flight_max = GENERATE(0U, 1U);
  KeptWorld world(one);
  Life life;
  life.reads = [](const std::string& record, std::size_t nth) {
    Deed deed = answer(record);
    if (nth == 2) deed.ends = ToolEnded{.is_signal = true, .status = 11};
    return deed;
  };
  world.lives = {life};
  run_one(world, 20);
  CHECK(world.outcomes() == answered(20));
}

TEST_CASE("a tool that prints on after all answers fails, where its rest cannot be seen") {
  Stage with_timeout = stage();
  with_timeout.timeout = 1s;
  KeptWorld world(with_timeout);
  Life life = with_bad("r7", {.prints = "r7!\nand more"});
  life.is_seeable = false;
  world.lives = {life};
  world.give(1, 0, numbered(8));
  world.run(600s);
  CHECK_FALSE(world.is_endless);
  CHECK(world.outcomes() == answered_but(8, 7, "failure 2"));
}

TEST_CASE("the culprit waits for its backoff before the next attempt, then for the double") {
  Stage three = stage();
  three.attempts = 3;
  three.backoff = 1s;
  KeptWorld world(three);
  world.lives = {with_bad("r0", crash())};
  run_one(world, 1);
  REQUIRE(world.fed.size() == 3);
  CHECK(world.fed_at[1] - world.fed_at[0] >= 1s);
  CHECK(world.fed_at[2] - world.fed_at[1] >= 2s);
  CHECK(world.fed_at[2] - world.fed_at[1] < 3s);
  CHECK(world.outcomes() == Outcomes{{"0", "failure 3"}});
}

TEST_CASE("a timeout blames the first unanswered record, with several inside") {
  Stage with_timeout = stage();
  with_timeout.timeout = 2s;
  KeptWorld world(with_timeout);
  world.lives = {with_bad("r7", {.takes = 10min})};
  run_one(world, 20);
  CHECK(world.outcomes() == answered_but(20, 7, "failure 2"));
  CHECK(world.failures().front().kind == FailureKind::kTimeout);
  CHECK(world.inside_max > 1);
}

TEST_CASE("a slow answer within the timeout of its own is no failure, however long the queue") {
  Stage with_timeout = stage();
  with_timeout.timeout = 2s;
  KeptWorld world(with_timeout);
  world.lives = {slow_life(1500ms)};
  run_one(world, 10);
  CHECK(world.outcomes() == answered(10));
  CHECK(world.starts() == 1);
}

TEST_CASE("an answer larger than record_bytes fails the record it was for") {
  Limits limits;
  limits.record_bytes_max = 100;
  KeptWorld world(stage(), limits);
  world.lives = {with_bad("r7", {.prints = std::string(200, 'x')})};
  run_one(world, 20);
  CHECK(world.outcomes() == answered_but(20, 7, "failure 2"));
  CHECK(world.failures().front().kind == FailureKind::kOversize);
}

TEST_CASE("a whole answer that is too large is its own record's, though many are inside") {
  Limits limits;
  limits.record_bytes_max = 100;
  KeptWorld world(stage(), limits);
  world.lives = {with_bad("r150", {.prints = std::string(101, 'x') + "\n"})};
  run_one(world, 200);
  CHECK(world.inside_max > 2);
  CHECK(world.outcomes() == answered_but(200, 150, "failure 2"));
  CHECK(world.restarts() == std::map<std::string, std::uint64_t>{{"oversize", 2}});
}

TEST_CASE(
    "an answer that is not in the output framing fails the record it was for, and says where") {
  Stage s = stage();
  s.output = {.kind = leat::framing::Kind::kNetstring};
  KeptWorld world(s);
  world.lives = {{.reads = [](const std::string& record, std::size_t) -> Deed {
    if (record == "r7") return {.prints = "2:r7;"};
    return {.prints = std::to_string(record.size() + 1) + ":" + record + "!,"};
  }}};
  run_one(world, 20);
  CHECK(world.outcomes() == answered_but(20, 7, "failure 2"));
  const leat::wire::Failure failure = world.failures().front();
  CHECK(failure.kind == FailureKind::kMismatch);
  CHECK(failure.reason.starts_with("what the tool printed is not netstring at byte "));
  CHECK(failure.reason.ends_with(": found ';', expected the comma behind the record's bytes"));
}

TEST_CASE("whitespace behind a JSON value answers nothing, whenever it comes") {
  Stage s = stage();
  s.output = {.kind = leat::framing::Kind::kJson};
  KeptWorld world(s);
  Life life{.reads = [](const std::string& record, std::size_t) -> Deed {
    return {.prints = "\n{}" + std::string(record == "r7" ? "{}" : "\t \n")};
  }};
  life.banner = "\n";
  world.lives = {life};
  run_one(world, 20);
  CHECK(world.failures().size() == 1);
  CHECK(world.outcomes().at("7") == "failure 2");
  CHECK(world.outcomes().at("8") == "{}");
}

TEST_CASE("a header that announces more than record_bytes fails the record at once") {
  Stage s = stage();
  s.output = {.kind = leat::framing::Kind::kNetstring};
  KeptWorld world(s);
  world.lives = {
      {.reads = [](const std::string&, std::size_t) -> Deed { return {.prints = "1000000000:"}; }}};
  run_one(world, 1);
  CHECK(world.failures().front().kind == FailureKind::kOversize);
}

TEST_CASE("an unterminated last record is fed so, and one answer is its own") {
  KeptWorld world(stage());
  world.give(1, 0, {"r0"});
  world.give_unterminated(1, 1, "r1");
  world.run();
  CHECK(world.fed.back() == "r1");
  CHECK(world.outcomes() == Outcomes{{"0", "r0!"}, {"1", "r1!"}});
  CHECK_FALSE(world.results.back().outputs.records.has(kUnterminated, 0));
}

TEST_CASE("an unterminated last record without an answer became nothing") {
  KeptWorld world(stage());
  world.lives = {with_bad("r1", {})};
  world.give_unterminated(1, 1, "r1");
  world.run();
  CHECK(world.outcomes() == Outcomes{{"1", "-"}});
  CHECK(world.failures().empty());
}

TEST_CASE("of two answers to an unterminated last record the second is dropped and told") {
  KeptWorld world(stage());
  world.lives = {with_bad("r1", {.prints = "one\ntwo\n"})};
  world.give_unterminated(1, 1, "r1");
  world.run();
  CHECK(world.outcomes() == Outcomes{{"1", "one"}});
  REQUIRE(world.said.size() == 1);
  CHECK(world.said.front().find("4 bytes") != std::string::npos);
}

TEST_CASE("an unterminated answer to an unterminated last record stays unterminated") {
  KeptWorld world(stage());
  world.lives = {with_bad("r1", {.prints = "one"})};
  world.give_unterminated(1, 1, "r1");
  world.run();
  CHECK(world.outcomes() == Outcomes{{"1", "one"}});
  CHECK(world.results.back().outputs.records.has(kUnterminated, 0));
}

TEST_CASE("a crash on an unterminated last record is retried and then its failure") {
  KeptWorld world(stage());
  world.lives = {with_bad("r1", crash())};
  world.give_unterminated(1, 1, "r1");
  world.run();
  CHECK(world.outcomes() == Outcomes{{"1", "failure 2"}});
}

TEST_CASE("records that come after an unterminated one get a new process") {
  KeptWorld world(stage());
  world.give_unterminated(1, 0, "r0");
  world.run();
  // It is there before there is something for it, but not at once.
  CHECK(world.starts() == 2);
  world.give(2, 1, {"r1"});
  world.run();
  CHECK(world.starts() == 2);
  CHECK(world.outcomes() == answered(2));
}

TEST_CASE("what a tool prints after its commit answers nobody, and it is started anew") {
  KeptWorld world(stage());
  int surplus = 0;
  world.at_every_turn = [&] {
    const bool is_committed = !world.results.empty() && world.replica().is_idle();
    if (!is_committed || !world.replica().tool() || surplus++ > 0) return;
    leat::node::WorkQueue queue(true);
    Effects effects;
    OutputWay way(leat::spec::Buffering::kAuto);
    Turn turn{queue, effects, world.results, world.tally, way, world.now};
    world.replica().on(ToolPrinted{*world.replica().tool(), "late\n"}, turn);
    CHECK(std::holds_alternative<Say>(effects.front()));
    CHECK(std::holds_alternative<EndTool>(effects.back()));
  };
  run_one(world, 5);
  CHECK(surplus > 0);
  world.give(2, 5, {"r5"});
  world.run();
  CHECK(world.outcomes() == answered(6));
  CHECK(world.starts() == 2);
}

TEST_CASE("a prelude is passed over, in every process, and nothing is fed before it is over") {
  Stage s = stage();
  SECTION("of two records") {
    s.prelude = leat::spec::Prelude{.records = 2, .until = ""};
  }
  SECTION("up to a line") {
    s.prelude = leat::spec::Prelude{.records = 1, .until = "^Ready"};
  }
  KeptWorld world(s);
  Life life = with_bad("r7", crash());
  life.banner = "Welcome!\nReady.\n";
  world.lives = {life};
  run_one(world, 20);
  CHECK(world.outcomes() == answered_but(20, 7, "failure 2"));
  CHECK(world.starts() > 1);
}

TEST_CASE("a tool that waits for input without its prelude stops the stage") {
  Stage s = stage();
  s.prelude = leat::spec::Prelude{.records = 2, .until = ""};
  KeptWorld world(s);
  world.lives = {{.banner = "Welcome!\n"}};
  run_one(world, 1);
  REQUIRE(world.replica().stage_failure());
  CHECK(world.replica().stage_failure()->find("has not printed its prelude (2 records) and waits "
                                              "for input") != std::string::npos);
}

TEST_CASE("a banner before the first record stops the stage and is called one") {
  KeptWorld world(stage());
  world.lives = {{.banner = "Welcome!\n"}};
  world.run();
  REQUIRE(world.replica().stage_failure());
  CHECK(world.replica().stage_failure()->find("banner") != std::string::npos);
  CHECK(world.results.empty());
}

TEST_CASE("a record that makes the tool exit with status 0 is blamed for it") {
  KeptWorld world(stage());
  world.lives = {with_bad("r3", {.ends = ToolEnded{}})};
  run_one(world, 10);
  CHECK(world.outcomes() == answered_but(10, 3, "failure 2"));
  CHECK(world.failures().front().reason.find("before its input ended") != std::string::npos);
}

TEST_CASE("a tool that exits with status 0 again and again stops the stage") {
  KeptWorld world(stage());
  world.lives = {{.ends_at_once = ToolEnded{}}};
  run_one(world, 10);
  REQUIRE(world.replica().stage_failure());
  CHECK(world.replica().stage_failure()->find("exited with status 0") != std::string::npos);
  CHECK(world.failures().empty());
}

TEST_CASE("a tool that cannot be started stops the stage with the system's words") {
  KeptWorld world(stage());
  world.lives = {{.start_failure = "/bin/nix: No such file or directory"}};
  run_one(world, 3);
  REQUIRE(world.replica().stage_failure());
  CHECK(world.replica().stage_failure()->find("No such file") != std::string::npos);
  CHECK(world.failures().empty());
}

TEST_CASE("a tool that dies at every start stops the stage and charges no record with it") {
  Stage patient = stage();
  patient.attempts = 10;
  KeptWorld world(patient);
  world.lives = {{.ends_at_once = ToolEnded{.status = 127}}};
  run_one(world, 30);
  REQUIRE(world.replica().stage_failure());
  CHECK(world.replica().stage_failure()->find("status 127") != std::string::npos);
  CHECK(world.failures().empty());
  CHECK(world.starts() < 8);
}

TEST_CASE("a tool that answers only at end-of-file stops the stage, and the words name the cure") {
  KeptWorld world(stage());
  Life buffers;
  buffers.reads = [](const std::string&, std::size_t) { return Deed{}; };
  buffers.at_end = "r0!\n";
  world.lives = {buffers};
  run_one(world, 20);
  REQUIRE(world.replica().stage_failure());
  CHECK(world.replica().stage_failure()->find("buffers its output") != std::string::npos);
  CHECK(world.failures().size() < 20);
}

TEST_CASE("a tool whose rest cannot be seen commits when it has answered all") {
  KeptWorld world(stage());
  world.lives = {{.is_seeable = false}};
  run_one(world, 100);
  CHECK(world.outcomes() == answered(100));
  CHECK(world.starts() == 1);
}

TEST_CASE("under steady load results come at least every 100 ms, and a little") {
  KeptWorld world(stage());
  world.lives = {slow_life(1ms)};
  std::size_t seen = 0;
  Instant last = world.now;
  Duration longest{};
  world.at_every_turn = [&] {
    if (world.results.size() == seen) return;
    seen = world.results.size();
    longest = std::max(longest, world.now - last);
    last = world.now;
  };
  run_one(world, 5000);
  CHECK(world.outcomes() == answered(5000));
  CHECK(seen > 20);
  CHECK(longest < 200ms);
}

TEST_CASE("two producers' records are never inside together") {
  KeptWorld world(stage());
  std::size_t most = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    world.give(i + 1, i / 2 * 3, {"a" + std::to_string(i), "b", "c"}, 1 + i % 2);
  }
  world.at_every_turn = [&] { most = std::max(most, world.inside()); };
  world.run();
  CHECK(most <= 3);
  std::size_t records = 0;
  for (const auto& result : world.results) {
    CHECK(result.outputs.producer.counter == 1 + (result.lease - 1) % 2);
    records += result.outputs.records.count;
  }
  CHECK(records == 120);
}

TEST_CASE("with in_flight 1 no second record is inside before the first is answered") {
  Stage one = stage();
  one.in_flight_max = 1;
  KeptWorld world(one);
  run_one(world, 200);
  CHECK(world.inside_max == 1);
  CHECK(world.outcomes() == answered(200));
}

TEST_CASE("a record larger than the room for bytes is fed alone, and the others go on") {
  KeptWorld world(stage());
  const std::string large(std::size_t{2} << 20, 'x');
  world.give(1, 0, {"r0", large, "r2"});
  world.run();
  CHECK(world.outcomes() == Outcomes{{"0", "r0!"}, {"1", large + "!"}, {"2", "r2!"}});
}

TEST_CASE("busy time of the results adds up to no more than the time that passed") {
  KeptWorld world(stage());
  const Instant begin = world.now;
  for (std::uint64_t i = 0; i < 10; ++i) {
    world.give(i + 1, i * 20, numbered(20));
  }
  world.run();
  std::uint64_t busy = 0;
  std::uint64_t served = 0;
  for (const auto& result : world.results) {
    busy += result.busy_ns;
    for (const auto& [bucket, times] : result.service) {
      served += times;
    }
  }
  CHECK(busy <= static_cast<std::uint64_t>((world.now - begin).count()));
  CHECK(served == 200);
}

TEST_CASE("a failed start says what the system said, once") {
  KeptWorld world(stage());
  world.lives = {{.start_failure = "cannot start '/bin/nix': No such file or directory"}};
  run_one(world, 3);
  CHECK(world.replica().stage_failure() == "cannot start '/bin/nix': No such file or directory");
  CHECK(world.starts() == 1);
}

TEST_CASE("a start for which the system is short of something is tried again, ever more rarely") {
  KeptWorld world(stage());
  const Life short_of{.start_failure = "cannot make a pipe: Too many open files",
                      .may_start_later = true};
  world.lives = std::vector<Life>(10, short_of);
  world.lives.emplace_back();
  run_one(world, 3);
  CHECK(world.outcomes() == answered(3));
  CHECK(world.restarts() == std::map<std::string, std::uint64_t>{{"start", 10}});
  CHECK(world.said.size() == 1);
  REQUIRE(world.started_at.size() == 11);
  CHECK(world.started_at[1] - world.started_at[0] >= 75ms);
  CHECK(world.started_at[4] - world.started_at[3] > world.started_at[2] - world.started_at[1]);
}

TEST_CASE("a start for which the system stays short of something stops the stage") {
  KeptWorld world(stage());
  world.lives = {
      {.start_failure = "cannot make a pipe: Too many open files", .may_start_later = true}};
  run_one(world, 3);
  CHECK(world.replica().stage_failure() == "cannot make a pipe: Too many open files");
  CHECK(world.starts() == 11);
}

TEST_CASE("starts that failed before a good one are forgotten") {
  KeptWorld world(stage());
  const Life short_of{.start_failure = "no room", .may_start_later = true};
  std::vector<Life> lives(9, short_of);
  lives.push_back(with_bad("r0", crash()));
  lives.insert(lives.end(), 9, short_of);
  lives.emplace_back();
  world.lives = lives;
  world.give(1, 0, {"r0"});
  world.run(600s);
  CHECK(world.outcomes() == answered(1));
}

TEST_CASE("what the stage failed with first is not replaced by what follows from it") {
  KeptWorld world(stage());
  const Life dead{.ends_at_once = ToolEnded{.status = 127}};
  world.lives = {dead, dead, {.banner = "Welcome!\n"}};
  world.run();
  REQUIRE(world.replica().stage_failure());
  CHECK(world.replica().stage_failure()->find("banner") != std::string::npos);
}

TEST_CASE("every cause of a restart is counted by its name, from the start") {
  std::vector<std::string> names;
  for (const auto& named : KeptWorld(stage()).tally.restarts()) {
    CHECK(named.count == 0);
    names.push_back(named.name);
  }
  CHECK(names == std::vector<std::string>{"buffering", "exit", "mismatch", "oversize", "signal",
                                          "start", "timeout"});
}

TEST_CASE("a restart is counted under what made it necessary") {
  Stage s = stage();
  s.timeout = 1s;
  Limits limits;
  limits.record_bytes_max = 100;
  const auto restarts_after = [&](const Deed& deed, const std::string& at_end = "") {
    KeptWorld world(s, limits);
    Life life = with_bad("r1", deed);
    life.at_end = at_end;
    world.lives = {Life{}, Life{}};
    world.lives.front() = life;
    world.give(1, 0, {"r0", "r1"});
    world.run();
    CHECK(world.outcomes() == answered(2));
    return world.restarts();
  };
  using Counts = std::map<std::string, std::uint64_t>;
  CHECK(restarts_after(crash()) == Counts{{"signal", 1}});
  CHECK(restarts_after({.ends = ToolEnded{.status = 3}}) == Counts{{"exit", 1}});
  CHECK(restarts_after({.takes = 10min}) == Counts{{"timeout", 1}});
  CHECK(restarts_after({.prints = "r1!\nr1!\n"}) == Counts{{"mismatch", 1}});
  CHECK(restarts_after({}) == Counts{{"mismatch", 1}});
  CHECK(restarts_after({}, "r1!\n") == Counts{{"buffering", 1}});
  CHECK(restarts_after({.prints = std::string(200, 'x')}) == Counts{{"oversize", 1}});
}

TEST_CASE("a process that ends as it should is no restart") {
  KeptWorld world(stage());
  world.give_unterminated(1, 0, "r0");
  world.run();
  world.give(2, 1, {"r1"});
  world.run();
  CHECK(world.starts() == 2);
  CHECK(world.restarts().empty());
}

TEST_CASE("retried records are those whose attempt failed and was not the last") {
  Stage three = stage();
  three.attempts = 3;
  KeptWorld world(three);
  world.lives = {with_bad("r7", crash())};
  run_one(world, 20);
  CHECK(world.outcomes() == answered_but(20, 7, "failure 3"));
  CHECK(world.tally.retried() == 2);
}

TEST_CASE("answers that are too much together, and none alone, are got one by one") {
  KeptWorld world(stage(), {}, 2000);
  Life life;
  life.reads = [](const std::string& record, std::size_t) {
    // Small at first, so that many records are inside when they grow.
    const bool is_large = std::stoul(record.substr(1)) >= 60;
    return Deed{.prints = record + (is_large ? std::string(900, '!') : "!") + "\n"};
  };
  world.lives = {life};
  run_one(world, 200);
  CHECK(world.failures().empty());
  CHECK(world.outcomes().size() == 200);
  CHECK(world.restarts() == std::map<std::string, std::uint64_t>{{"oversize", 1}});
  for (const auto& result : world.results) {
    CHECK(result.outputs.records.blob.size() <= 2000);
  }
}

TEST_CASE("of a flood after end-of-file the first answer counts, and no limit is reached") {
  KeptWorld world(stage(), {}, 2000);
  std::string flood;
  for (int i = 0; i < 3000; ++i) {
    flood += "x\n";
  }
  world.lives = {with_bad("r1", {.prints = flood})};
  world.give_unterminated(1, 1, "r1");
  world.run();
  CHECK(world.outcomes() == Outcomes{{"1", "x"}});
}

TEST_CASE("a retired replica finishes what is inside, takes nothing more, and ends its tool") {
  KeptWorld world(stage());
  world.lives = {slow_life(20ms)};
  std::size_t inside = 0;
  world.at_every_turn = [&] {
    if (inside == 0 && world.inside() > 1) {
      inside = world.fed.size();
      world.replica().retire();
    }
  };
  run_one(world, 50);
  REQUIRE(inside > 0);
  CHECK(world.fed.size() == inside);
  CHECK(world.replica().is_gone());
  CHECK(world.replica().is_idle());
  CHECK(world.has_work());
  CHECK(world.restarts().empty());
  std::size_t answers = 0;
  for (const auto& [at, outcome] : world.outcomes()) {
    CHECK(outcome == "r" + at + "!");
    ++answers;
  }
  CHECK(answers >= 2);
  CHECK(answers < 50);
}

TEST_CASE("what a retired replica could not finish goes back to the others") {
  KeptWorld world(stage());
  world.lives = {with_bad("r0", crash())};
  bool is_retired = false;
  world.at_every_turn = [&] {
    if (!is_retired && !world.fed.empty()) {
      is_retired = true;
      world.replica().retire();
    }
  };
  run_one(world, 5);
  CHECK(world.replica().is_gone());
  CHECK(world.replica().is_idle());
  CHECK(world.starts() == 1);
  CHECK(world.has_work());
  CHECK(world.outcomes().empty());
}

TEST_CASE("any mixture of faults gives each record its answer or its failure, once") {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    Stage s = stage();
    s.timeout = 1s;
    s.attempts = 1 + seed % 3;
    KeptWorld world(s);
    Life life;
    life.is_seeable = seed % 4 != 0;
    life.reads = [seed](const std::string& record, std::size_t) {
      const std::size_t number = std::stoul(record.substr(1)) * 2654435761U + seed;
      const std::size_t kind = (number >> 7) % 40;
      if (kind == 0) return crash();
      if (kind == 1) return Deed{.takes = 10min};
      if (kind == 2 && seed % 2 == 0) return Deed{};
      if (kind == 2) return Deed{.prints = record + "!\n" + record + "!\n"};
      return answer(record);
    };
    world.lives = {life};
    world.give(1, 0, numbered(80));
    world.run(4000s);
    INFO("seed " << seed);
    CHECK_FALSE(world.is_endless);
    if (world.replica().stage_failure()) continue;
    const Outcomes outcomes = world.outcomes();
    CHECK(outcomes.size() == 80);
    for (const auto& [at, outcome] : outcomes) {
      const std::string good = "r" + at + "!";
      const std::string bad = "failure " + std::to_string(s.attempts);
      CHECK((outcome == good || outcome == bad));
    }
  }
}

TEST_CASE("a tool that buffers is connected otherwise until it answers, and no record is charged") {
  using leat::spec::Buffering;
  Stage one = stage();
  one.attempts = 1;
  KeptWorld world(one);
  Life holds_back;
  holds_back.reads = [](const std::string&, std::size_t) { return Deed{}; };
  holds_back.at_end = "r0!\n";
  world.lives = {holds_back, holds_back, Life{}};
  run_one(world, 50);
  CHECK(world.outcomes() == answered(50));
  CHECK(world.ways == std::vector{Buffering::kPipe, Buffering::kPreload, Buffering::kPty});
  CHECK(world.restarts() == std::map<std::string, std::uint64_t>{{"buffering", 2}});
  REQUIRE(world.said.size() == 2);
  CHECK(world.said[0].find("`buffering: preload`") != std::string::npos);
  CHECK(world.said[1].find("`buffering: pty`") != std::string::npos);
}

TEST_CASE("a way that the user chose is kept, and a tool that buffers there stops the stage") {
  Stage one = stage();
  one.buffering = leat::spec::Buffering::kPreload;
  one.argv = {"/usr/bin/mawk", "1"};
  KeptWorld world(one);
  Life holds_back;
  holds_back.reads = [](const std::string&, std::size_t) { return Deed{}; };
  holds_back.at_end = "r0!\n";
  world.lives = {holds_back};
  run_one(world, 5);
  REQUIRE(world.replica().stage_failure());
  CHECK(world.replica().stage_failure()->find("-W interactive") != std::string::npos);
}

TEST_CASE("where the system withholds a tool's rest, answers are counted") {
  KeptWorld world(stage());
  Life life;
  life.is_seeable = false;
  life.hidden = Rest::kWithheld;
  world.lives = {life};
  run_one(world, 50);
  CHECK(world.outcomes() == answered(50));
}
