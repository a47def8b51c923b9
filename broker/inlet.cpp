#include "broker/inlet.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/ensure.h"

namespace leat::broker {

namespace {

using namespace std::chrono_literals;

constexpr Duration kLeaseTime = 20ms;
constexpr Duration kLeaseTimeMin = 1ms;
// Work under way for each replica, so that it never waits for the broker.
constexpr Duration kAhead = 60ms;
constexpr std::uint32_t kLeasesAhead = 2;
constexpr Duration kBusyMax = std::chrono::hours(24);
constexpr Duration kExpectedMax = std::chrono::hours(1000);  // Of one lease.
constexpr Duration kTravelTime = 1s;
constexpr double kWeight = 0.3;  // Of the newest measurement.

// Bounded, for work may be said to take any time.
Duration product(double record_ns, std::uint64_t records) {
  const double most = std::chrono::duration<double, std::nano>(kExpectedMax).count();
  return Duration(
      static_cast<Duration::rep>(std::min(record_ns * static_cast<double>(records), most)));
}

bool lists(const std::vector<wire::NumberRange>& ranges, std::uint64_t number) {
  return std::any_of(ranges.begin(), ranges.end(), [number](const wire::NumberRange& range) {
    return number >= range.first && number - range.first < range.count;
  });
}

}  // namespace

std::vector<std::uint64_t> Inlet::report(const wire::InletReport& report, Instant now) {
  const std::uint64_t credit = std::max(last_report_.leases_max, report.leases_max);
  last_report_ = report;
  last_report_.leases_max = credit;
  std::vector<std::uint64_t> lost;
  for (auto& [number, leased] : leases_) {
    if (now - leased.since < kTravelTime) continue;  // It may be under way.
    leased.missed = lists(report.leases, number) ? 0 : leased.missed + 1;
    if (leased.missed == 0) rounds_lost_ = 0;
    if (leased.missed >= 2) lost.push_back(number);
  }
  if (!lost.empty()) ++rounds_lost_;
  return lost;
}

bool Inlet::has_room() const {
  const bool is_closed = !is_open() || is_frozen_ || replicas_ == 0;
  if (is_closed || next_number_ > last_report_.leases_max) return false;
  if (!leases_.empty() && (is_reserved_ || leases_.begin()->second.is_alone)) return false;
  const bool is_ahead = leases_.size() >= std::size_t{kLeasesAhead} * replicas_ &&
                        (!record_ns_ || expected_total_ >= kAhead * replicas_);
  return !is_ahead;
}

std::uint32_t Inlet::lease_records(std::uint64_t waiting) const {
  if (!record_ns_) return 1;
  const double cost = std::max(*record_ns_, 1.0);
  const double most = std::max(1.0, static_cast<double>(kLeaseTime.count()) / cost);
  if (replicas_ == 1) return static_cast<std::uint32_t>(std::min(most, 1e9));
  const double least = std::max(1.0, static_cast<double>(kLeaseTimeMin.count()) / cost);
  const double fair = static_cast<double>(waiting) / (2.0 * replicas_);
  return static_cast<std::uint32_t>(std::min(std::clamp(fair, least, std::max(least, most)), 1e9));
}

Duration Inlet::expected_finish(std::uint32_t n) const {
  return (expected_total_ + product(record_ns_.value_or(0.0), n)) /
         static_cast<Duration::rep>(std::max(replicas_, 1U));
}

void Inlet::lease(Leased leased) {
  ENSURE(has_room());
  ENSURE(leased.open > 0);
  leased.expected = product(record_ns_.value_or(0.0), leased.open);
  expected_total_ += leased.expected;
  is_reserved_ = false;
  leases_.emplace(next_number_++, std::move(leased));
}

void Inlet::ended(std::uint64_t number, std::uint64_t count) {
  const auto found = leases_.find(number);
  if (found == leases_.end()) return;
  ENSURE(found->second.open >= count);
  found->second.open -= count;
  if (found->second.open == 0) (void)take_back(number);
}

std::uint32_t Inlet::fit(std::size_t bytes) const {
  const double each = std::max(record_bytes_.value_or(1.0), 1.0);
  return static_cast<std::uint32_t>(std::clamp(static_cast<double>(bytes) / each, 1.0, 1e9));
}

void Inlet::measure(std::uint64_t records, Duration busy, std::size_t bytes) {
  rounds_lost_ = 0;
  if (records == 0) return;
  const double each = static_cast<double>(bytes) / static_cast<double>(records);
  record_bytes_ = record_bytes_ ? *record_bytes_ + kWeight * (each - *record_bytes_) : each;
  // What a node says is within reason, or made so.
  busy = std::clamp<Duration>(busy, Duration(1), kBusyMax);
  const double measured = static_cast<double>(busy.count()) / static_cast<double>(records);
  record_ns_ = record_ns_ ? *record_ns_ + kWeight * (measured - *record_ns_) : measured;
}

Leased Inlet::take_back(std::uint64_t number) {
  const auto found = leases_.find(number);
  ENSURE(found != leases_.end());
  Leased leased = std::move(found->second);
  leases_.erase(found);
  expected_total_ -= leased.expected;
  return leased;
}

}  // namespace leat::broker
