// The graph that a pipeline runs as: sources, stages and sinks as vertices, connected by edges,
// and the segments that nodes run. Fixed once made.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "spec/pipeline_spec.h"

namespace leat::spec {

enum class VertexKind { kSource, kStage, kSink };

struct Vertex {
  VertexKind kind = VertexKind::kStage;
  std::size_t stage = 0;          // Index into Pipeline::stages; stages only.
  std::size_t segment = 0;        // Index into Plan::segments; stages only.
  std::vector<std::size_t> from;  // Vertices whose records come here.
  std::vector<std::size_t> to;    // Vertices that get what this one puts out.
  bool is_ordered = true;         // Takes records in origin order per producer.
};

// Consecutive stages that a node runs as one chain.
struct Segment {
  std::vector<std::size_t> stages;  // Indices into Pipeline::stages.
  std::size_t vertex = 0;           // The vertex of its first stage.
};

// Vertices stand in topological order; the source is the first, the sink the last.
struct Plan {
  std::vector<Vertex> vertices;
  std::vector<Segment> segments;

  [[nodiscard]] std::size_t source() const { return 0; }

  [[nodiscard]] std::size_t sink() const { return vertices.size() - 1; }
};

[[nodiscard]] Plan plan(const Pipeline& pipeline);

}  // namespace leat::spec
