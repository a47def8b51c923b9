// Bytes as text of 64 letters (RFC 4648, the standard alphabet, with padding).

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leat {

[[nodiscard]] std::string to_base64(std::string_view bytes);

// Line breaks are passed over, and padding may be missing. Nothing when the text is no base64.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace leat
