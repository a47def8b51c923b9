// Whether a stage's framings suit its mode.

#pragma once

#include "spec/pipeline_spec.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

// Refuses `whole` where no end-of-file ends the stream, and where several records would become one.
// `yaml` is the stage's map, `name` the place of its name.
[[nodiscard]] Read<void> check_framings(const YamlValue& yaml, const Stage& stage, Mark name);

}  // namespace leat::spec
