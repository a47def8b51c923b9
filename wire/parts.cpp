#include "wire/parts.h"

#include <algorithm>

namespace leat::wire {

void append(std::vector<NumberRange>& ranges, std::uint64_t number) {
  const bool follows = !ranges.empty() && ranges.back().first + ranges.back().count == number;
  if (follows) {
    ++ranges.back().count;
  } else {
    ranges.push_back({number, 1});
  }
}

void append(Said& said, std::string_view text, std::size_t most) {
  const std::size_t room = most - std::min(most, said.text.size());
  // What came behind a gap would seem to follow what was before it.
  const std::size_t taken = said.bytes_left_out > 0 ? 0 : std::min(room, text.size());
  said.text.append(text.substr(0, taken));
  said.bytes_left_out += text.size() - taken;
}

void shorten(Said& said, std::size_t most) {
  if (said.text.size() <= most) return;
  said.bytes_left_out += said.text.size() - most;
  said.text.resize(most);
}

const char* name_of(FailureKind kind) {
  switch (kind) {
    case FailureKind::kExit:
      return "exit";
    case FailureKind::kSignal:
      return "signal";
    case FailureKind::kTimeout:
      return "timeout";
    case FailureKind::kMismatch:
      return "mismatch";
    case FailureKind::kFraming:
      return "framing";
    case FailureKind::kOversize:
      return "oversize";
    case FailureKind::kNodeLost:
      return "node-lost";
    case FailureKind::kTool:
      return "tool";
  }
  return "unknown";
}

}  // namespace leat::wire
