// Conduct is what a segment's tool did lately, as far as it tells whether a failure is the record's
// or the stage's.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wire/messages.h"

namespace leat::broker {

// A failure that waits to be charged: nothing is, while the stage may be the one that fails.
struct SetAside {
  wire::LeaseResult result;
  std::string node_name;
};

struct Conduct {
  static constexpr std::uint32_t kFailuresMax = 20;  // In a row: then it is the stage's.

  bool has_started = false;             // A replica, once.
  std::uint32_t failures_in_a_row = 0;  // Of different records, without a success between.
  std::vector<SetAside> set_aside;
  std::uint64_t set_aside_count = 0;   // Origins.
  std::optional<std::string> verdict;  // Why it is to be stopped everywhere; empty between steps.

  // Until it has a success each further failure is the stage's at once.
  [[nodiscard]] bool is_suspect() const { return failures_in_a_row >= kFailuresMax; }
};

}  // namespace leat::broker
