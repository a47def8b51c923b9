// What another version of a pipeline changes, for the operator who deploys it.

#pragma once

#include <string>
#include <vector>

#include "spec/pipeline_spec.h"

namespace leat::broker {

// The stage of that name, or the end.
[[nodiscard]] std::vector<spec::Stage>::const_iterator find_stage(const spec::Pipeline& pipeline,
                                                                  const std::string& name);

// "pipeline 'p' has no stage 'prase'; did you mean 'parse'?"
[[nodiscard]] std::string no_stage(const spec::Pipeline& pipeline, const std::string& name);

// A line for each change.
[[nodiscard]] std::string changes_between(const spec::Pipeline& old, const spec::Pipeline& next);

}  // namespace leat::broker
