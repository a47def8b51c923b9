// The `limits:` block of a pipeline.

#pragma once

#include "core/limits.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

// What the queue must hold at the least: a record of the largest size, its answer, and their
// headers.
[[nodiscard]] std::size_t queue_bytes_needed(std::size_t record_bytes_max);

// Reads the map and fits to one another what it says and the defaults of what it does not say.
[[nodiscard]] Read<Limits> read_limits(const YamlValue& yaml);

}  // namespace leat::spec
