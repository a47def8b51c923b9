// Opening passes over what a tool prints before it is given anything: lines up to the one that says
// that it is ready, then a banner of so many records of its output framing, or of the lines up to
// one that matches, which the stage may keep.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/words.h"
#include "framing/splitter.h"
#include "node/banner.h"
#include "spec/pipeline_spec.h"

namespace leat::node {

// So many records, which are passed over.
class Passage {
 public:
  Passage(std::uint64_t records, framing::Framing framing)
      : count_(records), left_(records), splitter_(std::move(framing)) {}

  // Lines up to the first that matches; none when there is no pattern.
  explicit Passage(const std::string& pattern)
      : Passage(pattern.empty() ? 0 : 1, {.kind = framing::Kind::kUntil,
                                          .pattern = pattern.empty() ? "^" : pattern,
                                          .separator = {}}) {}

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

  // Of what was passed over.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // Of another process.
  void begin_anew() {
    left_ = count_;
    bytes_ = 0;
    splitter_.reset();
  }

 private:
  std::uint64_t count_;
  std::uint64_t left_;  // Records.
  std::size_t bytes_ = 0;
  framing::Splitter splitter_;
};

class Opening {
 public:
  // A tool whose banner has so many bytes is at something else.
  static constexpr std::size_t kPreludeBytesMax = std::size_t{1} << 20;

  explicit Opening(const spec::Stage& stage)
      : stage_(stage),
        on_stdout_(stage.ready ? stage.ready->on_stdout : ""),
        on_stderr_(stage.ready ? stage.ready->on_stderr : ""),
        prelude_(prelude_of(stage)),
        banner_(stage) {}

  [[nodiscard]] bool is_over() const { return is_ready() && prelude_.is_over(); }

  // Of its standard output, the part behind it.
  [[nodiscard]] std::string_view skip(std::string_view bytes) {
    bytes = on_stdout_.skip(bytes);
    const std::string_view rest = prelude_.skip(bytes);
    banner_.add(bytes.substr(0, bytes.size() - rest.size()));
    return rest;
  }

  // Of the prelude, when it is over.
  [[nodiscard]] Banner& banner() { return banner_; }

  [[nodiscard]] const Banner& banner() const { return banner_; }

  void hear_stderr(std::string_view bytes) { (void)on_stderr_.skip(bytes); }

  [[nodiscard]] bool is_too_long() const {
    return !prelude_.is_over() && prelude_.bytes() > kPreludeBytesMax;
  }

  // Whether all that is still to come is on standard output.
  [[nodiscard]] bool is_on_stdout() const { return on_stderr_.is_over(); }

  // From the process's start.
  [[nodiscard]] Duration timeout() const {
    return stage_.ready ? stage_.ready->timeout : spec::Ready{}.timeout;
  }

  // What has not come: "its ready line ('^READY')".
  [[nodiscard]] std::string missing() const {
    if (!on_stdout_.is_over()) return "its ready line ('" + stage_.ready->on_stdout + "')";
    if (!on_stderr_.is_over()) {
      return "its ready line ('" + stage_.ready->on_stderr + "') on standard error";
    }
    const bool is_line = !stage_.prelude->until.empty();
    return "its prelude (" +
           (is_line ? "a line that matches '" + stage_.prelude->until + "'"
                    : count_of(stage_.prelude->records, "record")) +
           ")";
  }

  // Of another process.
  void begin_anew() {
    on_stdout_.begin_anew();
    on_stderr_.begin_anew();
    prelude_.begin_anew();
    banner_.begin_anew();
  }

 private:
  [[nodiscard]] bool is_ready() const { return on_stdout_.is_over() && on_stderr_.is_over(); }

  [[nodiscard]] static Passage prelude_of(const spec::Stage& stage) {
    if (!stage.prelude) return Passage("");
    if (!stage.prelude->until.empty()) return Passage(stage.prelude->until);
    return {stage.prelude->records, stage.output};
  }

  const spec::Stage& stage_;
  Passage on_stdout_;
  Passage on_stderr_;
  Passage prelude_;
  Banner banner_;
};

}  // namespace leat::node
