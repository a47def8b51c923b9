#include "broker/session.h"

#include <algorithm>
#include <utility>

#include "core/ensure.h"

namespace leat::broker {

namespace {

constexpr std::size_t kDeliveryBytes = std::size_t{1} << 20;
constexpr std::size_t kDeliveryRuns = 256;
constexpr std::size_t kDeadLettersPerDelivery = 64;

std::size_t cost(const wire::DeadLetter& letter) {
  return letter.records.bytes() + letter.failure.stderr_tail.size() + letter.failure.reason.size();
}

}  // namespace

Session::Session(Opening opening, const spec::Pipeline& pipeline, const spec::Plan& plan,
                 Instant now)
    : opening_(std::move(opening)),
      plan_(plan),
      record_bytes_max_(pipeline.limits.record_bytes_max),
      flow_(pipeline, plan),
      last_heard_(now) {}

Result<void> Session::resume(const wire::OpenSession& message, const std::string& peer,
                             Instant now) {
  const bool is_repeated = message.epoch == opening_.epoch && peer == opening_.peer;
  if (message.epoch <= opening_.epoch && !is_repeated) {
    return failure(Errc::kUnavailable, "producer '" + opening_.producer + "' is open with epoch " +
                                           std::to_string(opening_.epoch) +
                                           "; a later client has taken it over, or the name is "
                                           "in use");
  }
  if (message.taken > delivery_count_) {
    return failure(Errc::kInvalidArgument, "producer '" + opening_.producer +
                                               "' says that it has " +
                                               std::to_string(message.taken) + " deliveries, of " +
                                               std::to_string(delivery_count_) + " made");
  }
  opening_.epoch = message.epoch;
  opening_.peer = peer;
  taken(message.taken, now);
  return {};
}

Result<void> Session::submit(const wire::Submit& message, Instant now) {
  heard(now);
  const bool is_next = message.sequence == flow_.next_sequence() && !flow_.has_end();
  const bool has_credit = submitted_bytes_ < bytes_max_;
  if (!is_next || !has_credit || message.records.count == 0) return {};
  for (std::uint32_t i = 0; i < message.records.count; ++i) {
    if (message.records.length(i) <= record_bytes_max_) continue;
    return failure(Errc::kLimitExceeded, "record " + std::to_string(message.sequence + i) +
                                             " has " + std::to_string(message.records.length(i)) +
                                             " bytes, and limits.record_bytes is " +
                                             std::to_string(record_bytes_max_));
  }
  submitted_bytes_ += message.records.bytes();
  flow_.submit(message.records, now);
  Records sizes = message.records;
  sizes.blob = {};
  submissions_.push_back({message.sequence, std::move(sizes)});
  return {};
}

Result<void> Session::end(const wire::EndOfInput& message, Instant now) {
  heard(now);
  if (flow_.has_end()) return {};
  if (message.total < flow_.next_sequence()) {
    return failure(Errc::kInvalidArgument,
                   "the input cannot end at " + std::to_string(message.total) + ": " +
                       std::to_string(flow_.next_sequence()) + " records are in");
  }
  if (message.total == flow_.next_sequence()) flow_.end(now);
  return {};
}

void Session::taken(std::uint64_t delivery, Instant now) {
  heard(now);
  Ledger& sink = flow_.ledger(plan_.sink());
  while (!deliveries_.empty() && deliveries_.front().delivery.number <= delivery) {
    const Untaken& done = deliveries_.front();
    Batch nothing;
    for (const Range& range : done.ranges) {
      ENSURE(sink.is_open(range));
      nothing.runs.push_back({range.first, range.count, 0});
    }
    (void)flow_.commit(plan_.sink(), nothing, now);
    untaken_bytes_ -= done.bytes;
    dead_letter_bytes_ -= done.dead_letter_bytes;
    deliveries_.pop_front();
  }
}

void Session::add_dead_letter(wire::DeadLetter letter) {
  dead_letter_bytes_ += cost(letter);
  dead_letters_.push_back(std::move(letter));
}

void Session::fill_from_sink(Untaken& made) {
  std::vector<Records> parts;
  std::size_t bytes = 0;
  const LeaseKey key{.number = made.delivery.number};
  while (bytes < kDeliveryBytes && made.ranges.size() < kDeliveryRuns) {
    const auto ready = flow_.next_ready(plan_.sink());
    if (!ready) break;
    // One separator per delivery: another kind waits for the next.
    const Records& records = ready->entry->records;
    if (!parts.empty() && records.separator != parts.front().separator) break;
    const std::uint32_t n = records.fit(kDeliveryBytes - bytes);
    const Position first = ready->first;
    parts.push_back(flow_.ledger(plan_.sink()).lease(first, n, key));
    bytes += parts.back().bytes();
    made.ranges.push_back({first, n});
    made.delivery.outputs.runs.push_back({first, n, n});
  }
  made.bytes += bytes;
  made.delivery.outputs.records = join(parts);
}

std::optional<wire::Delivery> Session::next_delivery(Stages stages) {
  if (is_last_made_ || (untaken_bytes_ >= share_ && !deliveries_.empty())) return std::nullopt;
  Untaken made;
  made.delivery.producer = opening_.id;
  made.delivery.epoch = opening_.epoch;
  made.delivery.number = delivery_count_ + 1;
  made.delivery.outputs.producer = opening_.id;
  fill_from_sink(made);
  const std::size_t letters = std::min(dead_letters_.size(), kDeadLettersPerDelivery);
  for (std::size_t i = 0; i < letters; ++i) {
    made.dead_letter_bytes += cost(dead_letters_[i]);
    made.delivery.dead_letters.push_back(std::move(dead_letters_[i]));
  }
  dead_letters_.erase(dead_letters_.begin(),
                      dead_letters_.begin() + static_cast<std::ptrdiff_t>(letters));
  made.bytes += made.dead_letter_bytes;
  made.delivery.dropped = std::exchange(dropped_, 0);
  made.delivery.is_last = stages == Stages::kUp && flow_.has_all_arrived(plan_.sink()) &&
                          dead_letters_.empty() && flow_.ledger(plan_.sink()).waiting_count() == 0;
  const bool is_worth_it =
      !made.ranges.empty() || letters > 0 || made.delivery.dropped > 0 || made.delivery.is_last;
  if (!is_worth_it) return std::nullopt;
  is_last_made_ = made.delivery.is_last;
  ++delivery_count_;
  untaken_bytes_ += made.bytes;
  deliveries_.push_back(std::move(made));
  return deliveries_.back().delivery;
}

std::vector<wire::Delivery> Session::untaken() const {
  std::vector<wire::Delivery> again;
  for (const Untaken& made : deliveries_) {
    again.push_back(made.delivery);
    again.back().epoch = opening_.epoch;
  }
  return again;
}

void Session::count_settled() {
  const std::uint64_t settled = flow_.settled_count();
  while (!submissions_.empty() && submissions_.front().first < settled) {
    Submission& oldest = submissions_.front();
    const std::uint64_t count = std::min<std::uint64_t>(oldest.sizes.count, settled - oldest.first);
    for (; oldest.settled < count; ++oldest.settled) {
      // As Records::bytes() counts them.
      settled_bytes_ += 4 + oldest.sizes.length(oldest.settled) + oldest.sizes.separator.size();
    }
    if (oldest.settled < oldest.sizes.count) return;
    submissions_.pop_front();
  }
}

bool Session::update_credit(std::size_t share) {
  share_ = share;
  count_settled();
  const std::uint64_t bytes_max = std::max(bytes_max_, settled_bytes_ + share);
  // Worth a message in steps of a quarter, or when the client has nothing left.
  const bool is_worth_it = bytes_max >= bytes_max_ + std::max<std::uint64_t>(share / 4, 1) ||
                           (submitted_bytes_ >= bytes_max_ && bytes_max > bytes_max_);
  if (is_worth_it) bytes_max_ = bytes_max;
  return is_worth_it;
}

wire::SessionState Session::state() const {
  return {.producer = opening_.id,
          .epoch = opening_.epoch,
          .next_sequence = flow_.next_sequence(),
          .bytes_max = bytes_max_,
          .has_end = flow_.has_end(),
          .deliveries = delivery_count_};
}

}  // namespace leat::broker
