#include "core/words.h"

#include <catch2/catch.hpp>

using namespace leat;

TEST_CASE("numbers have commas at the thousands") {
  CHECK(with_commas(0) == "0");
  CHECK(with_commas(999) == "999");
  CHECK(with_commas(1000) == "1,000");
  CHECK(with_commas(1234567) == "1,234,567");
}

TEST_CASE("one is one, and the others are several") {
  CHECK(count_of(1, "record") == "1 record");
  CHECK(count_of(0, "record") == "0 records");
  CHECK(count_of(1200, "record") == "1,200 records");
}
