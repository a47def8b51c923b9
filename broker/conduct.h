// Conduct is what a segment's tool did lately, as far as it tells whether a failure is the record's
// or the stage's.

#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
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

  bool has_started = false;                // A replica, once.
  std::uint32_t failures_in_a_row = 0;     // Of different records, without a success between.
  bool is_suspect = false;                 // It was stopped for them, and has had no success since.
  std::uint32_t allowance = kFailuresMax;  // So many stop it.
  std::vector<SetAside> set_aside;
  std::uint64_t set_aside_count = 0;   // Origins.
  std::optional<std::string> verdict;  // Why it is to be stopped everywhere; empty between steps.

  // It is stopped. When it is tried again one failure is enough, then two, four and so on: to know
  // that it fails still costs little, and a bad record that comes first does not bar the way.
  void stop(std::string reason) {
    verdict = std::move(reason);
    allowance = is_suspect ? std::min(2 * allowance, kFailuresMax) : 1;
    is_suspect = true;
    failures_in_a_row = 0;
  }

  void succeed() {
    has_started = true;
    is_suspect = false;
    allowance = kFailuresMax;
    failures_in_a_row = 0;
  }
};

}  // namespace leat::broker
