// Coverage against a model that keeps single origins: a few levels, a few siblings on each, seeded
// random inserts, and after each insert every question about every origin.

#include "core/coverage.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

namespace leat {
namespace {

constexpr std::uint64_t kSiblings = 5;
constexpr std::size_t kLevels = 3;

Position at(std::vector<std::uint64_t> numbers) {
  const std::uint64_t last = numbers.back();
  numbers.pop_back();
  return {std::move(numbers), last};
}

bool descends(const Position& position, const Position& ancestor) {
  std::optional<Position> parent = position.parent();
  while (parent && !(*parent == ancestor)) {
    parent = parent->parent();
  }
  return parent.has_value();
}

// Every origin of the test's world, in order.
std::vector<Position> all_origins() {
  std::vector<Position> origins;
  std::vector<Position> level;
  for (std::uint64_t i = 0; i < kSiblings; ++i) {
    level.emplace_back(i);
  }
  for (std::size_t depth = 1;; ++depth) {
    origins.insert(origins.end(), level.begin(), level.end());
    if (depth == kLevels) break;
    std::vector<Position> children;
    for (const Position& parent : level) {
      for (std::uint64_t k = 0; k < kSiblings; ++k) {
        children.push_back(parent.child(k));
      }
    }
    level = std::move(children);
  }
  std::sort(origins.begin(), origins.end());
  return origins;
}

class Model {
 public:
  void insert(const Position& first, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      inserted_.insert(first.plus(i));
    }
  }

  [[nodiscard]] bool covers(const Position& position) const {
    if (inserted_.count(position) > 0) return true;
    const std::optional<Position> parent = position.parent();
    return parent && covers(*parent);
  }

  [[nodiscard]] bool covers_all_before(const Position& position,
                                       const std::vector<Position>& origins) const {
    return std::all_of(origins.begin(), origins.end(), [&](const Position& origin) {
      return origin >= position || descends(position, origin) || covers(origin);
    });
  }

  [[nodiscard]] std::uint64_t row(const Position& first, std::uint64_t count, bool covered) const {
    std::uint64_t n = 0;
    while (n < count && covers(first.plus(n)) == covered) {
      ++n;
    }
    return n;
  }

  // Rows of siblings without a gap, of those that no ancestor covers.
  [[nodiscard]] std::size_t range_count() const {
    std::size_t count = 0;
    for (const Position& position : inserted_) {
      const std::optional<Position> parent = position.parent();
      if (parent && covers(*parent)) continue;
      const bool follows =
          position.last() > 0 && inserted_.count({position.above(), position.last() - 1}) > 0;
      if (!follows) ++count;
    }
    return count;
  }

 private:
  std::set<Position> inserted_;
};

// The first question that the two answer differently.
std::optional<Position> difference(const Coverage& coverage, const Model& model,
                                   const std::vector<Position>& origins) {
  for (const Position& origin : origins) {
    if (coverage.covers(origin) != model.covers(origin)) return origin;
    if (coverage.covers_all_before(origin) != model.covers_all_before(origin, origins)) {
      return origin;
    }
    const std::optional<Position> parent = origin.parent();
    const bool is_inside = parent && model.covers(*parent);
    for (std::uint64_t count = 0; count <= kSiblings + 2; ++count) {
      if (coverage.covered_from(origin, count) != model.row(origin, count, true)) return origin;
      if (is_inside) continue;
      if (coverage.uncovered_from(origin, count) != model.row(origin, count, false)) return origin;
    }
  }
  return std::nullopt;
}

TEST_CASE("coverage answers as a set of single origins does") {
  const std::vector<Position> origins = all_origins();
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    Coverage coverage;
    Model model;
    const std::size_t inserts = 5 + random() % 40;
    for (std::size_t i = 0; i < inserts; ++i) {
      const Position first = origins[random() % origins.size()];
      const std::uint64_t count = random() % 4;
      coverage.insert(first, count);
      model.insert(first, count);
      const std::optional<Position> differs =
          i % 4 == 0 || i + 1 == inserts ? difference(coverage, model, origins) : std::nullopt;
      INFO("seed " << seed << ", insert " << i << ": " << to_string(first) << " x " << count
                   << ", differs at " << (differs ? to_string(*differs) : "none"));
      REQUIRE_FALSE(differs);
      REQUIRE(coverage.range_count() == model.range_count());
    }
  }
}

TEST_CASE("a stream without gaps is one range, in whatever order it came") {
  std::vector<std::uint64_t> numbers(1000);
  for (std::uint64_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = i;
  }
  std::shuffle(numbers.begin(), numbers.end(), std::mt19937(7));
  Coverage coverage;
  for (const std::uint64_t number : numbers) {
    coverage.insert(Position(number), 1);
  }
  CHECK(coverage.range_count() == 1);
  CHECK(coverage.covers_all_before(Position(1000)));
  CHECK_FALSE(coverage.covers_all_before(Position(1001)));
}

TEST_CASE("a covered origin forgets its children and theirs") {
  Coverage coverage;
  coverage.insert(at({4, 0}), 2);
  coverage.insert(at({4, 7, 1}), 1);
  coverage.insert(at({5, 3}), 1);
  coverage.insert(at({6, 0, 0}), 1);
  REQUIRE(coverage.range_count() == 4);
  coverage.insert(Position(4), 2);
  CHECK(coverage.range_count() == 2);
  CHECK(coverage.covers(at({4, 7, 9})));
  CHECK(coverage.covers(at({6, 0, 0})));
  CHECK_FALSE(coverage.covers(at({6, 0, 1})));
}

TEST_CASE("covered children do not cover their origin") {
  Coverage coverage;
  coverage.insert(at({3, 0}), 100);
  CHECK_FALSE(coverage.covers(Position(3)));
  CHECK(coverage.uncovered_from(Position(3), 1) == 1);
  CHECK(coverage.covered_from(Position(3), 1) == 0);
}

TEST_CASE("an insert of nothing changes nothing") {
  Coverage coverage;
  coverage.insert(Position(3), 0);
  CHECK(coverage.range_count() == 0);
  CHECK_FALSE(coverage.covers(Position(3)));
}

TEST_CASE("coverage reaches the largest numbers that the wire lets in") {
  const std::uint64_t last = (std::uint64_t{1} << 63) - 1;
  Coverage coverage;
  coverage.insert(Position(last), 1);
  coverage.insert(at({last, last}), 1);
  coverage.insert(at({0, last}), 1);
  CHECK(coverage.range_count() == 2);
  CHECK(coverage.covers(Position(last)));
  CHECK(coverage.covers(at({0, last})));
  CHECK(coverage.uncovered_from(Position(0), last) == last);
  CHECK_FALSE(coverage.covers_all_before(Position(last)));
  coverage.insert(Position(0), last);
  CHECK(coverage.range_count() == 1);
  CHECK(coverage.covers_all_before(Position(last)));
}

}  // namespace
}  // namespace leat
