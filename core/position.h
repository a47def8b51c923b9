// Position names one origin of a producer: its sequence number and, for every tool on the way that
// printed several records for one, the index k among them: (sequence), (sequence, k), ...
//
// Positions order as the records do: (7) < (7, 0) < (7, 1) < (8). The children of an origin lie
// between it and its successor.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace leat {

class Position {
 public:
  // How many levels a position may have: a bound for what comes from outside.
  static constexpr std::size_t kDepthMax = 16;

  Position() = default;

  explicit Position(std::uint64_t sequence) : last_(sequence) {}

  // REQUIRES: the levels above have at most kDepthMax - 1 numbers.
  Position(std::vector<std::uint64_t> above, std::uint64_t last)
      : above_(std::move(above)), last_(last) {}

  // Child k of this origin.
  [[nodiscard]] Position child(std::uint64_t k) const;

  // The origin that this one is a child of; none for a producer's own record.
  [[nodiscard]] std::optional<Position> parent() const;

  // The origin n places further on the same level.
  [[nodiscard]] Position plus(std::uint64_t n) const { return {above_, last_ + n}; }

  [[nodiscard]] const std::vector<std::uint64_t>& above() const { return above_; }

  [[nodiscard]] std::uint64_t last() const { return last_; }

  // The sequence number of the producer's record that this comes from.
  [[nodiscard]] std::uint64_t sequence() const { return above_.empty() ? last_ : above_.front(); }

  // Whether both are children of one origin (or both a producer's own records).
  [[nodiscard]] bool is_sibling(const Position& other) const { return above_ == other.above_; }

  friend bool operator==(const Position&, const Position&) = default;
  friend std::strong_ordering operator<=>(const Position& a, const Position& b);

 private:
  [[nodiscard]] std::size_t depth() const { return above_.size() + 1; }

  [[nodiscard]] std::uint64_t level(std::size_t i) const {
    return i < above_.size() ? above_[i] : last_;
  }

  std::vector<std::uint64_t> above_;  // Empty for a producer's own record, so usually no heap.
  std::uint64_t last_ = 0;
};

// "7" or "7.0.3".
[[nodiscard]] std::string to_string(const Position& position);

}  // namespace leat
