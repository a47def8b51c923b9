// From the records of a lease to what a tool reads: the blob as it lies when the framings agree,
// else record by record. What the tool's framing cannot carry is told apart.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/batch.h"
#include "framing/framing.h"
#include "spec/pipeline_spec.h"

namespace leat::node {

struct Reframed {
  struct Refusal {
    Position origin;
    std::string reason;
  };

  std::vector<Batch> parts;      // In order; separator and blob as batches of its framing have.
  std::vector<Refusal> refused;  // The records that the framing cannot carry.
};

// How the stage's tool itself reads and prints. Where it reads requests or frames, the stage's
// framings are of records and results.
[[nodiscard]] framing::Framing tool_input(const spec::Stage& stage);
[[nodiscard]] framing::Framing tool_output(const spec::Stage& stage);

// Collects records as batches of a framing have them.
class FramedRecords {
 public:
  explicit FramedRecords(framing::Framing framing) : framing_(std::move(framing)) {}

  // REQUIRES: the framing carries it.
  void add(std::string_view record);

  // As it is, for nothing will follow it.
  void add_unterminated(std::string_view record);

  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(lengths_.size()); }

  // Those since the last take.
  [[nodiscard]] Records take();

 private:
  framing::Framing framing_;
  std::string blob_;
  std::vector<std::uint32_t> lengths_;
};

// REQUIRES: the slice's runs are one for one. A record without terminator (kUnterminated) comes in
// a part of its own, the last, as it is: what the tool reads after it is end-of-file. Where the
// framing has no such records it is one as all.
[[nodiscard]] Reframed reframe(Batch slice, const framing::Framing& input);

}  // namespace leat::node
