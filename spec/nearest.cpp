#include "spec/nearest.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace leat::spec {

namespace {

using Row = std::vector<std::size_t>;

// Edits from a prefix of `a` to a prefix of `b`, by rows of `a`: the last row and the two before.
class EditTable {
 public:
  EditTable(std::string_view a, std::string_view b) : a_(a), b_(b), row_(b.size() + 1) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      row_[j] = j;
    }
  }

  std::size_t distance() {
    for (std::size_t i = 1; i <= a_.size(); ++i) {
      add_row(i);
    }
    return row_.back();
  }

 private:
  void add_row(std::size_t i) {
    Row next(b_.size() + 1, i);
    for (std::size_t j = 1; j <= b_.size(); ++j) {
      const std::size_t replaced = row_[j - 1] + (a_[i - 1] == b_[j - 1] ? 0 : 1);
      next[j] = std::min({row_[j] + 1, next[j - 1] + 1, replaced});
      if (is_swap(i, j)) next[j] = std::min(next[j], row_before_[j - 2] + 1);
    }
    row_before_ = std::exchange(row_, std::move(next));
  }

  [[nodiscard]] bool is_swap(std::size_t i, std::size_t j) const {
    return i > 1 && j > 1 && a_[i - 1] == b_[j - 2] && a_[i - 2] == b_[j - 1];
  }

  std::string_view a_;
  std::string_view b_;
  Row row_;
  Row row_before_;
};

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> known) {
  std::optional<std::string_view> best;
  std::size_t best_edits = 0;
  for (const std::string_view candidate : known) {
    const std::size_t edits_max = candidate.size() / 3;
    if (word.size() > candidate.size() + edits_max) continue;
    const std::size_t edits = EditTable(word, candidate).distance();
    if (edits > edits_max || (best && edits >= best_edits)) continue;
    best = candidate;
    best_edits = edits;
  }
  return best;
}

}  // namespace leat::spec
