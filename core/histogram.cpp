#include "core/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace leat {

namespace {

// REQUIRES: ns is below 2^63.
std::size_t bucket_of(std::uint64_t ns) {
  if (ns < 8) return ns;
  const auto doubling = static_cast<std::size_t>(std::bit_width(ns)) - 4;  // ns >> doubling: 8..15.
  return 8 * doubling + static_cast<std::size_t>(ns >> doubling);
}

// The largest value that falls into the bucket.
std::uint64_t top_of(std::size_t bucket) {
  if (bucket < 16) return bucket;
  const std::size_t doubling = bucket / 8 - 1;
  return ((std::uint64_t{8} + bucket % 8 + 1) << doubling) - 1;
}

}  // namespace

void Histogram::add(Duration value, std::uint64_t times) {
  const auto ns = static_cast<std::uint64_t>(std::max<Duration::rep>(value.count(), 1));
  count(bucket_of(ns), times);
}

void Histogram::count(std::size_t bucket, std::uint64_t times) {
  const std::uint64_t counted = std::min(times, ~std::uint64_t{0} - total_);
  buckets_[bucket] += counted;
  total_ += counted;
}

void Histogram::merge(const Counts& counts) {
  for (const auto& [bucket, times] : counts) {
    if (bucket < kBuckets) count(bucket, times);
  }
}

Histogram::Counts Histogram::counts() const {
  Counts counts;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    if (buckets_[i] > 0) counts.emplace_back(static_cast<std::uint16_t>(i), buckets_[i]);
  }
  return counts;
}

Duration Histogram::quantile(double q) const {
  if (total_ == 0) return {};
  const double share = std::ceil(q * static_cast<double>(total_));
  // A total near 2^64 rounds to 2^64, which no integer holds.
  const std::uint64_t rank = q >= 1 ? total_ : static_cast<std::uint64_t>(std::max(share, 1.0));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets_[i];
    if (seen >= rank) return Duration(top_of(i));
  }
  return Duration(top_of(kBuckets - 1));
}

}  // namespace leat
