// What the bytes at the front of a piece of a stream are, up to a record's end or the piece's: how
// the scanners of framings that are more than records with a terminator tell what they see.

#pragma once

#include <cstddef>

namespace leat::framing {

struct Extent {
  std::size_t before = 0;  // Bytes that are no record's: a header, whitespace.
  std::size_t record = 0;  // Bytes of the record under way.
  std::size_t after = 0;   // Bytes that end it.
  bool is_end = false;  // Of that record. Perhaps without any byte: a number ends before the next.

  [[nodiscard]] std::size_t total() const { return before + record + after; }
};

}  // namespace leat::framing
