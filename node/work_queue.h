// WorkQueue holds the records that an inlet was given and that no tool has now, in the framing of
// the tool, in order. Replicas take from it, and put back what they could not finish.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/batch.h"
#include "core/time.h"

namespace leat::node {

// Records of one lease, consecutive; the unit in which work moves inside a node.
struct Portion {
  std::uint64_t epoch = 0;
  std::uint64_t lease = 0;
  Batch batch;                   // Runs one for one; blob as the tool reads it.
  std::uint32_t attempts = 0;    // Failed so far; then it is one record.
  bool is_suspect = false;       // One of these may have ended a tool: each is tried alone.
  bool is_unterminated = false;  // One record, without terminator: end-of-file follows it.
  Instant not_before;            // Waits for its next attempt until then.
  bool wants_stderr = false;     // Its result is to have what the tool said.

  // The first n records, and the rest. REQUIRES: 0 < n < count.
  [[nodiscard]] Portion take_front(std::uint32_t n);

  [[nodiscard]] std::uint32_t count() const { return batch.records.count; }
};

class WorkQueue {
 public:
  // Where a record lies in a lease.
  struct Place {
    std::uint64_t epoch = 0;
    std::uint64_t lease = 0;
    Position origin;
  };

  // How much a replica takes at most.
  struct Room {
    std::uint32_t records = 0;
    std::size_t bytes = 0;
    // Only of this one, when set. When not, none whose session wants what the tool says join
    // others.
    std::optional<ProducerId> producer;
    std::optional<Place> next;    // Only what is there, when set.
    bool is_empty_handed = true;  // Nothing uncommitted is in the tool.
  };

  // `is_ordered`: what waits for another attempt holds back what is behind it.
  explicit WorkQueue(bool is_ordered) : is_ordered_(is_ordered) {}

  void push_back(Portion portion);
  void push_front(Portion portion);

  // The next records that fit into the room: a suspect or an unterminated record only alone and
  // with empty hands, and a record larger than the room only with empty hands.
  [[nodiscard]] std::optional<Portion> take(const Room& room, Instant now);

  // Whether take() with empty hands would give something now.
  [[nodiscard]] bool has_work(Instant now) const;

  // The culprit is known: whoever has not failed himself is innocent.
  void clear_suspicion();

  // The tool gave more or fewer answers than it had records. Where that happens once, a dropped
  // answer and a doubled one may make up for each other: for the next kCaution records, twice as
  // many each time, every record is alone in the tool.
  static constexpr std::uint64_t kCaution = 10'000;
  void begin_caution();

  [[nodiscard]] bool is_cautious() const { return caution_left_ > 0; }

  void note_answers(std::uint64_t records) { caution_left_ -= std::min(caution_left_, records); }

  // Drops what belongs to other epochs.
  void keep_epoch(std::uint64_t epoch);

  [[nodiscard]] std::optional<Instant> next_deadline(Instant now) const;

  [[nodiscard]] bool is_empty() const { return portions_.empty(); }

 private:
  [[nodiscard]] std::deque<Portion>::iterator find_eligible(Instant now);
  [[nodiscard]] static bool may_join(const Portion& portion, const Room& room);

  bool is_ordered_;
  std::uint64_t caution_left_ = 0;  // Records.
  std::uint64_t caution_next_ = kCaution;
  std::deque<Portion> portions_;
};

}  // namespace leat::node
