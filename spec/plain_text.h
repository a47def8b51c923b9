// Whether bytes are text that a person could have typed.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace leat::spec {

// The offset of the first byte that is not UTF-8 text: of a malformed, overlong or surrogate
// sequence, or of a control character other than tab, newline and carriage return.
[[nodiscard]] std::optional<std::size_t> first_byte_not_text(std::string_view bytes);

// How many characters begin in UTF-8 text.
[[nodiscard]] std::size_t count_characters(std::string_view text);

// The first bytes of UTF-8 text, at most `bytes_max`, without cutting a character.
[[nodiscard]] std::string_view shortened(std::string_view text, std::size_t bytes_max);

// What a tool said, for people: in one line of at most `bytes_max`, without spaces at its end.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t bytes_max);

}  // namespace leat::spec
