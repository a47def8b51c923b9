#include "cli/table.h"

#include <chrono>

#include <catch2/catch.hpp>

using namespace leat::cli;
using namespace std::chrono_literals;

TEST_CASE("the first column stands left, the others right, all as wide as their widest") {
  CHECK(layout({{"stage", "in"}, {"a", "1,000"}, {"longest", "7"}}) ==
        "stage       in\n"
        "a        1,000\n"
        "longest      7\n");
}

TEST_CASE("times are told in the unit that they reach") {
  CHECK(short_time(0ns) == "-");
  CHECK(short_time(850ns) == "850 ns");
  CHECK(short_time(3400us) == "3.4 ms");
  CHECK(short_time(12us) == "12 us");
  CHECK(short_time(90s) == "90 s");
}

TEST_CASE("sizes are told in the unit that they reach") {
  CHECK(short_size(0) == "0 B");
  CHECK(short_size(7) == "7 B");
  CHECK(short_size(4096) == "4.1 kB");
  CHECK(short_size(268435456) == "268 MB");
}

TEST_CASE("a rate over no time is no division by zero") {
  CHECK(per_second(10, 2s) == "5");
  CHECK(per_second(0, 0s) == "0");
}
