#include "node/tagged_inside.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/ensure.h"

namespace leat::node {

std::uint64_t TaggedInside::add(Portion portion, Instant now) {
  Piece piece;
  piece.first = next_id_;
  piece.left = portion.count();
  piece.is_answered.resize(portion.count());
  piece.since = now;
  next_id_ += portion.count();
  count_ += portion.count();
  piece.ahead = count_;
  piece.portion = std::move(portion);
  pieces_.push_back(std::move(piece));
  return pieces_.back().first;
}

std::optional<std::size_t> TaggedInside::find(std::uint64_t id) const {
  const auto after = std::upper_bound(
      pieces_.begin(), pieces_.end(), id,
      [](std::uint64_t wanted, const Piece& piece) { return wanted < piece.first; });
  if (after == pieces_.begin()) return std::nullopt;
  const Piece& piece = *std::prev(after);
  const std::uint64_t index = id - piece.first;
  if (index >= piece.is_answered.size() || piece.is_answered[index]) return std::nullopt;
  return static_cast<std::size_t>(std::prev(after) - pieces_.begin());
}

TaggedInside::Piece& TaggedInside::piece_of(std::uint64_t id) {
  const std::optional<std::size_t> at = find(id);
  ENSURE(at);
  return pieces_[*at];
}

void TaggedInside::close(Piece& piece, std::uint64_t index) {
  piece.is_answered[index] = true;
  --piece.left;
  --count_;
  while (piece.left > 0 && piece.is_answered[piece.next]) {
    ++piece.next;
  }
  while (!pieces_.empty() && pieces_.front().left == 0) {
    pieces_.pop_front();
  }
}

TaggedInside::Place TaggedInside::answer(std::uint64_t id) {
  Piece& piece = piece_of(id);
  const auto index = static_cast<std::uint32_t>(id - piece.first);
  const Portion& portion = piece.portion;
  Place place{portion.epoch,
              portion.lease,
              portion.batch.producer,
              origins_of(portion.batch.runs, index, 1).front().first,
              {}};
  for (const Attribute& attribute : portion.batch.records.attributes) {
    const bool is_its = index >= attribute.first && index - attribute.first < attribute.count;
    if (is_its) place.attributes.push_back(attribute);
  }
  close(piece, index);
  return place;
}

Portion TaggedInside::take(std::uint64_t id) {
  Piece& piece = piece_of(id);
  const auto index = static_cast<std::uint32_t>(id - piece.first);
  Portion rest = piece.portion;
  if (index > 0) (void)rest.take_front(index);
  Portion one = rest.count() > 1 ? rest.take_front(1) : std::move(rest);
  close(piece, index);
  return one;
}

void TaggedInside::take_waiting(Piece& piece, std::vector<Portion>& portions) {
  const auto& answered = piece.is_answered;
  for (auto at = answered.begin(); at != answered.end();) {
    const bool waits = !*at;
    const auto end = std::find(at, answered.end(), waits);
    const auto count = static_cast<std::uint32_t>(end - at);
    Portion part =
        end == answered.end() ? std::move(piece.portion) : piece.portion.take_front(count);
    if (waits) portions.push_back(std::move(part));
    at = end;
  }
}

std::vector<Portion> TaggedInside::take_all() {
  std::vector<Portion> portions;
  for (Piece& piece : pieces_) {
    take_waiting(piece, portions);
  }
  pieces_.clear();
  count_ = 0;
  return portions;
}

TaggedInside::Oldest TaggedInside::oldest() const {
  ENSURE(!is_empty());
  const Piece& piece = pieces_.front();
  const auto index = static_cast<std::uint32_t>(piece.next);
  return {piece.first + index, origins_of(piece.portion.batch.runs, index, 1).front().first,
          piece.since, piece.ahead};
}

}  // namespace leat::node
