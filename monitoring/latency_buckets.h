// A Histogram folded into the buckets that Prometheus is told: 100 us to 300 s in steps of 1, 2.5
// and 5, the same for every metric, so that they can be added over nodes and stages.
//
// 1. No time is counted in a bucket that ends below it, so that no quantile is told too low.
// 2. Ours has 8 buckets to a doubling. One that reaches over the end of a bucket of Prometheus goes
//    into the next whole: a time counts one bucket too high only if it lies within the last ninth
//    below an end.
// 3. The sum takes every time as the middle of its bucket of ours: right within 6.25 %.
// 4. What only grows on our side only grows here.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "core/histogram.h"
#include "core/time.h"

namespace leat::monitoring {

// Where the buckets end; an end belongs to its bucket. After them comes one without an end.
inline constexpr std::array<Duration, 21> kLatencyEnds = {
    std::chrono::microseconds(100), std::chrono::microseconds(250),  std::chrono::microseconds(500),
    std::chrono::milliseconds(1),   std::chrono::microseconds(2500), std::chrono::milliseconds(5),
    std::chrono::milliseconds(10),  std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
    std::chrono::milliseconds(100), std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
    std::chrono::seconds(1),        std::chrono::milliseconds(2500), std::chrono::seconds(5),
    std::chrono::seconds(10),       std::chrono::seconds(25),        std::chrono::seconds(50),
    std::chrono::seconds(100),      std::chrono::seconds(250),       std::chrono::seconds(300)};

struct LatencyBuckets {
  std::array<std::uint64_t, kLatencyEnds.size()> up_to{};  // How many took no longer than each end.
  std::uint64_t total = 0;
  double sum_seconds = 0;
};

// Bucket numbers out of range are ignored.
[[nodiscard]] LatencyBuckets fold(const Histogram::Counts& counts);

}  // namespace leat::monitoring
