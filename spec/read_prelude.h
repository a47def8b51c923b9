// What a stage says of the banner that its tool prints: its key `prelude`.

#pragma once

#include "spec/pipeline_spec.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

[[nodiscard]] Read<void> read_prelude(const YamlValue& yaml, Stage& stage);

}  // namespace leat::spec
