// A framing says how records lie in a byte stream: each record followed by a terminator, or with
// its length ahead of it. The value is what a pipeline's YAML names; framing/splitter.h cuts
// streams by it.
//
//   lines       a record ends at a newline, which is its terminator; with N lines to a record, at
//               the N-th newline.
//   blank-line  a record is lines, each with its newline; the empty line is the terminator.
//   until       a record is lines; the first line that the pattern matches ends it and belongs to
//               it. The newline after that line is the terminator.
//   separator   a record ends at the given bytes, which are its terminator.
//   netstring   LENGTH:BYTES, with LENGTH in decimal digits.
//   length32    the length as four bytes, the highest first, and the bytes.
//   json        JSON values with whitespace between them, or nothing where that leaves no doubt. A
//               record is the value's bytes as they lie; its terminator is one newline.
//   whole       the stream is one record, which its end ends; perhaps an empty one.
//
// Records in a batch lie one after another, each with its terminator behind it. That is a stream of
// the framing, unless it has headers: these have no terminator, and headers are left out of batches
// (see framing/stream.h). Nor has a whole stream a terminator.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace leat::framing {

enum class Kind : std::uint8_t {
  kLines,
  kBlankLine,
  kUntil,
  kSeparator,
  kNetstring,
  kLength32,
  kJson,
  kWhole
};

inline constexpr std::uint32_t kLinesMax = 1'000'000;

struct Framing {
  Kind kind = Kind::kLines;
  std::string pattern;      // until: RE2 syntax, searched for in each line without its newline.
  std::string separator;    // separator: one byte or more.
  std::uint32_t lines = 1;  // lines: that make a record, 1 to kLinesMax.
  friend bool operator==(const Framing&, const Framing&) = default;
};

inline const Framing kJsonFraming = {.kind = Kind::kJson, .pattern = {}, .separator = {}};
inline const Framing kLength32Framing = {.kind = Kind::kLength32, .pattern = {}, .separator = {}};

// Refuses a pattern that RE2 cannot read (with RE2's words), an empty separator, and a number of
// lines out of range.
[[nodiscard]] Result<void> check(const Framing& framing);

// What follows each record in a batch.
[[nodiscard]] std::string_view terminator(const Framing& framing);

// Whether each record has its length ahead of it in the stream.
[[nodiscard]] bool has_headers(const Framing& framing);

// Whether a stream may end without its last terminator, and its last bytes are a record all the
// same (kUnterminated).
[[nodiscard]] bool may_lack_terminator(const Framing& framing);

// As the YAML has it: "lines", "{until: '^EOS$'}".
[[nodiscard]] std::string to_string(const Framing& framing);

}  // namespace leat::framing
