#include "broker/session.h"

#include <algorithm>
#include <utility>

#include "core/ensure.h"

namespace leat::broker {

namespace {

constexpr std::size_t kDeliveryBytes = std::size_t{1} << 20;
constexpr std::size_t kDeliveryRuns = 256;
constexpr std::size_t kDeadLettersPerDelivery = 64;

// What attributes may cost. They are not in the credit, so they grow with what is.
constexpr std::size_t kAttributeBytesMin = 128;
constexpr std::size_t kAttributeBytesPerByte = 16;

constexpr std::size_t kJoinedLengthsMax = 1024;

std::size_t cost(const std::vector<wire::StageSaid>& all) {
  std::size_t bytes = 0;
  for (const wire::StageSaid& one : all) {
    bytes += sizeof(one) + one.stage.size() + one.node.size() + one.said.text.size();
  }
  return bytes;
}

std::size_t attribute_bytes(const Records& records) {
  std::size_t bytes = 0;
  for (const Attribute& attribute : records.attributes) {
    bytes += sizeof(Attribute) + attribute.name.size() + attribute.value.size();
  }
  return bytes;
}

// With what the letter takes besides its bytes: itself, and a block of memory for each part.
constexpr std::size_t kLetterBytes = sizeof(wire::DeadLetter) + std::size_t{8} * 16;

std::size_t cost(const wire::DeadLetter& letter) {
  return kLetterBytes + letter.stage.size() + letter.node.size() + letter.records.bytes() +
         letter.failure.stderr_tail.size() + letter.failure.reason.size() +
         letter.failure.repeat.size();
}

}  // namespace

Session::Session(Opening opening, const spec::Pipeline& pipeline, const spec::Plan& plan,
                 Instant now)
    : opening_(std::move(opening)),
      pipeline_(pipeline),
      plan_(plan),
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
  if (message.taken > told_deliveries()) {
    return failure(Errc::kInvalidArgument, "producer '" + opening_.producer +
                                               "' says that it has " +
                                               std::to_string(message.taken) + " deliveries, of " +
                                               std::to_string(told_deliveries()) + " made");
  }
  if (message.use != opening_.use) {
    return failure(Errc::kInvalidArgument, "producer '" + opening_.producer +
                                               "' is open for another use: give this one another "
                                               "name");
  }
  if (is_cut_short_) {
    return failure(Errc::kUnavailable,
                   "producer '" + opening_.producer +
                       "' closed early, or was not heard for too long: its input ended after the " +
                       std::to_string(flow_.next_sequence()) +
                       " records that were accepted; send the others under another name");
  }
  opening_.epoch = message.epoch;
  opening_.peer = peer;
  is_detached_ = false;
  // The deliveries of one that only sends are its consumers'.
  if (only_sends()) {
    heard(now);
  } else {
    (void)taken(message.taken, now);
  }
  return {};
}

Result<void> Session::submit(const wire::Submit& message, Instant now) {
  heard(now);
  const bool is_next = message.sequence == flow_.next_sequence() && !flow_.has_end();
  const bool has_credit = submitted_bytes_ < bytes_max_;
  if (!is_next || !has_credit || message.records.count == 0) return {};
  const std::size_t attribute_bytes_max =
      kAttributeBytesMin + kAttributeBytesPerByte * message.records.bytes();
  if (attribute_bytes(message.records) > attribute_bytes_max) {
    return failure(Errc::kLimitExceeded,
                   "the attributes of the records from " + std::to_string(message.sequence) +
                       " on need more than " + std::to_string(attribute_bytes_max) +
                       " bytes, which is the limit for records of this size");
  }
  const std::size_t record_bytes_max = pipeline_.limits.record_bytes_max;
  for (std::uint32_t i = 0; i < message.records.count; ++i) {
    if (message.records.length(i) <= record_bytes_max) continue;
    return failure(Errc::kLimitExceeded, "record " + std::to_string(message.sequence + i) +
                                             " has " + std::to_string(message.records.length(i)) +
                                             " bytes, and limits.record_bytes is " +
                                             std::to_string(record_bytes_max));
  }
  submitted_bytes_ += message.records.bytes();
  flow_.submit(message.records, now);
  remember(message.sequence, message.records);
  return {};
}

void Session::remember(std::uint64_t sequence, const Records& records) {
  Records sizes;
  sizes.count = records.count;
  sizes.lengths = records.lengths;
  sizes.separator = records.separator;
  // Small ones that lie side by side are kept as one.
  const bool joins =
      !submissions_.empty() && submissions_.back().sizes.separator == sizes.separator &&
      submissions_.back().sizes.lengths.size() + sizes.lengths.size() <= kJoinedLengthsMax;
  if (joins) {
    submissions_.back().sizes = join({submissions_.back().sizes, sizes});
  } else {
    submissions_.push_back({sequence, std::move(sizes)});
  }
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

bool Session::taken(std::uint64_t delivery, Instant now) {
  heard(now);
  if (deliveries_.empty() || deliveries_.front().delivery.number > delivery) return false;
  for (Untaken& made : deliveries_) {
    if (made.delivery.number > delivery) break;
    made.is_taken = true;
  }
  forget_taken(now);
  return true;
}

void Session::taken_alone(std::uint64_t delivery, Instant now) {
  const auto made = std::find_if(
      deliveries_.begin(), deliveries_.end(),
      [delivery](const Untaken& untaken) { return untaken.delivery.number == delivery; });
  ENSURE(made != deliveries_.end());
  made->is_taken = true;
  forget_taken(now);
}

void Session::forget_taken(Instant now) {
  Ledger& sink = flow_.ledger(plan_.sink());
  while (!deliveries_.empty() && deliveries_.front().is_taken) {
    const Untaken& done = deliveries_.front();
    Batch nothing;
    for (const Range& range : done.ranges) {
      ENSURE(sink.is_open(range));
      nothing.runs.push_back({range.first, range.count, 0});
    }
    (void)flow_.commit(plan_.sink(), nothing, now);
    untaken_bytes_ -= done.bytes;
    dead_letter_bytes_ -= done.dead_letter_bytes;
    dead_letter_count_ -= done.delivery.dead_letters.size();
    said_bytes_ -= done.said_bytes;
    deliveries_.pop_front();
  }
}

void Session::detach(Instant now) {
  ENSURE(only_sends());
  is_detached_ = true;
  if (flow_.has_end()) return;
  is_cut_short_ = true;
  flow_.end(now);
}

void Session::add_dead_letter(wire::DeadLetter letter) {
  dead_letter_bytes_ += cost(letter);
  ++dead_letter_count_;
  dead_letters_.push_back(std::move(letter));
}

void Session::add_said(const std::string& stage, const std::string& node, const wire::Said& said) {
  if (!opening_.wants_stderr || said.is_empty()) return;
  const std::size_t before = cost(said_);
  const std::size_t held = said_bytes_;
  const bool is_full = held >= kSaidBytesMax;
  const bool goes_on = !said_.empty() && said_.back().said.bytes_left_out == 0 &&
                       said_.back().stage == stage && said_.back().node == node;
  // At the limit one entry counts for all, whoever spoke.
  if (!goes_on && (said_.empty() || !is_full)) said_.push_back({stage, node, {}});
  wire::Said& last = said_.back().said;
  const std::size_t room = kSaidBytesMax - std::min(kSaidBytesMax, held);
  wire::append(last, said.text, last.text.size() + room);
  last.bytes_left_out += said.bytes_left_out;
  said_bytes_ += cost(said_) - before;
}

void Session::fill_with_said(Untaken& made) {
  made.said_bytes = cost(said_);
  made.bytes += made.said_bytes;
  made.delivery.said = std::exchange(said_, {});
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

std::size_t Session::fill_with_dead_letters(Untaken& made) {
  std::size_t count = 0;
  while (count < std::min(dead_letters_.size(), kDeadLettersPerDelivery)) {
    const std::size_t bytes = made.dead_letter_bytes + cost(dead_letters_[count]);
    if (count > 0 && bytes > kDeliveryBytes) break;
    made.dead_letter_bytes = bytes;
    made.delivery.dead_letters.push_back(std::move(dead_letters_[count++]));
  }
  dead_letters_.erase(dead_letters_.begin(),
                      dead_letters_.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

std::optional<wire::Delivery> Session::next_delivery(Stages stages) {
  if (is_last_made_ || (untaken_bytes_ >= share_ && !deliveries_.empty())) return std::nullopt;
  Untaken made;
  made.delivery.producer = opening_.id;
  made.delivery.epoch = opening_.epoch;
  made.delivery.number = delivery_count_ + 1;
  if (only_sends()) made.delivery.from = opening_.producer;
  made.delivery.outputs.producer = opening_.id;
  fill_from_sink(made);
  const std::size_t letters = fill_with_dead_letters(made);
  made.bytes += made.dead_letter_bytes;
  fill_with_said(made);
  made.delivery.dropped = std::exchange(dropped_, 0);
  made.delivery.is_last = stages == Stages::kUp && flow_.has_all_arrived(plan_.sink()) &&
                          dead_letters_.empty() && flow_.ledger(plan_.sink()).waiting_count() == 0;
  const bool has_results = !made.ranges.empty() || letters > 0 || made.delivery.dropped > 0 ||
                           !made.delivery.said.empty();
  if (!has_results && !made.delivery.is_last) return std::nullopt;
  is_last_made_ = made.delivery.is_last;
  had_results_ = had_results_ || has_results;
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

void Session::count_idle() {
  const std::uint64_t idle = flow_.idle_count();
  while (!submissions_.empty() && submissions_.front().first < idle) {
    Submission& oldest = submissions_.front();
    const std::uint64_t count = std::min<std::uint64_t>(oldest.sizes.count, idle - oldest.first);
    for (; oldest.idle < count; ++oldest.idle) {
      // As Records::bytes() counts them.
      idle_bytes_ += 4 + oldest.sizes.length(oldest.idle) + oldest.sizes.separator.size();
    }
    if (oldest.idle < oldest.sizes.count) return;
    submissions_.pop_front();
  }
}

bool Session::update_credit(std::size_t share) {
  share_ = share;
  count_idle();
  const std::uint64_t bytes_max = std::max(bytes_max_, idle_bytes_ + share);
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
          .deliveries = told_deliveries()};
}

}  // namespace leat::broker
