#include "broker/placement.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>

namespace leat::broker {

namespace {

// The load of a node per core, if it had `replicas` of the segment.
double load(const Seat& seat, std::uint32_t replicas) {
  return static_cast<double>(seat.others + replicas) / std::max(seat.cores, 1U);
}

// The seat that one more replica burdens least.
std::optional<std::size_t> freest(const std::vector<Seat>& seats,
                                  const std::vector<std::uint32_t>& targets) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < seats.size(); ++i) {
    if (seats[i].eligibility != Eligibility::kMayGet) continue;
    if (!best || load(seats[i], targets[i] + 1) < load(seats[*best], targets[*best] + 1)) best = i;
  }
  return best;
}

// The most burdened seat that has replicas.
std::optional<std::size_t> fullest(const std::vector<Seat>& seats,
                                   const std::vector<std::uint32_t>& targets) {
  std::optional<std::size_t> worst;
  for (std::size_t i = 0; i < seats.size(); ++i) {
    if (targets[i] == 0) continue;
    if (!worst || load(seats[i], targets[i]) > load(seats[*worst], targets[*worst])) worst = i;
  }
  return worst;
}

}  // namespace

std::vector<std::uint32_t> spread(std::uint32_t wanted, const std::vector<Seat>& seats) {
  std::vector<std::uint32_t> targets;
  targets.reserve(seats.size());
  for (const Seat& seat : seats) {
    targets.push_back(seat.eligibility == Eligibility::kMustLose ? 0 : seat.replicas);
  }
  std::uint64_t sum = std::accumulate(targets.begin(), targets.end(), std::uint64_t{0});
  for (; sum > wanted; --sum) {
    --targets[*fullest(seats, targets)];
  }
  for (; sum < wanted; ++sum) {
    const std::optional<std::size_t> to = freest(seats, targets);
    if (!to) return targets;
    ++targets[*to];
  }
  // One replica alone stays where it is: it may hold state, and to move it gains nothing.
  while (wanted > 1) {
    const std::optional<std::size_t> from = fullest(seats, targets);
    const std::optional<std::size_t> to = freest(seats, targets);
    if (!from || !to || *from == *to) break;
    if (load(seats[*to], targets[*to] + 1) >= load(seats[*from], targets[*from])) break;
    --targets[*from];
    ++targets[*to];
  }
  return targets;
}

}  // namespace leat::broker
