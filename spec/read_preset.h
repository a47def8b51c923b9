// A stage's `preset`: a contract that many tools keep, under one name.

#pragma once

#include "spec/fault.h"
#include "spec/pipeline_spec.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

[[nodiscard]] Read<void> read_preset(const YamlValue& yaml, Stage& stage);

// What the preset means for the stage's other keys, once all are read. Refuses those that say
// otherwise.
[[nodiscard]] Read<void> settle_preset(const YamlValue& yaml, Stage& stage);

}  // namespace leat::spec
