#include "wire/parts.h"

namespace leat::wire {

void append(std::vector<NumberRange>& ranges, std::uint64_t number) {
  const bool follows = !ranges.empty() && ranges.back().first + ranges.back().count == number;
  if (follows) {
    ++ranges.back().count;
  } else {
    ranges.push_back({number, 1});
  }
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
