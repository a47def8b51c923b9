// The frames of `mode: tagged` as bytes: what a tool made for Leat reads and prints. Each frame is
// a record of framing length32; docs/protocol.md describes them for those who write such tools.
// Integers are big-endian.
//
//   to the tool      id (8 bytes), the record
//   from the tool    id (8 bytes), status (1 byte), outputs: each its length (4 bytes), its bytes

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/result.h"

namespace leat::node {

// The records' frames, with ids from `first_id` on, as records of framing length32.
// REQUIRES: each frame has less than 4 GiB.
[[nodiscard]] Records encode_frames(const Records& records, std::uint64_t first_id);

enum class TaggedStatus : std::uint8_t {
  kDone = 0,
  kFailed = 1,    // The only output, if there is one, says why.
  kTryAgain = 2,  // The same, but another attempt may do it.
};

struct TaggedAnswer {
  std::uint64_t id = 0;
  TaggedStatus status = TaggedStatus::kDone;
  std::vector<std::string_view> outputs;  // Of the frame's bytes.
};

// The error is a sentence's end: "has 5 bytes, too few for an id and a status".
[[nodiscard]] Result<TaggedAnswer> decode_answer_frame(std::string_view frame);

}  // namespace leat::node
