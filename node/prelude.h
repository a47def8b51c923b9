// Prelude passes over what a tool prints of itself before it is given anything, such as a banner:
// so many records of its output framing, or the lines up to one that matches.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "framing/splitter.h"
#include "spec/pipeline_spec.h"

namespace leat::node {

class Prelude {
 public:
  // A tool that has printed so much is at something else.
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;

  explicit Prelude(const spec::Stage& stage)
      : count_(stage.prelude ? stage.prelude->records : 0),
        left_(count_),
        splitter_(stage.prelude && !stage.prelude->until.empty()
                      ? framing::Framing{.kind = framing::Kind::kUntil,
                                         .pattern = stage.prelude->until,
                                         .separator = {}}
                      : stage.output) {}

  [[nodiscard]] bool is_over() const { return left_ == 0; }

  // The part of these bytes that is behind it.
  [[nodiscard]] std::string_view skip(std::string_view bytes) {
    while (left_ > 0 && !bytes.empty()) {
      const framing::Splitter::Passed passed = splitter_.pass(bytes);
      bytes_ += passed.used;
      bytes.remove_prefix(passed.used);
      if (passed.is_end) --left_;
    }
    return bytes;
  }

  [[nodiscard]] bool is_too_long() const { return left_ > 0 && bytes_ > kBytesMax; }

  // Of another process.
  void begin_anew() {
    left_ = count_;
    bytes_ = 0;
    splitter_.reset();
  }

 private:
  std::uint64_t count_;
  std::uint64_t left_;     // Records.
  std::size_t bytes_ = 0;  // Passed over.
  framing::Splitter splitter_;
};

}  // namespace leat::node
