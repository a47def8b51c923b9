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

constexpr std::array<Key<Prelude>, 3> kPreludeKeys = {
    {{"records", [](const YamlValue& yaml,
                    Prelude& p) { return store(p.records, read_count(yaml, {1, kRecordsMax})); }},
     {"until", read_until},
     {"keep",
      [](const YamlValue& yaml, Prelude& p) { return store(p.is_kept, read_truth(yaml)); }}}};

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
  const bool has_records = yaml.find("records") != nullptr;
  if (has_records == (yaml.find("until") != nullptr)) {
    return fault(yaml.mark, std::string("found ") + (has_records ? "both" : "none") +
                                " of records and until in prelude, expected one: {records: N} or "
                                "{until: PATTERN}");
  }
  stage.prelude = prelude;
  return {};
}

Read<void> check_prelude(const YamlValue& yaml, const Stage& stage) {
  if (!stage.prelude || !stage.prelude->is_kept || stage.prelude->until.empty()) return {};
  const framing::Framing& output = stage.output;
  if (output.kind == framing::Kind::kLines && output.lines == 1) return {};
  return fault(yaml.find("prelude")->value.find("keep")->value.mark,
               "found keep beside until in a stage whose output is " + framing::to_string(output) +
                   ", expected {records: N}, output: lines, or keep: false: what is kept are "
                   "records of the output framing");
}

}  // namespace leat::spec
