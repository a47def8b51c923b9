#include "spec/read_opening.h"

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

constexpr std::string_view kReadyLine = "a pattern that a line matches when the tool is ready";

constexpr std::array<Key<Ready>, 3> kReadyKeys = {
    {{"stdout", [](const YamlValue& yaml,
                   Ready& r) { return store(r.on_stdout, read_pattern(yaml, kReadyLine)); }},
     {"stderr", [](const YamlValue& yaml,
                   Ready& r) { return store(r.on_stderr, read_pattern(yaml, kReadyLine)); }},
     {"timeout", [](const YamlValue& yaml, Ready& r) {
        return store(r.timeout,
                     read_duration(yaml, {std::chrono::milliseconds(1), std::chrono::hours(24)}));
      }}}};

}  // namespace

Read<void> read_ready(const YamlValue& yaml, Stage& stage) {
  Ready ready;
  if (auto read = read_map<Ready>(yaml, "ready", kReadyKeys, ready); !read) return read;
  if (ready.on_stdout.empty() == ready.on_stderr.empty()) {
    return fault(yaml.mark,
                 "found a ready line on neither or both streams, expected {stdout: PATTERN} or "
                 "{stderr: PATTERN}");
  }
  stage.ready = ready;
  return {};
}

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
