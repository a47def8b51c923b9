// What a stage says of what its tool prints before it is given anything: its keys `prelude` and
// `ready`.

#pragma once

#include "spec/pipeline_spec.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

[[nodiscard]] Read<void> read_prelude(const YamlValue& yaml, Stage& stage);
// Refuses to keep what would be no records of the output framing. `yaml` is the stage's map.
[[nodiscard]] Read<void> check_prelude(const YamlValue& yaml, const Stage& stage);
[[nodiscard]] Read<void> read_ready(const YamlValue& yaml, Stage& stage);

}  // namespace leat::spec
