// Typed values out of the tree, each with its place when it is wrong, and maps by tables of keys.

#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/time.h"
#include "spec/scalars.h"
#include "spec/yaml_tree.h"

namespace leat::spec {

// "found <the value>, expected <expected>", at the value's place.
[[nodiscard]] tl::unexpected<Fault> unexpected_value(const YamlValue& yaml,
                                                     const std::string& expected);

// A scalar's text; `expected` says what else would have been refused.
[[nodiscard]] Read<std::string> read_text(const YamlValue& yaml, const std::string& expected);

// A scalar's text, for the operating system: without NUL.
[[nodiscard]] Read<std::string> read_argument(const YamlValue& yaml, const std::string& expected);

// 1 to 64 of a-z, 0-9 and '-'.
[[nodiscard]] Read<std::string> read_name(const YamlValue& yaml);

[[nodiscard]] Read<std::uint64_t> read_count(const YamlValue& yaml, Range<std::uint64_t> range);
[[nodiscard]] Read<Duration> read_duration(const YamlValue& yaml, Range<Duration> range);
[[nodiscard]] Read<std::uint64_t> read_size(const YamlValue& yaml, Range<std::uint64_t> range);

// true or false.
[[nodiscard]] Read<bool> read_truth(const YamlValue& yaml);

// Index of the scalar's text among `words`; `planned` words are told to be not built yet.
[[nodiscard]] Read<std::size_t> read_word(const YamlValue& yaml,
                                          std::span<const std::string_view> words,
                                          std::span<const std::string_view> planned = {});

// "a, b or c".
[[nodiscard]] std::string enumeration(std::span<const std::string_view> words);

// "; did you mean 'x'?" when a known word is near, else nothing.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     std::span<const std::string_view> known);

// How a key that the tables do not have is refused: planned ones as not built yet.
[[nodiscard]] tl::unexpected<Fault> unknown_key(const YamlValue::Entry& entry,
                                                std::string_view what,
                                                std::span<const std::string_view> known);

// Keeps a value that was read; hands on its fault.
template <typename T, typename U>
[[nodiscard]] Read<void> store(T& into, Read<U> value) {
  if (!value) return tl::unexpected<Fault>(std::move(value).error());
  if constexpr (std::is_integral_v<U>) {
    into = static_cast<T>(*value);
  } else {
    into = *std::move(value);
  }
  return {};
}

// One key of a map and what its value does to the target.
template <typename Target>
struct Key {
  std::string_view word;
  Read<void> (*read)(const YamlValue& value, Target& target);
};

// Reads a map whose keys are all in the table, in the text's order. `what` names the map: "a
// stage".
template <typename Target>
[[nodiscard]] Read<void> read_map(const YamlValue& yaml, std::string_view what,
                                  std::span<const Key<Target>> keys, Target& target) {
  std::vector<std::string_view> known;
  for (const Key<Target>& key : keys) {
    known.push_back(key.word);
  }
  if (yaml.kind != YamlValue::Kind::kMap) {
    return unexpected_value(yaml, std::string(what) + ": a map of " + enumeration(known));
  }
  for (const YamlValue::Entry& entry : yaml.entries) {
    const auto at = std::ranges::find(known, entry.key) - known.begin();
    if (at == std::ssize(known)) return unknown_key(entry, what, known);
    if (auto read = keys[static_cast<std::size_t>(at)].read(entry.value, target); !read) {
      return read;
    }
  }
  return {};
}

}  // namespace leat::spec
