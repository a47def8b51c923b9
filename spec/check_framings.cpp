#include "spec/check_framings.h"

#include <string>
#include <string_view>

namespace leat::spec {

namespace {

bool is_whole(const framing::Framing& framing) {
  return framing.kind == framing::Kind::kWhole;
}

// Of the stage's own framing, or of its name where that is the pipeline's.
Mark place_of(const YamlValue& yaml, std::string_view key, Mark name) {
  const YamlValue::Entry* const entry = yaml.find(key);
  return entry == nullptr ? name : entry->value.mark;
}

tl::unexpected<Fault> without_end(Mark mark, const std::string& stream) {
  return fault(mark,
               "found whole as the " + stream +
                   " of a tool that is kept alive, whose streams do not end, expected another "
                   "framing, or mode: window and window: {records: 1}");
}

}  // namespace

Read<void> check_framings(const YamlValue& yaml, const Stage& stage, Mark name) {
  // There a record lies in a string of JSON or in a frame, and needs no end.
  if (stage.langpack || stage.mode == Mode::kTagged) return {};
  const Mark input = place_of(yaml, "input", name);
  if (stage.mode != Mode::kWindow) {
    if (is_whole(stage.input)) return without_end(input, "input");
    if (is_whole(stage.output)) return without_end(place_of(yaml, "output", name), "output");
    return {};
  }
  const bool is_one = stage.window.all || stage.window.records == 1;
  if (is_whole(stage.input) && !is_one) {
    return fault(input,
                 "found whole as the input of a tool whose window may have several records, which "
                 "would be one, expected another framing, or window: {records: 1}");
  }
  return {};
}

}  // namespace leat::spec
