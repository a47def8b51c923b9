#include "core/repetition.h"

#include <catch2/catch.hpp>

using namespace leat;
using namespace std::chrono_literals;

TEST_CASE("what happens often is said at once, then at most once a second, with its count") {
  Repetition repetition;
  const Instant start{5s};
  CHECK_FALSE(repetition.due(start));
  repetition.note("a");
  CHECK(repetition.due(start) == "a");
  for (int i = 0; i < 100; ++i) {
    repetition.note("b" + std::to_string(i));
    CHECK_FALSE(repetition.due(start + 900ms));
  }
  CHECK(repetition.due(start + 1s) == "b99 (and 99 more such)");
  CHECK_FALSE(repetition.due(start + 10s));
}
