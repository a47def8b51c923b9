// Banner is what a process printed as its prelude, where the stage keeps that: records of its
// output framing, which go ahead of what the producer's first record becomes. So each producer gets
// it once, however many processes print it, for that record has one outcome. REQUIRES: the stage is
// the pipeline's first, where that record is at Position(0).

#pragma once

#include <string_view>

#include "node/answers.h"
#include "spec/pipeline_spec.h"
#include "wire/messages.h"

namespace leat::node {

class Banner {
 public:
  explicit Banner(const spec::Stage& stage)
      : is_kept_(stage.prelude && stage.prelude->is_kept), printed_(stage.output) {}

  // Bytes of the prelude.
  void add(std::string_view bytes) {
    if (is_kept_) (void)printed_.add(bytes);
  }

  [[nodiscard]] bool is_kept() const { return is_kept_; }

  // Adds it to the result if that has the producer's first record, or the window that it begins.
  // REQUIRES: the prelude is over, and the result has no failure.
  void put_ahead(wire::LeaseResult& result);

  // Of another process.
  void begin_anew() {
    printed_.clear();
    records_ = {};
  }

 private:
  bool is_kept_;
  Answers printed_;  // Until it is first put somewhere.
  Records records_;  // From then on.
};

}  // namespace leat::node
