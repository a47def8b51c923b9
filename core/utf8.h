// Whether bytes are text, for what is shown as it is when they are and escaped when they are not.

#pragma once

#include <string_view>

namespace leat {

// Strict: no overlong forms, no surrogates, nothing above U+10FFFF. Control characters are text.
[[nodiscard]] bool is_utf8(std::string_view bytes);

}  // namespace leat
