#include "spec/scalars.h"

#include <limits>

#include <catch2/catch.hpp>

using leat::Duration;
using leat::spec::duration_text;
using leat::spec::parse_count;
using leat::spec::parse_duration;
using leat::spec::parse_size;
using leat::spec::Range;
using leat::spec::size_text;

namespace {

constexpr Range<std::uint64_t> kAll = {0, std::numeric_limits<std::uint64_t>::max()};
constexpr Range<Duration> kAnyTime = {Duration(0), Duration::max()};

}  // namespace

TEST_CASE("whole numbers are decimal digits") {
  CHECK(parse_count("0", kAll) == 0U);
  CHECK(parse_count("18446744073709551615", kAll) == kAll.max);
  for (const char* text : {"", "-1", "+1", "1.0", "1e3", "0x10", "010", "00", "1_000", " 1",
                           "18446744073709551616", "one"})
    CHECK_FALSE(parse_count(text, kAll));
}

TEST_CASE("a number out of its range is told the range") {
  CHECK(parse_count("3", {1, 3}) == 3U);
  CHECK(parse_count("4", {1, 3}).error().message ==
        "found '4', expected a whole number from 1 to 3");
  CHECK(parse_count("03", {1, 3}).error().message ==
        "found '03', expected a whole number from 1 to 3, without a leading zero");
}

TEST_CASE("durations have a unit") {
  using namespace std::chrono_literals;
  CHECK(parse_duration("50us", kAnyTime) == 50us);
  CHECK(parse_duration("100ms", kAnyTime) == 100ms);
  CHECK(parse_duration("30s", kAnyTime) == 30s);
  CHECK(parse_duration("5m", kAnyTime) == 5min);
  CHECK(parse_duration("2h", kAnyTime) == 2h);
  CHECK(parse_duration("0s", kAnyTime) == 0s);
  for (const char* text :
       {"", "s", "30", "1.5s", "-1s", "1 s", "1S", "1d", "01s", "1m30s", "18446744073709551615h"})
    CHECK_FALSE(parse_duration(text, kAnyTime));
}

TEST_CASE("what is wrong with a duration is told with the remedy") {
  using namespace std::chrono_literals;
  CHECK(parse_duration("30", {1ms, 24h}).error().message ==
        "found '30', expected a duration with its unit, such as 30ms or 30s");
  CHECK(parse_duration("25h", {1ms, 24h}).error().message ==
        "found '25h', expected a duration from 1ms to 24h");
  CHECK(parse_duration("soon", {0s, 1h}).error().message ==
        "found 'soon', expected a duration from 0s to 1h, such as 100ms, 30s or 5m");
}

TEST_CASE("sizes are bytes or have a unit") {
  CHECK(parse_size("1000", kAll) == 1000U);
  CHECK(parse_size("7B", kAll) == 7U);
  CHECK(parse_size("64MiB", kAll) == 64U << 20);
  CHECK(parse_size("1GB", kAll) == 1'000'000'000U);
  CHECK(parse_size("3kB", kAll) == 3000U);
  CHECK(parse_size("1TiB", kAll) == std::uint64_t{1} << 40);
  for (const char* text :
       {"", "MiB", "64M", "64mib", "1.5GB", "-1", "64 MiB", "0x10", "064MiB", "17179869184TiB"})
    CHECK_FALSE(parse_size(text, kAll));
}

TEST_CASE("what is wrong with a size is told with the range") {
  CHECK(parse_size("64M", {1, 1 << 30}).error().message ==
        "found '64M', expected a size from 1 to 1GiB, such as 64MiB, 1GB or 1000");
  CHECK(parse_size("2GiB", {1, 1 << 30}).error().message ==
        "found '2GiB', expected a size from 1 to 1GiB");
}

TEST_CASE("sizes and durations are written as they are read") {
  for (const std::uint64_t size : {0UL, 1UL, 1000UL, 1024UL, 3UL << 20, (1UL << 40) + 1})
    CHECK(parse_size(size_text(size), kAll) == size);
  for (const long count : {0L, 1000L, 90'000'000'000L, 3'600'000'000'000L})
    CHECK(parse_duration(duration_text(Duration(count)), kAnyTime) == Duration(count));
  CHECK(size_text(64 << 20) == "64MiB");
  CHECK(duration_text(std::chrono::seconds(90)) == "90s");
}
