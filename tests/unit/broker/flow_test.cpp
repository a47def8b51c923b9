#include "broker/flow.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <catch2/catch.hpp>

#include "spec/parse.h"

using leat::Batch;
using leat::Instant;
using leat::Position;
using leat::RecordReader;
using leat::Records;
using leat::RecordsBuilder;
using leat::Run;
using namespace leat::broker;
using namespace std::chrono_literals;

namespace {

constexpr Instant kNow{std::chrono::seconds(1)};

Records records_of(const std::vector<std::string>& texts) {
  RecordsBuilder builder("\n");
  for (const std::string& text : texts) {
    builder.add(text);
  }
  return builder.take();
}

// A flow through the stages, with what a whole broker would do to it in a few words.
class Scene {
 public:
  explicit Scene(const std::string& stages)
      : pipeline_(*leat::spec::parse({"pipeline: p\nstages: [" + stages + "]\n", "f", "/"})),
        plan(leat::spec::plan(pipeline_)),
        flow(pipeline_, plan) {}

  // Leases the next of an each stage, at most n.
  std::optional<Range> lease(std::size_t vertex, std::uint32_t n) {
    const auto ready = flow.next_ready(vertex);
    if (!ready) return std::nullopt;
    const Position first = ready->first;
    n = std::min(n, ready->entry->count);
    (void)flow.ledger(vertex).lease(first, n, {.number = ++leases_});
    return Range{first, n};
  }

  // Commits what became of these ranges: `outputs` records in all, children of the first.
  void commit(std::size_t vertex, const std::vector<Range>& ranges,
              const std::vector<std::string>& outputs) {
    Batch batch;
    for (const Range& range : ranges) {
      batch.runs.push_back({range.first, range.count, 0});
    }
    batch.runs.front().outputs = static_cast<std::uint32_t>(outputs.size());
    batch.records = records_of(outputs);
    REQUIRE(flow.is_open(vertex, batch.runs));
    (void)flow.commit(vertex, batch, kNow);
  }

  // What the sink has in order, taken from it.
  std::vector<std::string> take() {
    std::vector<std::string> texts;
    while (const auto range = lease(plan.sink(), 1000)) {
      for (const Records& part : flow.ledger(plan.sink()).records_of(*range)) {
        RecordReader reader(part);
        while (!reader.is_done()) {
          texts.emplace_back(reader.next());
        }
      }
      commit(plan.sink(), {*range}, {});
    }
    return texts;
  }

  [[nodiscard]] bool is_over() const { return flow.has_all_arrived(plan.sink()); }

 private:
  leat::spec::Pipeline pipeline_;
  std::uint64_t leases_ = 0;

 public:
  leat::spec::Plan plan;
  Flow flow;
};

const std::string kEach = "{name: a, run: x}";
const std::string kPair = "{name: a, run: x, replicas: 4}, {name: b, run: x, replicas: 4}";
const std::string kWindows =
    "{name: a, run: x, mode: window, window: {records: 2}},"
    "{name: b, run: x, mode: window, window: {records: 3}}";
const std::string kAll = "{name: a, run: x, mode: window, window: all}";

}  // namespace

TEST_CASE("the sink takes in the producer's order what is committed in another") {
  Scene scene(kPair);
  scene.flow.submit(records_of({"a", "b", "c"}), kNow);
  scene.flow.end(kNow);
  std::vector<Range> leased;
  while (const auto range = scene.lease(1, 1)) {
    leased.push_back(*range);
  }
  REQUIRE(leased.size() == 3);
  for (const std::size_t i : {2U, 0U, 1U}) {
    scene.commit(1, {leased[i]}, {std::string(1, static_cast<char>('a' + i))});
  }
  leased.clear();
  while (const auto range = scene.lease(2, 1)) {
    leased.push_back(*range);
  }
  scene.commit(2, {leased[2]}, {"C"});
  CHECK(scene.take().empty());
  scene.commit(2, {leased[0]}, {"A"});
  CHECK(scene.take() == std::vector<std::string>{"A"});
  CHECK_FALSE(scene.is_over());
  scene.commit(2, {leased[1]}, {"B"});
  CHECK(scene.take() == std::vector<std::string>{"B", "C"});
  CHECK(scene.is_over());
  CHECK(scene.flow.settled_count() == 3);
}

TEST_CASE("records without outputs settle, and hold nothing back") {
  Scene scene(kEach);
  scene.flow.submit(records_of({"a", "b", "c"}), kNow);
  const auto first = scene.lease(1, 2);
  const auto second = scene.lease(1, 2);
  scene.commit(1, {*second}, {"C"});
  CHECK(scene.take().empty());
  scene.commit(1, {*first}, {});
  CHECK(scene.take() == std::vector<std::string>{"C"});
  CHECK(scene.flow.settled_count() == 3);
}

TEST_CASE("a result that names a record that is not open any more is not open") {
  Scene scene(kEach);
  scene.flow.submit(records_of({"a", "b", "c"}), kNow);
  scene.commit(1, {{Position(1), 1}}, {"B"});
  CHECK_FALSE(scene.flow.is_open(1, {{Position(0), 2, 0}}));
  CHECK_FALSE(scene.flow.is_open(1, {{Position(1), 1, 0}}));
  CHECK_FALSE(scene.flow.is_open(1, {{Position(1), 2, 0}}));
  CHECK_FALSE(scene.flow.is_open(1, {{Position(2), 2, 0}}));
  CHECK_FALSE(scene.flow.is_open(1, {{Position(0), 0, 0}}));
  CHECK_FALSE(scene.flow.is_open(1, {{Position(0), 1, 0}, {Position(0), 1, 0}}));
  CHECK_FALSE(scene.flow.is_open(1, {{Position(2), 1, 0}, {Position(0), 1, 0}}));
  CHECK_FALSE(scene.flow.is_open(1, {{Position(0).child(0), 1, 0}}));
  CHECK(scene.flow.is_open(1, {{Position(0), 1, 0}, {Position(2), 1, 0}}));
}

TEST_CASE("the end of an empty producer runs a window of all once, and no other window") {
  Scene all(kAll);
  all.flow.end(kNow);
  CHECK_FALSE(all.is_over());
  const FormedWindow window = all.flow.lease_window(1, {.number = 1});
  CHECK(window.records == 0);
  all.commit(1, window.ranges, {"none"});
  CHECK(all.is_over());
  CHECK(all.take() == std::vector<std::string>{"none"});

  Scene other("{name: a, run: x, mode: window, window: {records: 5}}");
  other.flow.end(kNow);
  CHECK(other.flow.next_window(1) == nullptr);
  CHECK(other.is_over());
}

TEST_CASE("what one empty window prints goes through a second one") {
  Scene scene(kAll + ", {name: b, run: x, mode: window, window: all}");
  scene.flow.end(kNow);
  scene.commit(1, scene.flow.lease_window(1, {.number = 1}).ranges, {"x", "y"});
  const FormedWindow second = scene.flow.lease_window(2, {.number = 2});
  CHECK(second.records == 2);
  scene.commit(2, second.ranges, {});
  CHECK(scene.is_over());
  CHECK(scene.take().empty());
}

TEST_CASE("a window that came back is the next to go, unchanged") {
  Scene scene(kWindows);
  scene.flow.submit(records_of({"a", "b", "c", "d"}), kNow);
  const FormedWindow first = scene.flow.lease_window(1, {.number = 1});
  scene.flow.return_window(1, first, {.number = 1});
  const FormedWindow again = scene.flow.lease_window(1, {.number = 2});
  CHECK(again.ranges == first.ranges);
  CHECK(scene.flow.lease_window(1, {.number = 3}).ranges.front().first == Position(2));
}

TEST_CASE("a window is whole with all its records, and with no others") {
  Scene scene(kWindows);
  scene.flow.submit(records_of({"a", "b", "c", "d"}), kNow);
  CHECK(scene.flow.is_window(1, {{Position(0), 2, 1}}));
  CHECK(scene.flow.is_window(1, {{Position(0), 1, 1}, {Position(1), 1, 0}}));
  CHECK_FALSE(scene.flow.is_window(1, {{Position(0), 1, 1}}));
  CHECK_FALSE(scene.flow.is_window(1, {{Position(0), 4, 1}}));
  CHECK_FALSE(scene.flow.is_window(1, {{Position(1), 1, 1}}));
}

TEST_CASE("a window closes by its age") {
  Scene scene("{name: a, run: x, mode: window, window: {time: 5s}}");
  scene.flow.submit(records_of({"a"}), kNow);
  CHECK(scene.flow.next_window(1) == nullptr);
  REQUIRE(scene.flow.next_deadline() == kNow + 5s);
  scene.flow.tick(kNow + 4s);
  CHECK(scene.flow.next_window(1) == nullptr);
  scene.flow.tick(kNow + 5s);
  CHECK(scene.flow.next_window(1) != nullptr);
}

TEST_CASE("through two window stages all records arrive once, in order, whatever fails when") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    Scene scene(kWindows);
    const std::uint64_t total = random() % 30;
    std::uint64_t submitted = 0;
    std::vector<std::pair<std::size_t, FormedWindow>> leased;
    std::map<Position, std::size_t> expected;  // First origin at the sink -> records.
    std::vector<std::string> got;
    std::size_t wanted = 0;
    bool has_end = false;
    for (int step = 0; step < 5000 && !scene.is_over(); ++step) {
      const std::size_t vertex = 1 + random() % 2;
      if (submitted < total && random() % 3 == 0) {
        scene.flow.submit(records_of({"x"}), kNow);
        ++submitted;
      } else if (submitted == total && !has_end) {
        has_end = true;
        scene.flow.end(kNow);
      } else if (scene.flow.next_window(vertex) != nullptr && random() % 2 == 0) {
        leased.emplace_back(vertex, scene.flow.lease_window(vertex, {.number = 1}));
      } else if (!leased.empty()) {
        const std::size_t i = random() % leased.size();
        const auto [at, window] = leased[i];
        leased.erase(leased.begin() + static_cast<std::ptrdiff_t>(i));
        if (random() % 4 == 0) {
          scene.flow.return_window(at, window, {.number = 1});
          continue;
        }
        std::vector<std::string> outputs(random() % 4);
        for (std::size_t k = 0; k < outputs.size(); ++k) {
          outputs[k] = to_string(window.ranges.front().first) + "/" + std::to_string(k);
        }
        if (at == 2) wanted += outputs.size();
        if (at == 2) expected[window.ranges.front().first] = outputs.size();
        scene.commit(at, window.ranges, outputs);
      }
      const auto more = scene.take();
      got.insert(got.end(), more.begin(), more.end());
    }
    CHECK(scene.is_over());
    CHECK(scene.flow.settled_count() == total);
    CHECK(scene.flow.bytes() == 0);
    CHECK(got.size() == wanted);
    std::vector<std::string> in_order;
    for (const auto& [first, count] : expected) {
      for (std::size_t k = 0; k < count; ++k) {
        in_order.push_back(to_string(first) + "/" + std::to_string(k));
      }
    }
    CHECK(got == in_order);
  }
}
