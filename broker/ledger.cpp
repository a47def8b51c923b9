#include "broker/ledger.h"

#include <algorithm>
#include <iterator>

#include "core/ensure.h"

namespace leat::broker {

namespace {

// Entries that lie side by side become one up to this size, so that records which come one by one
// do not cost an entry each. To copy more would cost more than it saves.
constexpr std::size_t kJoinBytesMax = 4096;

}  // namespace

bool Ledger::extend(const Position& first, const Records& records) {
  auto before = open_.lower_bound(first);
  if (before == open_.begin()) return false;
  --before;
  Entry& entry = before->second;
  const bool is_next = before->first.is_sibling(first) &&
                       before->first.last() + entry.count == first.last() &&
                       entry.count == entry.records.count;
  const bool is_alike = entry.state == State::kWaiting && entry.kills == 0 &&
                        entry.records.separator == records.separator &&
                        entry.records.attributes.empty() && records.attributes.empty();
  if (!is_next || !is_alike) return false;
  if (entry.records.bytes() + records.bytes() > kJoinBytesMax) return false;
  entry.records = join({entry.records, records});
  entry.count += records.count;
  return true;
}

void Ledger::add(const Position& first, Records records, Instant now) {
  const std::uint32_t count = records.count;
  if (count == 0) return;
  bytes_ += records.bytes();
  open_count_ += count;
  waiting_count_ += count;
  if (extend(first, records)) return;
  const bool added =
      open_.emplace(first, Entry{.count = count, .records = std::move(records), .since = now})
          .second;
  ENSURE(added);
  waiting_.insert(first);
}

void Ledger::add_end(const Position& end, Instant now) {
  open_.emplace(end, Entry{.count = 1, .since = now});
  waiting_.insert(end);
  ++open_count_;
  ++waiting_count_;
}

Ledger::Entries::const_iterator Ledger::entry_at(const Position& position) const {
  auto at = open_.upper_bound(position);
  if (at == open_.begin()) return open_.end();
  --at;
  const bool holds =
      at->first.is_sibling(position) && position.last() - at->first.last() < at->second.count;
  return holds ? at : open_.end();
}

bool Ledger::is_open(const Range& range) const {
  Position at = range.first;
  std::uint64_t left = range.count;
  auto entry = entry_at(at);
  while (left > 0) {
    if (entry == open_.end() || !entry->first.is_sibling(at)) return false;
    const std::uint64_t skip = at.last() - entry->first.last();
    if (at.last() < entry->first.last() || skip >= entry->second.count) return false;
    const std::uint64_t here = std::min<std::uint64_t>(left, entry->second.count - skip);
    left -= here;
    at = at.plus(here);
    ++entry;
  }
  return true;
}

bool Ledger::is_any_set_aside(const Range& range) const {
  const Position end = range.first.plus(range.count);
  for (auto at = entry_at(range.first); at != open_.end() && at->first < end; ++at) {
    if (at->second.is_set_aside()) return true;
  }
  return false;
}

bool Ledger::is_any_open_under(const Position& position) const {
  if (entry_at(position) != open_.end()) return true;
  const auto next = open_.lower_bound(position);
  return next != open_.end() && next->first < position.plus(1);
}

std::pair<std::uint64_t, std::uint64_t> Ledger::closed_part(const Position& first,
                                                            std::uint64_t count) const {
  std::uint64_t skip = 0;
  while (skip < count) {
    const Position at = first.plus(skip);
    if (const auto entry = entry_at(at); entry != open_.end()) {
      skip = entry->first.last() + entry->second.count - first.last();
      continue;
    }
    const auto next = open_.lower_bound(at);
    if (next == open_.end() || next->first >= first.plus(count)) return {skip, count - skip};
    // The sibling that is, or whose child is, open next.
    const std::size_t level = first.above().size();
    const std::uint64_t sibling =
        next->first.is_sibling(first) ? next->first.last() : next->first.above()[level];
    if (sibling > at.last()) return {skip, sibling - at.last()};
    ++skip;
  }
  return {std::min(skip, count), 0};
}

std::optional<std::pair<Position, const Ledger::Entry*>> Ledger::first_waiting() const {
  if (waiting_.empty()) return std::nullopt;
  const auto entry = open_.find(*waiting_.begin());
  ENSURE(entry != open_.end());
  return std::pair{entry->first, &entry->second};
}

std::optional<Position> Ledger::first_movable() const {
  const auto found = std::find_if(open_.begin(), open_.end(), [](const auto& entry) {
    return entry.second.state != State::kWindowed && !entry.second.is_set_aside();
  });
  if (found == open_.end()) return std::nullopt;
  return found->first;
}

void Ledger::set_state(Entries::iterator entry, State state) {
  if (entry->second.state == State::kWaiting) waiting_.erase(entry->first);
  if (entry->second.state != State::kLeased) waiting_count_ -= entry->second.count;
  entry->second.state = state;
  if (state == State::kWaiting) waiting_.insert(entry->first);
  if (state != State::kLeased) waiting_count_ += entry->second.count;
}

Ledger::Entries::iterator Ledger::split_at(const Position& position) {
  auto at = std::prev(open_.upper_bound(position));
  const auto n = static_cast<std::uint32_t>(position.last() - at->first.last());
  ENSURE(at->first.is_sibling(position) && n < at->second.count);
  if (n == 0) return at;
  Entry tail = at->second;
  tail.count -= n;
  tail.records = at->second.records.slice(n, tail.count);
  at->second.records = at->second.records.slice(0, n);
  at->second.count = n;
  const bool waits = tail.state == State::kWaiting;
  const auto made = open_.emplace(position, std::move(tail)).first;
  if (waits) waiting_.insert(position);
  return made;
}

Ledger::Entries::iterator Ledger::isolate(const Range& range) {
  const auto first = split_at(range.first);
  const Position end = range.first.plus(range.count);
  if (entry_at(end) != open_.end()) split_at(end);
  return first;
}

Records Ledger::hold_for_window(const Position& first, std::uint32_t n) {
  const auto entry = isolate({first, n});
  ENSURE(entry->second.count == n && entry->second.state == State::kWaiting);
  set_state(entry, State::kWindowed);
  return entry->second.records;
}

Records Ledger::lease(const Position& first, std::uint32_t n, const LeaseKey& key) {
  const auto entry = isolate({first, n});
  ENSURE(entry->second.count == n && entry->second.state == State::kWaiting);
  set_state(entry, State::kLeased);
  entry->second.lease = key;
  return entry->second.records;
}

void Ledger::lease_window(const Range& range, const LeaseKey& key) {
  const Position end = range.first.plus(range.count);
  for (auto entry = isolate(range); entry != open_.end() && entry->first < end; ++entry) {
    ENSURE(entry->second.state == State::kWindowed);
    set_state(entry, State::kLeased);
    entry->second.lease = key;
  }
}

void Ledger::return_window(const Range& range, const LeaseKey& key) {
  const Position end = range.first.plus(range.count);
  for (auto entry = open_.lower_bound(range.first); entry != open_.end() && entry->first < end;
       ++entry) {
    if (entry->second.state != State::kLeased || entry->second.lease != key) continue;
    set_state(entry, State::kWindowed);
  }
}

std::uint32_t Ledger::give_back(const Range& range, const LeaseKey& key, Cause cause) {
  std::uint32_t given = 0;
  const Position end = range.first.plus(range.count);
  if (entry_at(range.first) != open_.end()) split_at(range.first);
  if (entry_at(end) != open_.end()) split_at(end);
  for (auto entry = open_.lower_bound(range.first); entry != open_.end() && entry->first < end;
       ++entry) {
    if (entry->second.state != State::kLeased || entry->second.lease != key) continue;
    set_state(entry, State::kWaiting);
    if (cause == Cause::kNodeLost) ++entry->second.kills;
    given += entry->second.count;
  }
  return given;
}

std::map<LeaseKey, std::uint32_t> Ledger::set_aside(const Range& range) {
  std::map<LeaseKey, std::uint32_t> holders;
  const Position end = range.first.plus(range.count);
  for (auto entry = isolate(range); entry != open_.end() && entry->first < end; ++entry) {
    if (entry->second.state == State::kLeased) holders[entry->second.lease] += entry->second.count;
    set_state(entry, State::kLeased);
    entry->second.lease = {};
  }
  return holders;
}

std::map<LeaseKey, std::uint32_t> Ledger::close(const Range& range) {
  std::map<LeaseKey, std::uint32_t> holders;
  const Position end = range.first.plus(range.count);
  std::uint64_t closed = 0;
  auto entry = isolate(range);
  while (entry != open_.end() && entry->first < end) {
    if (entry->second.state == State::kLeased) holders[entry->second.lease] += entry->second.count;
    set_state(entry, State::kLeased);  // Out of the queue's count.
    bytes_ -= entry->second.records.bytes();
    open_count_ -= entry->second.count;
    closed += entry->second.count;
    entry = open_.erase(entry);
  }
  ENSURE(closed == range.count);
  return holders;
}

std::vector<Records> Ledger::records_of(const Range& range) const {
  std::vector<Records> parts;
  const std::uint64_t end = range.first.last() + range.count;
  for (auto entry = entry_at(range.first);
       entry != open_.end() && entry->first.is_sibling(range.first) && entry->first.last() < end;
       ++entry) {
    const std::uint64_t from = std::max(entry->first.last(), range.first.last());
    const std::uint64_t to = std::min(entry->first.last() + entry->second.count, end);
    if (entry->second.records.count == 0) continue;
    parts.push_back(
        entry->second.records.slice(static_cast<std::uint32_t>(from - entry->first.last()),
                                    static_cast<std::uint32_t>(to - from)));
  }
  return parts;
}

std::vector<Range> Ledger::alike(const Range& range) const {
  std::vector<Range> parts;
  Position at = range.first;
  std::uint32_t left = range.count;
  const std::string* separator = nullptr;
  while (left > 0) {
    const auto entry = entry_at(at);
    ENSURE(entry != open_.end());
    const std::uint64_t behind = entry->second.count - (at.last() - entry->first.last());
    const auto here = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, behind));
    const bool is_other = separator == nullptr || *separator != entry->second.records.separator;
    if (is_other) parts.push_back({at, 0});
    separator = &entry->second.records.separator;
    parts.back().count += here;
    at = at.plus(here);
    left -= here;
  }
  return parts;
}

const Ledger::Entry& Ledger::entry_of(const Position& position) const {
  const auto entry = entry_at(position);
  ENSURE(entry != open_.end());
  return entry->second;
}

}  // namespace leat::broker
