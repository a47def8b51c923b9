#include "node/wear.h"

#include <algorithm>
#include <chrono>

namespace leat::node {

namespace {

// Another process is started so long before it is due, and longer when that takes its time.
constexpr Duration kRenewalMin = std::chrono::milliseconds(100);

}  // namespace

void Wear::feed(std::uint64_t records, Instant now) {
  if (fed_ == 0 && started_at_) opening_time_ = now - *started_at_;
  fed_ += records;
}

void Wear::forget_process() {
  started_at_.reset();
  fed_ = 0;
}

// A successor may take as long to open, and half as long again.
Duration Wear::ahead() const {
  return kRenewalMin + opening_time_ * 3 / 2;
}

std::optional<Instant> Wear::worn_at() const {
  if (!age_max_ || !started_at_) return std::nullopt;
  return *started_at_ + (*age_max_ - std::min(*age_max_ / 2, ahead()));
}

bool Wear::is_worn(Duration record_time, Instant now) const {
  const std::optional<Instant> at = worn_at();
  if (at && now >= *at) return true;
  if (!records_max_ || !started_at_) return false;
  const Duration each = std::max(record_time, Duration(1));
  // What comes anew works off half of its records at least.
  return room() <= std::min(*records_max_ / 2, static_cast<std::uint64_t>(ahead() / each));
}

}  // namespace leat::node
