// YAML text to a tree of values with their places: the part of YAML that a spec needs. Total, in
// time and memory in proportion to the text. Refused, so that nothing can explode or be read in
// two ways: anchors and aliases, tags, a key given twice, keys that are no scalars, a second
// document, more than kValuesMax values, nesting beyond kDepthMax, text above kTextBytesMax, and
// bytes that are not UTF-8 text.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spec/fault.h"

namespace leat::spec {

inline constexpr std::size_t kTextBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kValuesMax = 10'000;
inline constexpr std::size_t kDepthMax = 16;

struct YamlValue {
  enum class Kind : std::uint8_t { kNothing, kScalar, kList, kMap };
  struct Entry;

  Kind kind = Kind::kNothing;
  Mark mark;  // Of its begin; of its key where nothing follows that.
  bool is_quoted = false;
  std::string text;              // Scalar: as written, quotes and escapes resolved; any bytes.
  std::vector<YamlValue> items;  // List.
  std::vector<Entry> entries;    // Map: in the text's order, no key twice.

  // The entry of this key; null when there is none.
  [[nodiscard]] const Entry* find(std::string_view key) const;
};

struct YamlValue::Entry {
  std::string key;
  Mark key_mark;
  YamlValue value;
};

// A value as messages name it: "'2'", "'2' in quotes" is never needed, "a list", "a map",
// "nothing".
[[nodiscard]] std::string describe(const YamlValue& yaml);

// Text from outside in a message: in single quotes, on one line, shortened when long.
[[nodiscard]] std::string quoted(std::string_view text);

[[nodiscard]] Read<YamlValue> read_yaml(std::string_view text);

// The place of byte `at` of the text.
[[nodiscard]] Mark mark_at(std::string_view text, std::size_t at);

}  // namespace leat::spec
