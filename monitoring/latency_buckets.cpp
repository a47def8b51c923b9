#include "monitoring/latency_buckets.h"

#include <algorithm>
#include <cstddef>

namespace leat::monitoring {

namespace {

// What is to be known of one bucket of a Histogram.
struct Fine {
  std::size_t place = 0;  // Among kLatencyEnds; their number for what is above all.
  double middle_seconds = 0;
};

using FineTable = std::array<Fine, Histogram::kBuckets>;

// The largest value that falls into the bucket: all of a histogram that holds nothing else.
Duration top_of(std::size_t bucket) {
  Histogram histogram;
  histogram.merge({{static_cast<std::uint16_t>(bucket), 1}});
  return histogram.quantile(1);
}

FineTable fine_table() {
  FineTable table;
  Duration below{};  // The top of the bucket before.
  for (std::size_t bucket = 0; bucket < table.size(); ++bucket) {
    const Duration top = top_of(bucket);
    const auto* const end = std::lower_bound(kLatencyEnds.begin(), kLatencyEnds.end(), top);
    table.at(bucket).place = static_cast<std::size_t>(end - kLatencyEnds.begin());
    // The longest of all are too long to be added as integers.
    table.at(bucket).middle_seconds =
        (static_cast<double>(below.count()) + 1 + static_cast<double>(top.count())) / 2 / 1e9;
    below = top;
  }
  return table;
}

}  // namespace

LatencyBuckets fold(const Histogram::Counts& counts) {
  static const FineTable table = fine_table();
  LatencyBuckets folded;
  for (const auto& [bucket, times] : counts) {
    if (bucket >= table.size()) continue;
    const Fine& fine = table.at(bucket);
    if (fine.place < folded.up_to.size()) folded.up_to.at(fine.place) += times;
    folded.total += times;
    folded.sum_seconds += static_cast<double>(times) * fine.middle_seconds;
  }
  for (std::size_t i = 1; i < folded.up_to.size(); ++i) {
    folded.up_to.at(i) += folded.up_to.at(i - 1);
  }
  return folded;
}

}  // namespace leat::monitoring
