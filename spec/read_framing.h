// A framing as the YAML writes it.

#pragma once

#include "framing/framing.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

// A word, `{lines: N}`, `{until: PATTERN}` or `{separator: BYTES}`, checked.
[[nodiscard]] Read<framing::Framing> read_framing(const YamlValue& yaml);

// A pattern in RE2 syntax; `instead` says what to write in place of an empty one.
[[nodiscard]] Read<std::string> read_pattern(const YamlValue& yaml, std::string_view instead);

}  // namespace leat::spec
