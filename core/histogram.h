// A histogram of durations with 8 buckets to every doubling, so that a quantile is right within
// 13 %, never too low. Values are nanoseconds; 0 counts as 1. Adding is a shift and an increment;
// a total of 2^64 - 1 grows no further.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/time.h"

namespace leat {

class Histogram {
 public:
  // Bucket number -> how many; only those that are not empty, ascending.
  using Counts = std::vector<std::pair<std::uint16_t, std::uint64_t>>;

  static constexpr std::size_t kBuckets = std::size_t{8} * 61;  // Up to the largest Duration.

  void add(Duration value, std::uint64_t times = 1);

  // Adds what another histogram counted; bucket numbers out of range are ignored.
  void merge(const Counts& counts);

  [[nodiscard]] Counts counts() const;

  [[nodiscard]] std::uint64_t total() const { return total_; }

  // The value that a share `q` (0 to 1) of all lies at or below; 0 when empty.
  [[nodiscard]] Duration quantile(double q) const;

 private:
  void count(std::size_t bucket, std::uint64_t times);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t total_ = 0;
};

}  // namespace leat
