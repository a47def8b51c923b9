// History is what a filter was given by processes that were ended to prove it. The next process is
// given it again, and what it prints for that is dropped: so a tool with state across records, such
// as line numbers, goes on as if it had been one process from the beginning.

#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "core/bytes.h"

namespace leat::node {

class History {
 public:
  // A tool that has read more without a word is not told it again.
  static constexpr std::size_t kBytesMax = std::size_t{4} << 20;

  // `is_kept`: of a stage with several replicas no process has all records anyway.
  explicit History(bool is_kept) : is_open_(is_kept) {}

  // The process was given this.
  void note(const Bytes& bytes) {
    if (is_open_) since_.push_back(bytes);
  }

  // It was ended, and its output counts.
  void keep() {
    for (Bytes& bytes : std::exchange(since_, {})) {
      bytes_ += bytes.size();
      pieces_.push_back(std::move(bytes));
    }
    if (bytes_ <= kBytesMax) return;
    close();
    is_lost_ = true;
  }

  // It grew too long.
  [[nodiscard]] bool is_lost() const { return is_lost_; }

  // What it was given since then is given again by other means, if at all.
  void forget() { since_.clear(); }

  // Its process lives on, or cannot be followed.
  void close() {
    is_open_ = false;
    pieces_.clear();
    since_.clear();
  }

  [[nodiscard]] const std::vector<Bytes>& pieces() const { return pieces_; }

 private:
  bool is_open_;
  bool is_lost_ = false;
  std::size_t bytes_ = 0;  // Of pieces_.
  std::vector<Bytes> pieces_;
  std::vector<Bytes> since_;  // Not counted yet.
};

}  // namespace leat::node
