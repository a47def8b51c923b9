// From the records of a lease to what a tool reads: the blob as it lies when the framings agree,
// else record by record. What the tool's framing cannot carry is told apart.

#pragma once

#include <string>
#include <vector>

#include "core/batch.h"
#include "framing/framing.h"

namespace leat::node {

struct Reframed {
  struct Refusal {
    Position origin;
    std::string reason;
  };

  std::vector<Batch> parts;      // In order; separator and blob as batches of its framing have.
  std::vector<Refusal> refused;  // The records that the framing cannot carry.
};

// REQUIRES: the slice's runs are one for one. A record without terminator (kUnterminated) comes in
// a part of its own, the last, as it is: what the tool reads after it is end-of-file. Where the
// framing has no such records it is one as all.
[[nodiscard]] Reframed reframe(Batch slice, const framing::Framing& input);

}  // namespace leat::node
