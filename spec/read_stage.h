// One stage of the YAML's list, by itself: what it says of its neighbours is linked by
// spec/link_stages.h.

#pragma once

#include <optional>
#include <string>

#include "core/limits.h"
#include "framing/framing.h"
#include "spec/pipeline_spec.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

// A stage's name as the YAML uses it somewhere.
struct Name {
  std::string text;
  Mark mark;
};

struct StageDraft {
  Stage stage;
  Name name;                  // The stage's own.
  std::optional<Name> from;   // As given.
  std::optional<Mark> input;  // Where its own framing stands, if it does.
  std::optional<Mark> keep;   // Where it says so of its prelude, if it does.
};

// What holds for all stages of a pipeline.
struct StageContext {
  std::string directory;  // Absolute.
  framing::Framing framing;
  Limits limits;
};

[[nodiscard]] Read<StageDraft> read_stage(const YamlValue& yaml, const StageContext& context);

}  // namespace leat::spec
