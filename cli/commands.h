// The commands of `leat`, once their arguments are read.

#pragma once

#include <optional>
#include <string>

#include "cli/say.h"

namespace leat::cli {

struct PipeArguments {
  std::string spec;                         // A path.
  std::optional<std::string> dead_letters;  // A path.
  bool shows_progress = false;
  bool shows_summary = false;
};

[[nodiscard]] ExitCode run_pipe(const PipeArguments& arguments);

[[nodiscard]] ExitCode run_lint(const std::string& spec);

}  // namespace leat::cli
