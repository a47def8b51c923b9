// Keys of the journal, made of numbers and texts so that their bytewise order is the order of the
// parts: first by the first part, and so on; a key that ends earlier comes first.
//
//   number   8 bytes, big-endian
//   text     its bytes, each 00 as 00 FF, then 00 01; any bytes, any length
//
// A key is read by the parts that it was made of; it does not tell of itself which they are.
// Reading is total: any bytes at all give the parts or nothing. Pure values.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace leat::journal {

class KeyWriter {
 public:
  KeyWriter& number(std::uint64_t number);
  KeyWriter& text(std::string_view text);

  [[nodiscard]] std::string take() { return std::exchange(key_, {}); }

 private:
  std::string key_;
};

class KeyReader {
 public:
  // `key` outlives the reader.
  explicit KeyReader(std::string_view key) : rest_(key) {}

  // The next part; nothing when the rest does not begin with one, and then the rest stays.
  [[nodiscard]] std::optional<std::uint64_t> number();
  [[nodiscard]] std::optional<std::string> text();

  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;  // Not read yet.
};

// The first key behind all that begin with `prefix`; nothing when no such key exists (the prefix is
// empty, or FF throughout).
[[nodiscard]] std::optional<std::string> end_of_prefix(std::string_view prefix);

}  // namespace leat::journal
