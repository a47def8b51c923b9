#include "monitoring/snapshot_board.h"

#include <utility>

namespace leat::monitoring {

void SnapshotBoard::post(wire::Status status, Instant now) {
  std::optional<Snapshot> next = Snapshot{std::move(status), now};
  const std::lock_guard guard(lock_);
  last_.swap(next);
}

std::optional<Snapshot> SnapshotBoard::read() const {
  const std::lock_guard guard(lock_);
  return last_;
}

}  // namespace leat::monitoring
