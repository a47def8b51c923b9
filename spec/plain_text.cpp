#include "spec/plain_text.h"

#include <algorithm>

#include "core/utf8.h"

namespace leat::spec {

namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

bool is_text_byte(unsigned char byte) {
  return byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r';
}

// Bytes of the character that `text` begins with; 0 when it begins with none.
std::size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return is_text_byte(lead) ? 1 : 0;
  return utf8_character_bytes(text);
}

}  // namespace

std::optional<std::size_t> first_byte_not_text(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = character_bytes(bytes.substr(at));
    if (size == 0) return at;
    at += size;
  }
  return std::nullopt;
}

std::size_t count_characters(std::string_view text) {
  const auto continuations = std::ranges::count_if(text, is_continuation);
  return text.size() - static_cast<std::size_t>(continuations);
}

std::string_view shortened(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && is_continuation(text[bytes_max])) {
    --bytes_max;
  }
  return text.substr(0, bytes_max);
}

std::string one_line(std::string_view text, std::size_t bytes_max) {
  if (!is_utf8(text)) return "(not UTF-8)";
  std::string line(shortened(text, bytes_max));
  std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  const std::size_t last = line.find_last_not_of(' ');
  line.resize(last == std::string::npos ? 0 : last + 1);
  return line;
}

}  // namespace leat::spec
