// Ledger holds the records of one producer that are open at one place of the pipeline: each has
// come, and has no outcome yet. It waits, or it is leased. Purely a container; Flow decides.
//
// Invariants:
//  (1) An origin is in at most one entry, and no open origin descends from another open one.
//  (2) waiting() lists exactly the entries without a lease that no window holds.
//  (3) bytes() is the sum over the entries.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/batch.h"
#include "core/ids.h"
#include "core/position.h"
#include "core/time.h"

namespace leat::broker {

// A lease as the broker names it.
struct LeaseKey {
  SegmentId segment;
  NodeId node;
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;
  auto operator<=>(const LeaseKey&) const = default;
};

// `count` siblings from `first` on.
struct Range {
  Position first;
  std::uint32_t count = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

class Ledger {
 public:
  enum class State { kWaiting, kWindowed, kLeased };

  struct Entry {
    std::uint32_t count = 0;  // Origins; the records' count, but for a producer's end (0 records).
    Records records;
    State state = State::kWaiting;
    LeaseKey lease;           // Where state is kLeased.
    std::uint32_t kills = 0;  // Nodes that were lost while they had it.
    Instant since;            // When it came.

    [[nodiscard]] bool is_set_aside() const {
      return state == State::kLeased && lease == LeaseKey{};
    }
  };

  // Adds waiting records, `count` siblings from `first` on. REQUIRES: none is open here.
  void add(const Position& first, Records records, Instant now);

  // Adds the producer's end, an origin without a record, waiting.
  void add_end(const Position& end, Instant now);

  // Whether all the siblings are open here, themselves.
  [[nodiscard]] bool is_open(const Range& range) const;

  // Whether one of the siblings is set aside. REQUIRES: is_open(range).
  [[nodiscard]] bool is_any_set_aside(const Range& range) const;

  // Whether the origin or a child of it is open here.
  [[nodiscard]] bool is_any_open_under(const Position& position) const;

  // The first siblings in the range that are not open, nor have open children: (how many to skip,
  // how many there are).
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> closed_part(const Position& first,
                                                                    std::uint64_t count) const;

  // The first entry that waits; its key and itself.
  [[nodiscard]] std::optional<std::pair<Position, const Entry*>> first_waiting() const;

  // When the first open origin came: seldom not the oldest.
  [[nodiscard]] std::optional<Instant> oldest() const {
    return open_.empty() ? std::nullopt : std::optional(open_.begin()->second.since);
  }

  // The first open origin that no window holds and that is not set aside.
  [[nodiscard]] std::optional<Position> first_movable() const;

  // Takes the first n records of the waiting entry at `first` out of the queue, for a window or for
  // a lease. REQUIRES: the entry waits and has that many.
  Records hold_for_window(const Position& first, std::uint32_t n);
  Records lease(const Position& first, std::uint32_t n, const LeaseKey& key);

  // Marks what a window holds as leased, and back.
  void lease_window(const Range& range, const LeaseKey& key);
  void return_window(const Range& range, const LeaseKey& key);

  // Puts what of the range is held by this lease back into the queue; how many origins that were.
  // After `killed` the count of lost nodes of each goes up.
  enum class Cause { kReturned, kNodeLost };
  std::uint32_t give_back(const Range& range, const LeaseKey& key, Cause cause);

  // Takes the range from the leases that have it, and keeps it from the queue; which leases had how
  // many origins of it. REQUIRES: is_open(range).
  std::map<LeaseKey, std::uint32_t> set_aside(const Range& range);

  // Removes the range; which leases held how many origins of it. REQUIRES: is_open(range).
  std::map<LeaseKey, std::uint32_t> close(const Range& range);

  // The open records of a range, in order, for a dead letter. REQUIRES: is_open(range).
  [[nodiscard]] std::vector<Records> records_of(const Range& range) const;

  // The range in parts, each of records with one separator. REQUIRES: is_open(range).
  [[nodiscard]] std::vector<Range> alike(const Range& range) const;

  // The entry that has this origin. REQUIRES: it is open.
  [[nodiscard]] const Entry& entry_of(const Position& position) const;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  [[nodiscard]] std::uint64_t waiting_count() const { return waiting_count_; }

  [[nodiscard]] std::uint64_t open_count() const { return open_count_; }

  [[nodiscard]] bool is_empty() const { return open_.empty(); }

  [[nodiscard]] std::size_t entry_count() const { return open_.size(); }

 private:
  using Entries = std::map<Position, Entry>;

  // Adds the records to the entry before them, if they lie side by side and both are small.
  bool extend(const Position& first, const Records& records);
  // Makes an entry begin at `position`, which must be open; the entry.
  Entries::iterator split_at(const Position& position);
  // Makes entries begin and end with the range.
  Entries::iterator isolate(const Range& range);
  void set_state(Entries::iterator entry, State state);
  [[nodiscard]] Entries::const_iterator entry_at(const Position& position) const;

  Entries open_;
  std::set<Position> waiting_;
  std::size_t bytes_ = 0;
  std::uint64_t waiting_count_ = 0;  // Origins that wait or that a window holds.
  std::uint64_t open_count_ = 0;
};

}  // namespace leat::broker
