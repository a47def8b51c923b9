// Which stages are worth trying for a tool, after it was run by itself: the best ones first. Each
// explains how the tool's output may be read: what is a banner, what are answers, what is said at
// the end only.
//
// Pure. Values; any thread.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/probe_stage.h"

namespace leat::cli {

// What is known of a tool.
struct Evidence {
  std::vector<std::string> argv;
  std::vector<framing::Framing> inputs;    // One at the least, the likeliest first.
  std::optional<framing::Framing> output;  // As the user says it is.
  std::string sample;
  std::string printed;           // For the sample, to the end of file.
  std::string printed_at_once;   // While it was given nothing yet, not even the end of file.
  std::string printed_for_none;  // For the end of file alone.
};

struct Candidate {
  ProbeStage stage;
  std::string banner;   // With which `printed` begins, and which the stage drops.
  std::string trailer;  // With which it ends, and which the stage may drop.
};

// Modes each, filter and window, in this order.
[[nodiscard]] std::vector<Candidate> candidates_for(const Evidence& evidence);

// Of a tool that takes each record as an argument.
[[nodiscard]] std::vector<Candidate> argument_candidates_for(const Evidence& evidence,
                                                             int exit_status);

}  // namespace leat::cli
