// `leat probe`, once its arguments are read.

#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cli/say.h"
#include "core/time.h"

namespace leat::cli {

struct ProbeArguments {
  std::vector<std::string> argv;  // What stood behind "--".
  std::string input;              // A framing as the YAML has it; empty: to be guessed.
  std::string output;             // The same.
  Duration timeout = std::chrono::seconds(20);  // Of a run of the tool.
};

[[nodiscard]] ExitCode run_probe(const ProbeArguments& arguments);

}  // namespace leat::cli
