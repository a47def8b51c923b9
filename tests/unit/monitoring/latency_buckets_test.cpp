#include "monitoring/latency_buckets.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

namespace leat::monitoring {
namespace {

constexpr std::size_t kEnds = kLatencyEnds.size();

// From nanoseconds to some minutes, each size as often as any other.
std::int64_t any_time(std::mt19937_64& random) {
  return static_cast<std::int64_t>((random() >> 25) >> (random() % 39));
}

TEST_CASE("the buckets go from 100 us to 300 s, ascending") {
  CHECK(std::is_sorted(kLatencyEnds.begin(), kLatencyEnds.end()));
  CHECK(std::adjacent_find(kLatencyEnds.begin(), kLatencyEnds.end()) == kLatencyEnds.end());
  CHECK(kLatencyEnds.front() == std::chrono::microseconds(100));
  CHECK(kLatencyEnds.back() == std::chrono::seconds(300));
}

TEST_CASE("no time is told shorter than it was, and only those just below an end longer") {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    Histogram histogram;
    std::vector<std::int64_t> times;
    for (std::size_t i = 0; i < 300; ++i) {
      times.push_back(any_time(random));
      histogram.add(Duration(times.back()));
    }
    const LatencyBuckets folded = fold(histogram.counts());
    REQUIRE(folded.total == times.size());
    for (std::size_t i = 0; i < kEnds; ++i) {
      const std::int64_t end = kLatencyEnds.at(i).count();
      const auto within = [&](std::int64_t most) {
        return static_cast<std::uint64_t>(
            std::count_if(times.begin(), times.end(), [&](auto time) { return time <= most; }));
      };
      INFO("round " << round << ", up to " << end << " ns");
      REQUIRE(folded.up_to.at(i) <= within(end));
      REQUIRE(folded.up_to.at(i) >= within(end - end / 9 - 1));
    }
  }
}

TEST_CASE("the sum of the times is right within 6.25 %") {
  std::mt19937_64 random(6);
  for (int round = 0; round < 2000; ++round) {
    const auto time = any_time(random) + 8;  // Below 8 ns there are no parts of one.
    Histogram histogram;
    histogram.add(Duration(time), 3);
    const double exact = 3e-9 * static_cast<double>(time);
    INFO("round " << round << ", time " << time << " ns");
    REQUIRE(fold(histogram.counts()).sum_seconds == Approx(exact).epsilon(0.0625).margin(2e-9));
  }
}

TEST_CASE("buckets and sum never shrink while a histogram grows") {
  std::mt19937_64 random(7);
  Histogram histogram;
  LatencyBuckets before = fold({});
  CHECK(before.total == 0);
  CHECK(before.sum_seconds == 0);
  for (int i = 0; i < 500; ++i) {
    histogram.add(Duration(any_time(random)), 1 + random() % 5);
    const LatencyBuckets now = fold(histogram.counts());
    for (std::size_t k = 0; k < kEnds; ++k) {
      REQUIRE(now.up_to.at(k) >= before.up_to.at(k));
      REQUIRE(now.up_to.at(k) <= now.total);
    }
    REQUIRE(now.total > before.total);
    REQUIRE(now.sum_seconds > before.sum_seconds);
    before = now;
  }
}

TEST_CASE("what is longer than all ends is in the total and the sum alone") {
  Histogram histogram;
  histogram.add(std::chrono::seconds(301), 2);
  histogram.add(Duration::max());
  const LatencyBuckets folded = fold(histogram.counts());
  CHECK(folded.up_to.back() == 0);
  CHECK(folded.total == 3);
  CHECK(folded.sum_seconds > 602 * 0.93);
}

TEST_CASE("a bucket that no histogram has is ignored") {
  CHECK(fold({{Histogram::kBuckets, 7}, {std::numeric_limits<std::uint16_t>::max(), 8}}).total ==
        0);
}

}  // namespace
}  // namespace leat::monitoring
