#include "node/work_queue.h"

#include <algorithm>
#include <utility>

#include "core/ensure.h"

namespace leat::node {

Portion Portion::take_front(std::uint32_t n) {
  ENSURE(n > 0 && n < count());
  Portion front = *this;
  front.batch.runs = origins_of(batch.runs, 0, n);
  front.batch.records = batch.records.slice(0, n);
  batch.runs = origins_of(batch.runs, n, count() - n);
  batch.records = batch.records.slice(n, count() - n);
  return front;
}

void WorkQueue::push_back(Portion portion) {
  portions_.push_back(std::move(portion));
}

void WorkQueue::push_front(Portion portion) {
  portions_.push_front(std::move(portion));
}

std::deque<Portion>::iterator WorkQueue::find_eligible(Instant now) {
  const auto found = std::find_if(portions_.begin(), portions_.end(),
                                  [now](const Portion& p) { return p.not_before <= now; });
  return is_ordered_ && found != portions_.begin() ? portions_.end() : found;
}

bool WorkQueue::has_work(Instant now) const {
  if (portions_.empty()) return false;
  if (is_ordered_) return portions_.front().not_before <= now;
  return std::any_of(portions_.begin(), portions_.end(),
                     [now](const Portion& p) { return p.not_before <= now; });
}

bool WorkQueue::may_join(const Portion& portion, const Room& room) {
  if (portion.is_suspect || portion.is_unterminated) return false;
  if (room.producer && portion.batch.producer != *room.producer) return false;
  if (!room.producer && portion.wants_stderr) return false;
  if (!room.next) return true;
  return portion.epoch == room.next->epoch && portion.lease == room.next->lease &&
         portion.batch.runs.front().first == room.next->origin;
}

std::optional<Portion> WorkQueue::take(const Room& room, Instant now) {
  const auto at = find_eligible(now);
  if (at == portions_.end() || room.records == 0) return std::nullopt;
  if (!room.is_empty_handed && !may_join(*at, room)) return std::nullopt;
  std::uint32_t n = at->is_suspect ? 1 : std::min(room.records, at->batch.records.fit(room.bytes));
  n = std::min(n, at->count());
  if (!room.is_empty_handed && at->batch.records.blob_bytes(n) > room.bytes) return std::nullopt;
  if (n < at->count()) return at->take_front(n);
  Portion whole = std::move(*at);
  portions_.erase(at);
  return whole;
}

void WorkQueue::clear_suspicion() {
  for (Portion& portion : portions_) {
    if (portion.attempts == 0) portion.is_suspect = false;
  }
}

void WorkQueue::begin_caution() {
  if (!is_cautious()) caution_next_ = std::min(caution_next_ * 2, kCaution << 20);
  caution_left_ = caution_next_ / 2;
}

void WorkQueue::keep_epoch(std::uint64_t epoch) {
  std::erase_if(portions_, [epoch](const Portion& portion) { return portion.epoch != epoch; });
}

std::optional<Instant> WorkQueue::next_deadline(Instant now) const {
  std::optional<Instant> next;
  for (const Portion& portion : portions_) {
    if (portion.not_before > now && (!next || portion.not_before < *next)) {
      next = portion.not_before;
    }
    if (is_ordered_) break;
  }
  return next;
}

}  // namespace leat::node
