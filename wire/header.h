// The first frame of a message, taken apart: a flat list of its msgpack values in the order in
// which they stand, so that nothing is allocated for what a frame only announces. Texts are not
// copied: an element says where they lie in the frame.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace leat::wire {

// A longer header is refused, and so is one of more elements: 128 MiB of memory.
inline constexpr std::size_t kHeaderBytesMax = std::size_t{64} << 20;
inline constexpr std::size_t kElementsMax = std::size_t{8} << 20;
// How deep arrays and maps may be nested; the messages need 9.
inline constexpr std::size_t kNestingMax = 16;

struct Element {
  enum class Type : std::uint8_t {
    kNumber,    // `value`.
    kNegative,  // `value`, two's complement.
    kBool,      // `value` is 0 or 1.
    kText,      // `size` bytes at `value` of the frame; msgpack str or bin.
    kArray,     // The next `size` elements, each with all that is in it.
    kMap,       // `size` pairs likewise.
    kOther,     // nil, a float, an extension.
  };
  std::uint64_t value = 0;
  std::uint32_t size = 0;
  Type type = Type::kOther;
};

// What a user calls the type: "a number".
[[nodiscard]] const char* to_string(Element::Type type);

// Total. One msgpack value and nothing behind it, within the limits above.
[[nodiscard]] Result<std::vector<Element>> parse_header(std::string_view frame);

}  // namespace leat::wire
