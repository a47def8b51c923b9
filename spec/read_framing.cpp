#include "spec/read_framing.h"

#include <array>

#include "framing/pattern.h"
#include "spec/values.h"

namespace leat::spec {

namespace {

using framing::Framing;
using framing::Kind;

constexpr std::size_t kSeparatorBytesMax = 256;
constexpr std::string_view kFramings =
    R"(lines, blank-line, netstring, length32, json, whole, {lines: N}, {until: PATTERN} or {separator: "\0"})";

struct Word {
  std::string_view word;
  Kind kind;
};

constexpr std::array<Word, 6> kWordFramings = {{{"lines", Kind::kLines},
                                                {"blank-line", Kind::kBlankLine},
                                                {"netstring", Kind::kNetstring},
                                                {"length32", Kind::kLength32},
                                                {"json", Kind::kJson},
                                                {"whole", Kind::kWhole}}};

Read<void> read_lines(const YamlValue& yaml, Framing& framing) {
  framing.kind = Kind::kLines;
  return store(framing.lines, read_count(yaml, {1, framing::kLinesMax}));
}

Read<void> read_until(const YamlValue& yaml, Framing& framing) {
  framing.kind = Kind::kUntil;
  return store(framing.pattern,
               read_pattern(yaml, "a pattern; where every line ends a record: lines"));
}

// Escapes work in double quotes only: a plain \0 is a backslash and a zero.
Read<void> read_separator(const YamlValue& yaml, Framing& framing) {
  const auto bytes = read_text(yaml, R"(1 to 256 bytes, such as "\0")");
  if (!bytes) return tl::unexpected(bytes.error());
  if (bytes->empty() || bytes->size() > kSeparatorBytesMax) {
    return unexpected_value(yaml, R"(1 to 256 bytes, such as "\0")");
  }
  if (!yaml.is_quoted && bytes->find('\\') != std::string::npos) {
    return unexpected_value(yaml, "escapes in double quotes: \"" + *bytes + "\"");
  }
  framing.kind = Kind::kSeparator;
  framing.separator = *bytes;
  return {};
}

constexpr std::array<Key<Framing>, 3> kFramingKeys = {
    {{"lines", read_lines}, {"until", read_until}, {"separator", read_separator}}};

Read<Framing> read_framing_map(const YamlValue& yaml) {
  Framing framing;
  const auto read = read_map<Framing>(yaml, "a framing", kFramingKeys, framing);
  if (!read) return tl::unexpected(read.error());
  if (yaml.entries.size() != 1) {
    return fault(yaml.mark, "found " + std::to_string(yaml.entries.size()) +
                                " keys in a framing, expected one: lines, until or separator");
  }
  return framing;
}

}  // namespace

Read<std::string> read_pattern(const YamlValue& yaml, std::string_view instead) {
  auto pattern = read_text(yaml, "a pattern in RE2 syntax");
  if (!pattern) return pattern;
  if (pattern->empty()) return unexpected_value(yaml, std::string(instead));
  const framing::Pattern compiled(*pattern);
  if (!compiled.is_good()) return unexpected_value(yaml, "RE2 syntax: " + compiled.error());
  return pattern;
}

Read<Framing> read_framing(const YamlValue& yaml) {
  if (yaml.kind == YamlValue::Kind::kMap) return read_framing_map(yaml);
  std::vector<std::string_view> known = {"until", "separator"};
  for (const Word& framing : kWordFramings) {
    known.push_back(framing.word);
    if (yaml.kind != YamlValue::Kind::kScalar || yaml.text != framing.word) continue;
    return Framing{.kind = framing.kind, .pattern = {}, .separator = {}};
  }
  return unexpected_value(yaml, std::string(kFramings) + suggestion(yaml.text, known));
}

}  // namespace leat::spec
