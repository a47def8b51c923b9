#include "cli/time_text.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

TEST_CASE("a time is shown to the millisecond, in UTC") {
  const std::chrono::system_clock::time_point epoch{};
  CHECK(leat::cli::time_text(epoch) == "1970-01-01T00:00:00.000Z");
  CHECK(leat::cli::time_text(epoch + 1'773'500'966'535ms + 999us) == "2026-03-14T15:09:26.535Z");
  CHECK(leat::cli::time_text(epoch - 1ms) == "1969-12-31T23:59:59.999Z");
}
