#include "broker/changes.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "broker/reason.h"
#include "spec/nearest.h"

namespace leat::broker {

std::vector<spec::Stage>::const_iterator find_stage(const spec::Pipeline& pipeline,
                                                    const std::string& name) {
  return std::find_if(pipeline.stages.begin(), pipeline.stages.end(),
                      [&](const spec::Stage& stage) { return stage.name == name; });
}

std::string no_stage(const spec::Pipeline& pipeline, const std::string& name) {
  std::vector<std::string_view> known;
  known.reserve(pipeline.stages.size());
  for (const spec::Stage& stage : pipeline.stages) {
    known.emplace_back(stage.name);
  }
  const auto near = spec::nearest(name, known);
  return "pipeline '" + pipeline.name + "' has no stage '" + name + "'" +
         (near ? "; did you mean '" + std::string(*near) + "'?" : "");
}

std::string changes_between(const spec::Pipeline& old, const spec::Pipeline& next) {
  std::string changes;
  for (const spec::Stage& stage : next.stages) {
    const auto before = find_stage(old, stage.name);
    const std::string name = "stage " + stage.name + ": ";
    if (before == old.stages.end()) {
      changes += name + "new\n";
      continue;
    }
    if (before->argv != stage.argv) changes += name + "another command\n";
    if (before->replicas != stage.replicas) {
      changes += name + "replicas " + std::to_string(before->replicas) + " -> " +
                 std::to_string(stage.replicas) + "\n";
    }
  }
  for (const spec::Stage& stage : old.stages) {
    const bool stays = find_stage(next, stage.name) != next.stages.end();
    if (!stays) changes += "stage " + stage.name + ": removed\n";
  }
  return changes.empty() ? "settings or text of the file\n" : shortened(changes);
}

}  // namespace leat::broker
