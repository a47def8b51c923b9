#include "spec/plain_text.h"

#include <algorithm>

namespace leat::spec {

namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

bool is_text_byte(unsigned char byte) {
  return byte >= 0x20 || byte == '\t' || byte == '\n' || byte == '\r';
}

// Bytes of the sequence that begins with this byte; 0 when none does.
std::size_t sequence_bytes(unsigned char lead) {
  if (lead < 0x80) return is_text_byte(lead) ? 1 : 0;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

// Of a sequence whose lead and continuation bytes are in their ranges.
bool is_code_point(std::string_view sequence) {
  const auto lead = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() < 3) return true;
  const auto second = static_cast<unsigned char>(sequence[1]);
  if (lead == 0xe0) return second >= 0xa0;
  if (lead == 0xed) return second < 0xa0;
  if (lead == 0xf0) return second >= 0x90;
  if (lead == 0xf4) return second < 0x90;
  return true;
}

// Bytes of the character that `text` begins with; 0 when it begins with none.
std::size_t character_bytes(std::string_view text) {
  const std::size_t size = sequence_bytes(static_cast<unsigned char>(text.front()));
  if (size == 0 || size > text.size()) return 0;
  const std::string_view sequence = text.substr(0, size);
  const bool is_whole = std::ranges::all_of(sequence.substr(1), is_continuation);
  return is_whole && is_code_point(sequence) ? size : 0;
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

}  // namespace leat::spec
