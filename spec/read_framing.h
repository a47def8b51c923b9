// A framing as the YAML writes it.

#pragma once

#include "framing/framing.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

// A word, `{lines: N}`, `{until: PATTERN}` or `{separator: BYTES}`, checked.
[[nodiscard]] Read<framing::Framing> read_framing(const YamlValue& yaml);

}  // namespace leat::spec
