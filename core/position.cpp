#include "core/position.h"

#include <algorithm>

#include "core/ensure.h"

namespace leat {

Position Position::child(std::uint64_t k) const {
  std::vector<std::uint64_t> above = above_;
  above.push_back(last_);
  return {std::move(above), k};
}

std::optional<Position> Position::parent() const {
  if (above_.empty()) return std::nullopt;
  std::vector<std::uint64_t> above = above_;
  const std::uint64_t last = above.back();
  above.pop_back();
  return Position{std::move(above), last};
}

std::strong_ordering operator<=>(const Position& a, const Position& b) {
  const std::size_t levels = std::min(a.depth(), b.depth());
  for (std::size_t i = 0; i < levels; ++i) {
    if (a.level(i) != b.level(i)) return a.level(i) <=> b.level(i);
  }
  return a.depth() <=> b.depth();
}

std::string to_string(const Position& position) {
  std::string text;
  for (const std::uint64_t number : position.above()) {
    text += std::to_string(number) + '.';
  }
  return text + std::to_string(position.last());
}

}  // namespace leat
