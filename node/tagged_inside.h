// TaggedInside knows the records that a tool of mode `tagged` was given and has not answered, each
// by the id that its frame has. It takes answers in any order.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/time.h"
#include "node/work_queue.h"

namespace leat::node {

class TaggedInside {
 public:
  // Where an answered record belongs, and what was said of it.
  struct Place {
    std::uint64_t epoch = 0;
    std::uint64_t lease = 0;
    ProducerId producer;
    Position origin;
    std::vector<Attribute> attributes;  // Of this record; `first` and `count` mean nothing.
  };

  // Those that wait longest.
  struct Oldest {
    std::uint64_t id = 0;
    Position origin;
    Instant since;            // It was given.
    std::uint64_t ahead = 0;  // Records inside then, itself included.
  };

  // The id of its first record; the others' follow.
  std::uint64_t add(Portion portion, Instant now);

  [[nodiscard]] bool has(std::uint64_t id) const { return find(id).has_value(); }

  // It has its answer. REQUIRES: has(id).
  [[nodiscard]] Place answer(std::uint64_t id);

  // It goes, without one. REQUIRES: has(id).
  [[nodiscard]] Portion take(std::uint64_t id);

  // All that are left, in the order in which they were given.
  [[nodiscard]] std::vector<Portion> take_all();

  [[nodiscard]] std::uint64_t count() const { return count_; }

  [[nodiscard]] bool is_empty() const { return count_ == 0; }

  // Whether there is one that may have ended a tool; it is alone then.
  [[nodiscard]] bool has_suspect() const {
    return count_ == 1 && pieces_.front().portion.is_suspect;
  }

  // One of the portions; nullptr when there is none.
  [[nodiscard]] const Portion* front() const {
    return pieces_.empty() ? nullptr : &pieces_.front().portion;
  }

  // REQUIRES: !is_empty().
  [[nodiscard]] Oldest oldest() const;

 private:
  // Consecutive ids. The first piece has one that waits.
  struct Piece {
    std::uint64_t first = 0;
    Portion portion;
    std::vector<bool> is_answered;
    std::uint64_t next = 0;  // The first that waits, while any does.
    std::uint64_t left = 0;
    Instant since;
    std::uint64_t ahead = 0;  // Inside when it came, itself included.
  };

  // The place of its piece, if it waits.
  [[nodiscard]] std::optional<std::size_t> find(std::uint64_t id) const;
  [[nodiscard]] Piece& piece_of(std::uint64_t id);
  void close(Piece& piece, std::uint64_t index);
  static void take_waiting(Piece& piece, std::vector<Portion>& portions);

  std::deque<Piece> pieces_;
  std::uint64_t next_id_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace leat::node
