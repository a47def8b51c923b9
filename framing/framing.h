// A framing says how records lie in a byte stream: each record followed by a terminator. The value
// is what a pipeline's YAML names; framing/splitter.h cuts streams by it.
//
//   lines       a record ends at a newline, which is its terminator; with N lines to a record, at
//               the N-th newline.
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

inline constexpr std::uint32_t kLinesMax = 1'000'000;

struct Framing {
  Kind kind = Kind::kLines;
  std::string pattern;      // until: RE2 syntax, searched for in each line without its newline.
  std::string separator;    // separator: one byte or more.
  std::uint32_t lines = 1;  // lines: that make a record, 1 to kLinesMax.
  friend bool operator==(const Framing&, const Framing&) = default;
};

// Refuses a pattern that RE2 cannot read (with RE2's words), an empty separator, and a number of
// lines out of range.
[[nodiscard]] Result<void> check(const Framing& framing);

// What follows each record in the stream.
[[nodiscard]] std::string_view terminator(const Framing& framing);

// What is wrong with a record that cannot be fed: "it would be several records or none".
[[nodiscard]] std::string refusal(const Framing& framing);

// As the YAML has it: "lines", "{until: '^EOS$'}".
[[nodiscard]] std::string to_string(const Framing& framing);

}  // namespace leat::framing
