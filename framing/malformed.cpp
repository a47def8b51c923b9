#include "framing/malformed.h"

#include <array>
#include <cstdio>

namespace leat::framing {

namespace {

std::string byte_name(char byte) {
  const auto value = static_cast<unsigned>(static_cast<unsigned char>(byte));
  if (byte == '\n') return "a newline";
  if (byte == '\'') return "\"'\"";
  if (value >= 0x20 && value < 0x7f) return std::string("'") + byte + "'";
  std::array<char, 16> hex{};
  static_cast<void>(std::snprintf(hex.data(), hex.size(), "byte 0x%02x", value));
  return hex.data();
}

}  // namespace

std::string to_string(const Malformed& malformed) {
  return "at byte " + std::to_string(malformed.offset) + ": " + malformed.reason;
}

std::string unexpected_byte(char found, std::string_view expected) {
  return "found " + byte_name(found) + ", expected " + std::string(expected);
}

}  // namespace leat::framing
