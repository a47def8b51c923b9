#include "core/utf8.h"

#include <algorithm>

namespace leat {

namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

// Bytes of the sequence that begins with this byte; 0 when none does.
std::size_t sequence_bytes(unsigned char lead) {
  if (lead < 0x80) return 1;
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

}  // namespace

std::size_t utf8_character_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const std::size_t size = sequence_bytes(static_cast<unsigned char>(text.front()));
  if (size == 0 || size > text.size()) return 0;
  const std::string_view sequence = text.substr(0, size);
  const bool is_whole = std::ranges::all_of(sequence.substr(1), is_continuation);
  return is_whole && is_code_point(sequence) ? size : 0;
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t size = utf8_character_bytes(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

}  // namespace leat
