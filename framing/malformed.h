// Where a stream stops being what its framing says.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leat::framing {

struct Malformed {
  std::uint64_t offset = 0;  // Of the first byte that does not belong there, or of the end.
  std::string reason;        // "found 'x', expected ...".
  friend bool operator==(const Malformed&, const Malformed&) = default;
};

// "at byte 17: found 'x', expected ...".
[[nodiscard]] std::string to_string(const Malformed& malformed);

// "found 'x', expected ...", on one line whatever the byte is.
[[nodiscard]] std::string unexpected_byte(char found, std::string_view expected);

}  // namespace leat::framing
