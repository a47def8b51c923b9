#include "spec/read_prelude.h"

#include <array>

#include "framing/pattern.h"
#include "spec/values.h"

namespace leat::spec {

namespace {

constexpr std::uint64_t kRecordsMax = 1000;

Read<void> read_until(const YamlValue& yaml, Prelude& prelude) {
  const auto pattern = read_text(yaml, "a pattern in RE2 syntax");
  if (!pattern) return tl::unexpected(pattern.error());
  const framing::Pattern compiled(*pattern);
  if (pattern->empty()) return unexpected_value(yaml, "a pattern that its last line matches");
  if (!compiled.is_good()) return unexpected_value(yaml, "RE2 syntax: " + compiled.error());
  prelude = {.records = 1, .until = *pattern};
  return {};
}

constexpr std::array<Key<Prelude>, 2> kPreludeKeys = {
    {{"records", [](const YamlValue& yaml,
                    Prelude& p) { return store(p.records, read_count(yaml, {1, kRecordsMax})); }},
     {"until", read_until}}};

}  // namespace

Read<void> read_prelude(const YamlValue& yaml, Stage& stage) {
  Prelude prelude;
  if (auto read = read_map<Prelude>(yaml, "prelude", kPreludeKeys, prelude); !read) return read;
  if (yaml.entries.size() != 1) {
    return fault(yaml.mark, "found " + std::to_string(yaml.entries.size()) +
                                " keys in prelude, expected one: {records: N} or {until: PATTERN}");
  }
  stage.prelude = prelude;
  return {};
}

}  // namespace leat::spec
