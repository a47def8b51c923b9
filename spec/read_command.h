// The command of a stage: its keys `run` and `shell`.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/yaml_tree.h"

namespace leat::spec {

// The tool's argv. A program with a slash is made absolute under `directory`; a bare name stays.
[[nodiscard]] Read<std::vector<std::string>> read_command(const YamlValue& stage,
                                                          std::string_view directory);

}  // namespace leat::spec
