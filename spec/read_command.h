// The command of a stage: its keys `run` and `shell`.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/holes.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

struct Command {
  std::vector<std::string> argv;
  std::vector<Hole> holes;  // Never in the program's name, nor in a script that a shell would run.
};

// A program with a slash is made absolute under `directory`; a bare name stays.
[[nodiscard]] Read<Command> read_command(const YamlValue& stage, std::string_view directory);

// The place of a word of the stage's command, as near as it can be told. REQUIRES: there is one.
[[nodiscard]] Mark mark_of_word(const YamlValue& stage, std::size_t word);

}  // namespace leat::spec
