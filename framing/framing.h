// A framing says how records lie in a byte stream: each record followed by a terminator. The value
// is what a pipeline's YAML names; framing/splitter.h cuts streams by it.
//
//   lines       a record ends at a newline, which is its terminator.
//   blank-line  a record is lines, each with its newline; the empty line is the terminator.
//   until       a record is lines; the first line that the pattern matches ends it and belongs to
//               it. The newline after that line is the terminator.
//   separator   a record ends at the given bytes, which are its terminator.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace leat::framing {

enum class Kind : std::uint8_t { kLines, kBlankLine, kUntil, kSeparator };

struct Framing {
  Kind kind = Kind::kLines;
  std::string pattern;    // until: RE2 syntax, searched for in each line without its newline.
  std::string separator;  // separator: one byte or more.
  friend bool operator==(const Framing&, const Framing&) = default;
};

// Refuses a pattern that RE2 cannot read (with RE2's words) and an empty separator.
[[nodiscard]] Result<void> check(const Framing& framing);

// What follows each record in the stream.
[[nodiscard]] std::string_view terminator(const Framing& framing);

// As the YAML has it: "lines", "{until: '^EOS$'}".
[[nodiscard]] std::string to_string(const Framing& framing);

}  // namespace leat::framing
