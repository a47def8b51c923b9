// A stage that `leat probe` tries, and how a pipeline file says it.
//
// Pure. Values; any thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "framing/framing.h"
#include "spec/pipeline_spec.h"

namespace leat::cli {

// The modes of stages, with the windows that are worth trying.
enum class ProbeMode : std::uint8_t { kEach, kFilter, kWindows, kWindowAll, kArgument };

struct ProbeStage {
  std::vector<std::string> argv;  // As the user gave it; perhaps with a flag more.
  ProbeMode mode = ProbeMode::kEach;
  std::size_t window_records = 0;  // kWindows only.
  framing::Framing input;
  framing::Framing output;
  std::optional<spec::Prelude> prelude;
  std::string buffering;              // A word of the YAML; empty: auto.
  std::vector<int> exit_codes = {0};  // Of windows.

  // The first failure ends the trial. A stage that is proposed never has it.
  bool stops_at_once = false;
};

// A program and its arguments as a person types them: "sed 's/a b/c/'".
[[nodiscard]] std::string command_text(const std::vector<std::string>& argv);

// "mode each, output blank-line": what tells the stage from others of the same tool.
[[nodiscard]] std::string describe(const ProbeStage& stage);

// A whole pipeline file; each line of `comment` stands in front of it behind a "# ".
// REQUIRES: check_command(stage.argv) is well.
[[nodiscard]] std::string yaml_of(const ProbeStage& stage, const std::string& comment);

// Refuses a command that no pipeline file can have: a word that is no UTF-8, `{}` where a shell
// would carry out what a record says.
[[nodiscard]] Result<void> check_command(const std::vector<std::string>& argv);

}  // namespace leat::cli
