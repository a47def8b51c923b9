// What a client needs to know of a deployed pipeline before it feeds it.

#pragma once

#include <string>

#include "cli/front.h"
#include "cli/surroundings.h"
#include "cli/trouble.h"
#include "spec/pipeline_spec.h"

namespace leat::cli {

// Asks the broker what the pipeline is made of.
[[nodiscard]] Attempt<spec::Pipeline> describe(Front& front, const Signals& signals,
                                               const std::string& pipeline);

// A producer's or consumer's name that nobody else has: "PREFIX-HOST-PID-..." .
[[nodiscard]] std::string new_producer(const std::string& prefix);

}  // namespace leat::cli
