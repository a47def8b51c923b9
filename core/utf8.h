// Whether bytes are text in UTF-8: the shortest forms, no surrogates, up to U+10FFFF.

#pragma once

#include <cstddef>
#include <string_view>

namespace leat {

// Bytes of the character that `text` begins with; 0 when it begins with none.
[[nodiscard]] std::size_t utf8_character_bytes(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view bytes);

}  // namespace leat
