// A pipeline as a world draws it, and its YAML in each of its versions.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "spec/pipeline_spec.h"
#include "tests/sim/chance.h"
#include "tests/sim/oracle.h"

namespace leat::sim {

struct Blueprint {
  struct Stage {
    std::string name;
    std::string window;  // As the YAML has it; empty: another mode.
    std::uint64_t replicas = 1;
    spec::Mode mode = spec::Mode::kEach;  // Where there is no window.
    bool needs_label = false;
  };

  std::string name;
  std::uint64_t attempts = 3;
  std::size_t queue_bytes_max = 0;
  std::vector<Stage> stages;
  bool breaks_down = false;  // See Shape.
  std::uint64_t version = 1;

  [[nodiscard]] std::string text() const {
    std::string text =
        "# Version " + std::to_string(version) + "\npipeline: " + name +
        "\nlimits: {record_bytes: 256, queue_bytes: " + std::to_string(queue_bytes_max) +
        "}\nstages:\n";
    for (const Stage& stage : stages) {
      text += "  - {name: " + stage.name +
              ", run: tool, replicas: " + std::to_string(stage.replicas) +
              ", retry: {attempts: " + std::to_string(attempts) + ", backoff: 5ms}";
      if (!stage.window.empty()) text += ", mode: window, window: " + stage.window;
      if (stage.mode == spec::Mode::kFilter) text += ", mode: filter";
      if (stage.mode == spec::Mode::kTagged) text += ", mode: tagged";
      if (stage.needs_label) text += ", nodes: {gpu: 'true'}";
      text += "}\n";
    }
    return text;
  }

  // What its results look like.
  [[nodiscard]] Shape shape() const {
    Shape shape;
    for (const Stage& stage : stages) {
      shape.path += "/" + stage.name;
      shape.has_window = shape.has_window || !stage.window.empty();
    }
    shape.breaks_down = breaks_down;
    shape.is_branching = stages.front().mode != spec::Mode::kEach;
    return shape;
  }
};

// One to three stages, named from `first_stage` on, at most one of them a window's.
inline Blueprint draw_blueprint(Chance& chance, std::string name, char first_stage) {
  Blueprint made;
  made.name = std::move(name);
  // Sometimes everything at its minimum.
  made.queue_bytes_max = chance.one_in(3) ? 9216 : std::size_t{1} << 20;
  const std::uint64_t stages = chance.between(1, 3);
  for (std::uint64_t i = 0; i < stages; ++i) {
    Blueprint::Stage stage;
    stage.name = std::string(1, static_cast<char>(first_stage + static_cast<char>(i)));
    stage.replicas = chance.between(1, 3);
    // A window may only come last, so that its "end N" is not another tool's input.
    if (i + 1 == stages && i > 0 && chance.one_in(3)) {
      const bool is_all = chance.one_in(4) && made.queue_bytes_max > 9216;
      stage.window = is_all ? "all" : "{records: " + std::to_string(chance.between(1, 7)) + "}";
    }
    if (stage.window.empty() && chance.one_in(3)) {
      stage.mode = chance.one_in(3) ? spec::Mode::kTagged : spec::Mode::kFilter;
    }
    made.stages.push_back(std::move(stage));
  }
  return made;
}

}  // namespace leat::sim
