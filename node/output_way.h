// OutputWay finds out how a stage's tools must be connected so that they do not hold their output
// back. With `buffering: auto` it begins with a plain pipe, and goes on whenever a process has
// proved, at end-of-file, that it buffers there. Shared by the replicas of an inlet.

#pragma once

#include "spec/pipeline_spec.h"

namespace leat::node {

class OutputWay {
 public:
  explicit OutputWay(spec::Buffering chosen)
      : is_chosen_(chosen != spec::Buffering::kAuto),
        now_(is_chosen_ ? chosen : spec::Buffering::kPipe) {}

  // kPipe, kPreload or kPty.
  [[nodiscard]] spec::Buffering now() const { return now_; }

  // This one will not do: whether there is another, which is now().
  [[nodiscard]] bool leave(spec::Buffering way) {
    if (is_chosen_) return false;
    if (now_ != way) return true;
    if (way == spec::Buffering::kPty) return false;
    now_ = way == spec::Buffering::kPipe ? spec::Buffering::kPreload : spec::Buffering::kPty;
    return true;
  }

 private:
  bool is_chosen_;
  spec::Buffering now_;
};

}  // namespace leat::node
