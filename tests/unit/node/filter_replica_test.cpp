// KeptReplica with a tool of mode filter: what it prints between two rests belongs to what it was
// given between them.

#include <set>

#include <catch2/catch.hpp>

#include "node/kept_replica.h"
#include "tests/unit/node/kept_world.h"

using leat::Duration;
using leat::Limits;
using leat::RecordReader;
using leat::Run;
using leat::spec::Mode;
using leat::spec::Stage;
using leat::wire::FailureKind;
using leat::wire::LeaseResult;
using namespace leat::node;
using namespace leat::node::testing;

namespace {

Stage stage() {
  return {.name = "s", .argv = {"tool"}, .mode = Mode::kFilter, .attempts = 2, .backoff = 10ms};
}

// Prints nothing for every third record, and two lines for every seventh.
Deed filtered(const std::string& record, std::size_t /*nth*/) {
  const unsigned long number = std::stoul(record.substr(1));
  Deed deed;
  if (number % 3 == 0) return deed;
  deed.prints = record + "!\n";
  if (number % 7 == 0) deed.prints += record + "!!\n";
  return deed;
}

// What a tool prints that does filtered() with each of these.
std::vector<std::string> printed(std::size_t count, const std::set<std::size_t>& without = {}) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 3 == 0 || without.contains(i)) continue;
    lines.push_back("r" + std::to_string(i) + "!");
    if (i % 7 == 0) lines.push_back("r" + std::to_string(i) + "!!");
  }
  return lines;
}

// All outputs in the order of their origins; and each record's origin must be within its result.
std::vector<std::string> outputs(const KeptWorld& world) {
  std::map<leat::Position, std::string> all;
  for (const LeaseResult& result : world.results) {
    RecordReader reader(result.outputs.records);
    for (const Run& run : result.outputs.runs) {
      for (std::uint32_t i = 0; i < run.outputs; ++i) {
        all[run.origin(i)] = std::string(reader.next());
      }
    }
    CHECK(reader.is_done());
  }
  std::vector<std::string> lines;
  lines.reserve(all.size());
  for (const auto& [origin, line] : all) {
    lines.push_back(line);
  }
  return lines;
}

// How often each of the records was in a result.
std::map<std::uint64_t, int> settled(const KeptWorld& world) {
  std::map<std::uint64_t, int> times;
  for (const LeaseResult& result : world.results) {
    for (const Run& run : result.outputs.runs) {
      for (std::uint32_t i = 0; i < run.inputs; ++i) {
        ++times[run.first.plus(i).sequence()];
      }
    }
  }
  return times;
}

bool is_settled_once(const KeptWorld& world, std::size_t count) {
  const auto times = settled(world);
  return times.size() == count &&
         std::all_of(times.begin(), times.end(), [](const auto& one) { return one.second == 1; });
}

Life life_of(std::function<Deed(const std::string&, std::size_t)> reads) {
  Life life;
  life.reads = std::move(reads);
  return life;
}

}  // namespace

TEST_CASE("a filter's outputs belong to the records that it was given since its last rest") {
  KeptWorld world(stage());
  world.lives = {life_of(filtered)};
  world.give(1, 0, numbered(500));
  world.run();
  CHECK_FALSE(world.is_endless);
  CHECK(outputs(world) == printed(500));
  CHECK(is_settled_once(world, 500));
  CHECK(world.inside_max > 1);
}

TEST_CASE("a filter proves itself at end-of-file until it has printed something") {
  KeptWorld world(stage());
  world.lives = {life_of([](const std::string& record, std::size_t) {
    return record == "r40" ? answer(record) : Deed{};
  })};
  world.give(1, 0, numbered(100));
  world.run();
  CHECK(outputs(world) == std::vector<std::string>{"r40!"});
  CHECK(is_settled_once(world, 100));
  // Cycles of 1, 2, 4, 8, 16 and 32 records: the last has r40, and its process is the last to end.
  CHECK(world.starts() == 7);
  CHECK(world.restarts().empty());
}

TEST_CASE("a filter that prints behind its rest is refused, and nothing that it printed counts") {
  KeptWorld world(stage());
  Life life = life_of([](const std::string&, std::size_t) { return Deed{}; });
  life.at_end = "r0!\nlate\n";
  world.lives = {life};
  world.give(1, 0, numbered(10));
  world.run();
  REQUIRE(world.replica().stage_failure());
  CHECK(world.replica().stage_failure()->find("printed more only at end-of-file") !=
        std::string::npos);
  // On a pipe, with the library and on a terminal.
  CHECK(world.starts() == 3);
  CHECK(world.results.empty());
  CHECK(world.has_work());
}

TEST_CASE("a cycle holds records of one lease, in order") {
  KeptWorld world(stage());
  world.lives = {life_of(filtered)};
  for (std::uint64_t lease = 0; lease < 10; ++lease) {
    std::vector<std::string> records = numbered(50 * (lease + 1));
    records.erase(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(50 * lease));
    world.give(lease + 1, 50 * lease, records);
  }
  world.run();
  CHECK(outputs(world) == printed(500));
  CHECK(is_settled_once(world, 500));
}

TEST_CASE("two producers are never in one cycle") {
  KeptWorld world(stage());
  world.lives = {life_of(filtered)};
  for (std::uint64_t lease = 1; lease <= 20; ++lease) {
    world.give(lease, 0, numbered(10), lease % 2 + 1);
  }
  world.run();
  for (const LeaseResult& result : world.results) {
    RecordReader reader(result.outputs.records);
    CHECK(result.outputs.producer.counter == result.lease % 2 + 1);
  }
  CHECK(world.results.size() >= 20);
}

TEST_CASE("a crash of a filter fails the culprit alone, and the others are given again") {
  KeptWorld world(stage());
  world.lives = {life_of([](const std::string& record, std::size_t nth) {
    return record == "r77" ? crash() : filtered(record, nth);
  })};
  world.give(1, 0, numbered(200));
  world.run();
  CHECK(outputs(world) == printed(200, {77}));
  CHECK(is_settled_once(world, 200));
  REQUIRE(world.failures().size() == 1);
  CHECK(world.failures().front().first.sequence() == 77);
  CHECK(world.failures().front().attempts == 2);
}

TEST_CASE("a filter that is fed within a record's output is not at rest there") {
  Stage one = stage();
  one.in_flight_max = 1;
  KeptWorld world(one);
  world.lives = {life_of([](const std::string& record, std::size_t) {
    return Deed{.prints = record == "r3" ? "half" : record + "!\n"};
  })};
  world.give(1, 0, numbered(6));
  world.run();
  CHECK(is_settled_once(world, 6));
  REQUIRE(world.failures().size() == 1);
  CHECK(world.failures().front().kind == FailureKind::kMismatch);
  CHECK(world.failures().front().reason.find("within a record") != std::string::npos);
}

TEST_CASE("a filter whose rest is hidden is refused after ten seconds, with the reason") {
  KeptWorld world(stage());
  Life life = life_of(filtered);
  life.is_seeable = false;
  world.lives = {life};
  world.give(1, 0, numbered(5));
  world.run();
  REQUIRE(world.replica().stage_failure());
  CHECK(world.replica().stage_failure()->find("cannot be seen at rest") != std::string::npos);
  CHECK(world.results.empty());
  CHECK(world.now > leat::Instant{1s} + 10s);
  CHECK(world.now < leat::Instant{1s} + 11s);
}

TEST_CASE("a filter that prints before it is given a record is the stage's failure") {
  KeptWorld world(stage());
  Life life = life_of(filtered);
  life.banner = "hello\n";
  world.lives = {life};
  world.give(1, 0, numbered(5));
  world.run();
  REQUIRE(world.replica().stage_failure());
  CHECK(world.replica().stage_failure()->find("prelude") != std::string::npos);
}

TEST_CASE("all that a filter prints from an unterminated record on is that record's") {
  KeptWorld world(stage());
  Life life = life_of(filtered);
  world.lives = {life, life, life};
  life.at_end = "tail";
  world.lives.push_back(life);
  world.give(1, 0, numbered(5));
  world.give_unterminated(2, 5, "r5");
  world.run(10ms);
  CHECK(is_settled_once(world, 6));
  const LeaseResult& last = world.results.back();
  CHECK(last.outputs.runs.front().first.sequence() == 5);
  CHECK(outputs(world).size() >= 4);
}

TEST_CASE("a filter whose output is more than the queue holds fails by its record alone") {
  Limits limits;
  limits.queue_bytes_max = 1000;
  KeptWorld world(stage(), limits);
  world.lives = {life_of([](const std::string& record, std::size_t) {
    const std::size_t count = record == "r30" ? 300 : 10;
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      text += "x\n";
    }
    return Deed{.prints = text};
  })};
  world.give(1, 0, numbered(60));
  world.run();
  CHECK(is_settled_once(world, 60));
  REQUIRE(world.failures().size() == 1);
  CHECK(world.failures().front().first.sequence() == 30);
  CHECK(world.failures().front().kind == FailureKind::kOversize);
}

TEST_CASE("looks at a filter that works become as rare as an eighth of the time that passed") {
  KeptWorld world(stage());
  world.lives = {slow_life(5s)};
  std::size_t looks = 0;
  world.at_every_turn = [&] { ++looks; };
  world.give(1, 0, numbered(1));
  world.run(20s);
  CHECK(is_settled_once(world, 1));
  CHECK(world.now - leat::Instant{1s} < 5500ms);
  CHECK(looks < 400);
}

TEST_CASE("a filter's state is as if its first process had lived on") {
  const std::uint32_t replicas = GENERATE(1U, 2U);
  Stage one = stage();
  one.replicas = replicas;
  KeptWorld world(one);
  // Numbers what it reads, and prints the odd ones: the proof takes two processes.
  world.lives = {life_of([](const std::string& record, std::size_t nth) {
    return nth % 2 == 1 ? Deed{.prints = std::to_string(nth) + record + "\n"} : Deed{};
  })};
  world.give(1, 0, numbered(8));
  world.run();
  CHECK(is_settled_once(world, 8));
  const std::vector<std::string> followed = {"1r1", "3r3", "5r5", "7r7"};
  CHECK((outputs(world) == followed) == (replicas == 1));
}

TEST_CASE("a filter whose rest the system withholds is refused at once") {
  KeptWorld world(stage());
  Life life = life_of(filtered);
  life.is_seeable = false;
  life.hidden = Rest::kWithheld;
  world.lives = {life};
  world.give(1, 0, numbered(5));
  world.run();
  CHECK(world.replica().stage_failure());
  CHECK(world.now < leat::Instant{1s} + 10ms);
}

TEST_CASE("a filter that reads ahead prints no record twice before it is refused") {
  // Joins two records to one, and prints the odd one at its end.
  KeptWorld world(stage());
  Life life = life_of([](const std::string& record, std::size_t nth) {
    return nth % 2 == 1 ? Deed{.prints = record + "\n"} : Deed{};
  });
  life.at_end = "r0,\n";
  world.lives = {life};
  world.give(1, 0, numbered(20));
  world.run();
  CHECK(world.replica().stage_failure());
  CHECK(world.results.empty());
}

TEST_CASE("a filter that says nothing for megabytes is told to have lost its state, once") {
  Limits limits;
  KeptWorld world(stage(), limits);
  world.lives = {life_of([](const std::string&, std::size_t) { return Deed{}; })};
  const std::vector<std::string> large(12, std::string(1 << 20, 'x'));
  world.give(1, 0, large);
  world.run();
  CHECK(is_settled_once(world, 12));
  REQUIRE(world.said.size() == 1);
  CHECK(world.said.front().find("counts or remembers across records") != std::string::npos);
}
