#include "core/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

namespace leat {
namespace {

TEST_CASE("a quantile is the value of its rank or up to 13 % above it") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 50; ++round) {
    Histogram histogram;
    std::vector<std::int64_t> values;
    const std::size_t size = 1 + random() % 500;
    for (std::size_t i = 0; i < size; ++i) {
      const auto value = static_cast<std::int64_t>(random() >> (1 + random() % 62));
      histogram.add(Duration(value));
      values.push_back(std::max<std::int64_t>(value, 1));
    }
    std::sort(values.begin(), values.end());
    for (const double q : {0.0, 0.01, 0.5, 0.9, 0.99, 1.0}) {
      const auto rank = std::max(1.0, std::ceil(q * static_cast<double>(size)));
      const std::int64_t exact = values[static_cast<std::size_t>(rank) - 1];
      const std::int64_t told = histogram.quantile(q).count();
      INFO("round " << round << ", q " << q << ", exact " << exact << ", told " << told);
      REQUIRE(told >= exact);
      REQUIRE(static_cast<double>(told) <= static_cast<double>(exact) * 1.13);
    }
  }
}

TEST_CASE("the counts of a histogram make an equal one") {
  std::mt19937_64 random(4);
  Histogram histogram;
  for (int i = 0; i < 1000; ++i) {
    histogram.add(Duration(static_cast<std::int64_t>(random() >> (1 + random() % 62))));
  }
  Histogram copy;
  copy.merge(histogram.counts());
  CHECK(copy.counts() == histogram.counts());
  CHECK(copy.total() == 1000);
  const Histogram::Counts counts = copy.counts();
  CHECK(std::is_sorted(counts.begin(), counts.end()));
}

TEST_CASE("an empty histogram has no total and a quantile of zero") {
  const Histogram histogram;
  CHECK(histogram.total() == 0);
  CHECK(histogram.quantile(0.5) == Duration::zero());
  CHECK(histogram.counts().empty());
}

TEST_CASE("the shortest and the longest time have their place") {
  Histogram histogram;
  histogram.add(Duration::zero());
  histogram.add(Duration(-5));
  CHECK(histogram.quantile(1) == Duration(1));
  histogram.add(Duration::max());
  CHECK(histogram.quantile(1) == Duration::max());
}

TEST_CASE("no bucket that a peer can name gives a negative time") {
  for (std::uint32_t bucket = 0; bucket <= std::numeric_limits<std::uint16_t>::max(); ++bucket) {
    Histogram histogram;
    histogram.merge({{static_cast<std::uint16_t>(bucket), 1}});
    REQUIRE(histogram.quantile(0.5) >= Duration::zero());
    REQUIRE(histogram.total() == (bucket < Histogram::kBuckets ? 1 : 0));
  }
}

TEST_CASE("counts as large as a peer can name do no harm") {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  Histogram histogram;
  histogram.merge({{20, most}});
  CHECK(histogram.quantile(1) == Duration(25));
  CHECK(histogram.quantile(0.5) == Duration(25));
  histogram.merge({{20, most}, {30, most}});
  CHECK(histogram.total() == most);
  CHECK(histogram.quantile(1) > Duration::zero());
}

}  // namespace
}  // namespace leat
