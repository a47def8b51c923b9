#include "spec/values.h"

#include <array>

#include "spec/nearest.h"

namespace leat::spec {

namespace {

constexpr std::size_t kNameBytesMax = 64;

// Keys that docs/pipeline-spec.md announces.
constexpr std::array<std::string_view, 7> kPlannedKeys = {"sources",  "sinks", "joins", "routes",
                                                          "examples", "key",   "order"};

template <typename T>
Read<T> at(const YamlValue& yaml, Result<T> result) {
  if (!result) return fault(yaml.mark, std::move(result).error().message);
  return *std::move(result);
}

bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool contains(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

tl::unexpected<Fault> unexpected_value(const YamlValue& yaml, const std::string& expected) {
  return fault(yaml.mark, "found " + describe(yaml) + ", expected " + expected);
}

Read<std::string> read_text(const YamlValue& yaml, const std::string& expected) {
  if (yaml.kind != YamlValue::Kind::kScalar) return unexpected_value(yaml, expected);
  return yaml.text;
}

Read<std::string> read_argument(const YamlValue& yaml, const std::string& expected) {
  if (yaml.kind != YamlValue::Kind::kScalar) return unexpected_value(yaml, expected);
  if (yaml.text.find('\0') != std::string::npos) {
    return unexpected_value(yaml, "text without a zero byte, which no program can be given");
  }
  return yaml.text;
}

Read<std::string> read_name(const YamlValue& yaml) {
  const bool is_name = yaml.kind == YamlValue::Kind::kScalar && !yaml.text.empty() &&
                       yaml.text.size() <= kNameBytesMax &&
                       std::ranges::all_of(yaml.text, is_name_letter);
  if (!is_name) return unexpected_value(yaml, "a name of 1 to 64 letters a-z, digits and '-'");
  return yaml.text;
}

Read<std::uint64_t> read_count(const YamlValue& yaml, Range<std::uint64_t> range) {
  const std::string expected =
      "a whole number from " + std::to_string(range.min) + " to " + std::to_string(range.max);
  if (yaml.kind != YamlValue::Kind::kScalar) return unexpected_value(yaml, expected);
  if (yaml.is_quoted) return unexpected_value(yaml, expected + " without quotes");
  return at(yaml, parse_count(yaml.text, range));
}

Read<Duration> read_duration(const YamlValue& yaml, Range<Duration> range) {
  if (yaml.kind != YamlValue::Kind::kScalar) {
    return unexpected_value(yaml, "a duration, such as 30s");
  }
  return at(yaml, parse_duration(yaml.text, range));
}

Read<std::uint64_t> read_size(const YamlValue& yaml, Range<std::uint64_t> range) {
  if (yaml.kind != YamlValue::Kind::kScalar) return unexpected_value(yaml, "a size, such as 64MiB");
  return at(yaml, parse_size(yaml.text, range));
}

Read<bool> read_truth(const YamlValue& yaml) {
  const bool is_truth = yaml.kind == YamlValue::Kind::kScalar && !yaml.is_quoted &&
                        (yaml.text == "true" || yaml.text == "false");
  if (!is_truth) return unexpected_value(yaml, "true or false");
  return yaml.text == "true";
}

Read<std::size_t> read_word(const YamlValue& yaml, std::span<const std::string_view> words,
                            std::span<const std::string_view> planned) {
  if (yaml.kind != YamlValue::Kind::kScalar) return unexpected_value(yaml, enumeration(words));
  const auto word = std::ranges::find(words, yaml.text);
  if (word != words.end()) return static_cast<std::size_t>(word - words.begin());
  if (contains(planned, yaml.text)) {
    return fault(yaml.mark, "found " + quoted(yaml.text) + ", which is not built yet, expected " +
                                enumeration(words));
  }
  return unexpected_value(yaml, enumeration(words) + suggestion(yaml.text, words));
}

std::string enumeration(std::span<const std::string_view> words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> known) {
  const auto near = nearest(word, known);
  return near ? "; did you mean '" + std::string(*near) + "'?" : "";
}

tl::unexpected<Fault> unknown_key(const YamlValue::Entry& entry, std::string_view what,
                                  std::span<const std::string_view> known) {
  const std::string key = quoted(entry.key);
  const std::string expected = ", expected in " + std::string(what) + ": " + enumeration(known);
  if (contains(kPlannedKeys, entry.key)) {
    return fault(entry.key_mark, "found the key " + key + ", which is not built yet" + expected);
  }
  return fault(entry.key_mark,
               "found the unknown key " + key + expected + suggestion(entry.key, known));
}

}  // namespace leat::spec
