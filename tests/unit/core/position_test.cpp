#include "core/position.h"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

namespace leat {
namespace {

std::vector<std::uint64_t> numbers_of(const Position& position) {
  std::vector<std::uint64_t> numbers = position.above();
  numbers.push_back(position.last());
  return numbers;
}

TEST_CASE("positions order as their numbers do, an origin before its children") {
  std::mt19937 random(11);
  const auto any = [&random] {
    Position position(random() % 3);
    for (auto depth = random() % 4; depth > 0; --depth) {
      position = position.child(random() % 3);
    }
    return position;
  };
  for (int i = 0; i < 5000; ++i) {
    const Position a = any();
    const Position b = any();
    INFO(to_string(a) << " and " << to_string(b));
    REQUIRE((a <=> b) == (numbers_of(a) <=> numbers_of(b)));
    REQUIRE((a == b) == (numbers_of(a) == numbers_of(b)));
  }
}

TEST_CASE("the children of an origin lie between it and its successor") {
  const Position origin = Position(7).child(3);
  CHECK(origin < origin.child(0));
  CHECK(origin.child(0).child(9) < origin.child(1));
  CHECK(origin.child(1000) < origin.plus(1));
}

TEST_CASE("a child's parent is the origin that it came from") {
  const Position origin = Position(7).child(3);
  CHECK(origin.child(5).parent() == origin);
  CHECK(origin.parent() == Position(7));
  CHECK_FALSE(Position(7).parent().has_value());
}

TEST_CASE("siblings are children of one origin") {
  CHECK(Position(7).is_sibling(Position(9)));
  CHECK(Position(7).child(0).is_sibling(Position(7).child(4)));
  CHECK_FALSE(Position(7).child(0).is_sibling(Position(8).child(0)));
  CHECK_FALSE(Position(7).child(0).is_sibling(Position(7)));
}

TEST_CASE("a position tells the producer's sequence number and its text") {
  CHECK(Position(7).sequence() == 7);
  CHECK(Position(7).child(0).child(3).sequence() == 7);
  CHECK(to_string(Position(7).child(0).child(3)) == "7.0.3");
  CHECK(to_string(Position(7)) == "7");
}

}  // namespace
}  // namespace leat
