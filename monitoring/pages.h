// Pages is what the HTTP server shows. The functions are called in the server's thread, one at a
// time, for as long as the server lives.

#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "core/time.h"
#include "monitoring/snapshot_board.h"

namespace leat::monitoring {

struct Pages {
  std::function<std::string()> metrics;  // GET /metrics: Prometheus's text format.
  // GET /readyz: one sentence that says why the process cannot do its work, or nothing when it can.
  std::function<std::string()> trouble;
};

// The broker posts each second; when its loop has been silent for so long, it hangs.
inline constexpr Duration kStatusAgeMax = std::chrono::seconds(5);

// A broker's: its last posted status, and whether that is fresh. `board` must outlive them.
[[nodiscard]] Pages pages_of(const SnapshotBoard& board, const std::string& version);

}  // namespace leat::monitoring
