#include "core/coverage.h"

#include <algorithm>
#include <compare>
#include <iterator>
#include <optional>

namespace leat {

bool Coverage::ByFamily::operator()(const Position& a, const Position& b) const {
  const std::strong_ordering families = a.above() <=> b.above();
  return families == 0 ? a.last() < b.last() : families < 0;
}

void Coverage::insert(const Position& first, std::uint64_t count) {
  if (count == 0 || covered_from(first, count) == count) return;
  const auto next = ranges_.upper_bound(first);
  const auto before = next == ranges_.begin() ? ranges_.end() : std::prev(next);
  const bool touches = before != ranges_.end() && before->first.is_sibling(first) &&
                       before->first.last() + before->second >= first.last();
  const auto range = touches ? before : ranges_.emplace_hint(next, first, count);
  const std::uint64_t end = std::max(range->first.last() + range->second, first.last() + count);
  range->second = end - range->first.last();
  absorb_followers(range);
  forget_children(range);
}

void Coverage::absorb_followers(Ranges::iterator range) {
  std::uint64_t end = range->first.last() + range->second;
  auto next = std::next(range);
  while (next != ranges_.end() && next->first.is_sibling(range->first) &&
         next->first.last() <= end) {
    end = std::max(end, next->first.last() + next->second);
    next = ranges_.erase(next);
  }
  range->second = end - range->first.last();
}

void Coverage::forget_children(Ranges::const_iterator range) {
  if (std::next(range) == ranges_.end()) return;  // Children come after all siblings.
  const auto eldest = ranges_.lower_bound(range->first.child(0));
  if (eldest == ranges_.end()) return;
  ranges_.erase(eldest, ranges_.lower_bound(range->first.plus(range->second).child(0)));
}

std::uint64_t Coverage::row_from(const Position& position) const {
  const auto next = ranges_.upper_bound(position);
  if (next == ranges_.begin()) return 0;
  const auto range = std::prev(next);
  if (!range->first.is_sibling(position)) return 0;
  const std::uint64_t end = range->first.last() + range->second;
  return end > position.last() ? end - position.last() : 0;
}

bool Coverage::covers(const Position& position) const {
  if (row_from(position) > 0) return true;
  const std::optional<Position> parent = position.parent();
  return parent && covers(*parent);
}

bool Coverage::covers_all_before(const Position& position) const {
  std::optional<Position> at = position;
  while (at) {
    const std::uint64_t before = at->last();
    const Position eldest{at->above(), 0};
    if (before > 0 && covered_from(eldest, before) < before) return false;
    at = at->parent();
  }
  return true;
}

std::uint64_t Coverage::covered_from(const Position& first, std::uint64_t count) const {
  const std::optional<Position> parent = first.parent();
  if (parent && covers(*parent)) return count;
  return std::min(count, row_from(first));
}

std::uint64_t Coverage::uncovered_from(const Position& first, std::uint64_t count) const {
  if (row_from(first) > 0) return 0;
  const auto next = ranges_.upper_bound(first);
  if (next == ranges_.end() || !next->first.is_sibling(first)) return count;
  return std::min(count, next->first.last() - first.last());
}

}  // namespace leat
