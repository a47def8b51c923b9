// Links the stages of a file into the graph that their `from` keys say.

#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "spec/read_stage.h"

namespace leat::spec {

struct Links {
  std::vector<std::size_t> order;  // Indices of the drafts, every stage after the one it is fed by.
  std::vector<std::optional<std::size_t>> from;  // By place in `order`; nothing for the source.
};

// Refuses names given twice, unknown stages, cycles and, until branching is built, two stages that
// are fed by one. REQUIRES: at least one draft.
[[nodiscard]] Read<Links> link_stages(const std::vector<StageDraft>& drafts);

}  // namespace leat::spec
