// Placement decides how many replicas of a segment each node has: those wanted are spread by cores
// and load, and what runs is moved only where that evens out the load.

#pragma once

#include <cstdint>
#include <vector>

namespace leat::broker {

// What a node may do for the segment.
enum class Eligibility {
  kMayGet,   // It may have more replicas.
  kMayKeep,  // It may keep those that it has.
  kMustLose  // It is to have none.
};

// One node, as the segment sees it.
struct Seat {
  std::uint32_t cores = 1;
  std::uint32_t others = 0;    // Replicas of other segments there.
  std::uint32_t replicas = 0;  // Of this one.
  Eligibility eligibility = Eligibility::kMayGet;
};

// How many replicas each seat is to have; fewer than `wanted` in all when there is no seat for
// them. A fixed point: applied and asked again, it answers the same.
[[nodiscard]] std::vector<std::uint32_t> spread(std::uint32_t wanted,
                                                const std::vector<Seat>& seats);

}  // namespace leat::broker
