// SnapshotBoard is where the broker's loop leaves its status, once a second, and where the HTTP
// server's thread reads it: so that a scrape never reaches into the broker, nor waits for it. It
// holds the last status only.
//
// Any thread may call anything. The lock is held for a move or a copy, never while text is made.

#pragma once

#include <mutex>
#include <optional>

#include "core/time.h"
#include "wire/messages.h"

namespace leat::monitoring {

struct Snapshot {
  wire::Status status;
  Instant posted_at;
};

class SnapshotBoard {
 public:
  void post(wire::Status status, Instant now);

  // None before the first post().
  [[nodiscard]] std::optional<Snapshot> read() const;

 private:
  mutable std::mutex lock_;  // Guards last_.
  std::optional<Snapshot> last_;
};

}  // namespace leat::monitoring
