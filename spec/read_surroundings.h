// What a stage says of its tool's surroundings: its keys `nice`, `user` and `tool_limits`.

#pragma once

#include "core/limits.h"
#include "spec/pipeline_spec.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

[[nodiscard]] Read<void> read_nice(const YamlValue& yaml, Stage& stage);
[[nodiscard]] Read<void> read_user(const YamlValue& yaml, Stage& stage);
[[nodiscard]] Read<void> read_tool_limits(const YamlValue& yaml, Stage& stage);

// That the limits are below those of the pipeline, which hold anyway. `yaml` is the stage.
[[nodiscard]] Read<void> check_tool_limits(const YamlValue& yaml, const Stage& stage,
                                           const Limits& limits);

}  // namespace leat::spec
