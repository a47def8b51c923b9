#include "spec/read_prelude.h"

#include <array>

#include "spec/read_framing.h"
#include "spec/values.h"

namespace leat::spec {

namespace {

constexpr std::uint64_t kRecordsMax = 1000;

Read<void> read_until(const YamlValue& yaml, Prelude& prelude) {
  prelude.records = 1;
  return store(prelude.until, read_pattern(yaml, "a pattern that its last line matches"));
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
