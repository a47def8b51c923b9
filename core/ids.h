// Identifiers shared by every process. Each is its own type, so that a NodeId can never be passed
// where a ProducerId is wanted, and each orders by value, so that maps keyed by one iterate the
// same way in every run.
//
// The broker gives them out as (incarnation, counter): an incarnation of the broker never reuses
// another's ids.

#pragma once

#include <compare>
#include <cstdint>

namespace leat {

struct ProducerId {
  std::uint64_t incarnation = 0;
  std::uint64_t counter = 0;
  auto operator<=>(const ProducerId&) const = default;
};

struct NodeId {
  std::uint64_t incarnation = 0;
  std::uint64_t counter = 0;
  auto operator<=>(const NodeId&) const = default;
};

// One deployed version of a pipeline.
struct DeploymentId {
  std::uint64_t incarnation = 0;
  std::uint64_t counter = 0;
  auto operator<=>(const DeploymentId&) const = default;
};

// A chain of stages that a node runs as one; `index` counts within the deployment's plan.
struct SegmentId {
  DeploymentId deployment;
  std::uint32_t index = 0;
  auto operator<=>(const SegmentId&) const = default;
};

}  // namespace leat
