#include "core/utf8.h"

#include <cstddef>
#include <cstdint>

namespace leat {

namespace {

struct Lead {
  std::size_t size = 0;       // Of the whole sequence; 0: none begins so.
  unsigned char low = 0x80;   // What the second byte must be at least,
  unsigned char high = 0xbf;  // and at most.
};

Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {.size = 1};
  if (byte < 0xc2) return {};
  if (byte < 0xe0) return {.size = 2};
  if (byte == 0xe0) return {.size = 3, .low = 0xa0};
  if (byte == 0xed) return {.size = 3, .high = 0x9f};
  if (byte < 0xf0) return {.size = 3};
  if (byte == 0xf0) return {.size = 4, .low = 0x90};
  if (byte == 0xf4) return {.size = 4, .high = 0x8f};
  return byte < 0xf4 ? Lead{.size = 4} : Lead{};
}

bool follows(std::string_view bytes, const Lead& lead) {
  for (std::size_t i = 1; i < lead.size; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    const unsigned char low = i == 1 ? lead.low : 0x80;
    const unsigned char high = i == 1 ? lead.high : 0xbf;
    if (byte < low || byte > high) return false;
  }
  return true;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const Lead lead = lead_of(static_cast<unsigned char>(bytes.front()));
    if (lead.size == 0 || lead.size > bytes.size() || !follows(bytes, lead)) return false;
    bytes.remove_prefix(lead.size);
  }
  return true;
}

}  // namespace leat
