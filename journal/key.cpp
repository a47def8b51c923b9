#include "journal/key.h"

#include <cstddef>

namespace leat::journal {

namespace {

constexpr std::size_t kNumberBytes = 8;
constexpr char kEscape = '\0';
constexpr char kZero = '\xFF';  // Behind kEscape: a byte 00 of the text.
constexpr char kEnd = '\x01';   // Behind kEscape: the text is over.

}  // namespace

KeyWriter& KeyWriter::number(std::uint64_t number) {
  for (std::size_t i = 0; i < kNumberBytes; ++i) {
    key_ += static_cast<char>(number >> (8 * (kNumberBytes - 1 - i)));
  }
  return *this;
}

KeyWriter& KeyWriter::text(std::string_view text) {
  for (const char byte : text) {
    key_ += byte;
    if (byte == kEscape) key_ += kZero;
  }
  key_ += kEscape;
  key_ += kEnd;
  return *this;
}

std::optional<std::uint64_t> KeyReader::number() {
  if (rest_.size() < kNumberBytes) return std::nullopt;
  std::uint64_t number = 0;
  for (const char byte : rest_.substr(0, kNumberBytes)) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  rest_.remove_prefix(kNumberBytes);
  return number;
}

std::optional<std::string> KeyReader::text() {
  std::string text;
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    text += rest_[i];
    if (rest_[i] != kEscape) continue;
    const char what = ++i < rest_.size() ? rest_[i] : kEscape;
    if (what == kEnd) {
      text.pop_back();
      rest_.remove_prefix(i + 1);
      return text;
    }
    if (what != kZero) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::string> end_of_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xFF') {
    end.pop_back();
  }
  if (end.empty()) return std::nullopt;
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace leat::journal
