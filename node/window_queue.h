// WindowQueue holds the windows that an inlet was given and that no process has now, in order.
// Replicas take from it, and put back what is to be tried again.

#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/batch.h"
#include "core/time.h"

namespace leat::node {

// One lease of a window stage.
struct WindowWork {
  std::uint64_t epoch = 0;
  std::uint64_t lease = 0;
  std::vector<Batch> slices;     // Blobs as the tool reads them.
  bool is_unterminated = false;  // The last record has no terminator.
  bool is_reframed = false;      // They lay otherwise in the lease.
  std::uint32_t attempts = 0;    // Failed so far.
  Instant not_before;            // Waits for its next attempt until then.
  bool wants_stderr = false;     // Its result is to have what the tool said.

  [[nodiscard]] std::uint64_t records() const {
    std::uint64_t records = 0;
    for (const Batch& slice : slices) {
      records += slice.records.count;
    }
    return records;
  }
};

class WindowQueue {
 public:
  // `is_ordered`: what waits for another attempt holds back what is behind it.
  explicit WindowQueue(bool is_ordered) : is_ordered_(is_ordered) {}

  void push_back(WindowWork work);

  // It is taken before the others, once its time has come.
  void push_front(WindowWork work);

  // The first whose time has come.
  [[nodiscard]] std::optional<WindowWork> take(Instant now);

  // When take() gives something, if nothing is added.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // Drops what belongs to other epochs.
  void keep_epoch(std::uint64_t epoch);

  [[nodiscard]] bool is_empty() const { return windows_.empty(); }

 private:
  bool is_ordered_;
  std::deque<WindowWork> windows_;
};

}  // namespace leat::node
