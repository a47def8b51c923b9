// Coverage is a set of origins of one producer: those that are settled at a place of the pipeline.
// A covered origin covers all its children. Neighbouring ranges are joined, so that the set of a
// stream without gaps is one entry, however long the stream.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "core/position.h"

namespace leat {

class Coverage {
 public:
  // Adds `count` siblings from `first` on, and forgets what is known of their children.
  // REQUIRES here and below: first.last() + count fits into 64 bits.
  void insert(const Position& first, std::uint64_t count);

  // Whether the origin itself, or one that it descends from, is in the set.
  [[nodiscard]] bool covers(const Position& position) const;

  // Whether every origin that orders before `position`, except those it descends from, is in.
  [[nodiscard]] bool covers_all_before(const Position& position) const;

  // Of `count` siblings from `first` on: how many in a row, from the first, are in the set.
  [[nodiscard]] std::uint64_t covered_from(const Position& first, std::uint64_t count) const;

  // Of `count` siblings from `first` on: how many in a row, from the first, are not in the set.
  // REQUIRES: no ancestor is in the set.
  [[nodiscard]] std::uint64_t uncovered_from(const Position& first, std::uint64_t count) const;

  [[nodiscard]] std::size_t range_count() const { return ranges_.size(); }

 private:
  // Siblings lie next to each other, and the children of siblings do, so that no question walks
  // past ranges that it does not concern.
  struct ByFamily {
    bool operator()(const Position& a, const Position& b) const;
  };

  // First sibling -> how many. Maximal, disjoint; none below an origin that is in the set.
  using Ranges = std::map<Position, std::uint64_t, ByFamily>;

  // How many siblings in a row, from this one, are in the set themselves.
  [[nodiscard]] std::uint64_t row_from(const Position& position) const;

  // Joins [range, ...) with the siblings' ranges that it reaches.
  void absorb_followers(Ranges::iterator range);

  void forget_children(Ranges::const_iterator range);

  Ranges ranges_;
};

}  // namespace leat
