#include "broker/outlet.h"

#include <algorithm>

#include "core/ensure.h"

namespace leat::broker {

namespace {

std::size_t cost(const wire::Delivery& delivery) {
  std::size_t bytes = delivery.outputs.records.bytes();
  for (const wire::DeadLetter& letter : delivery.dead_letters) {
    bytes += letter.records.bytes() + letter.failure.stderr_tail.size();
  }
  return bytes;
}

}  // namespace

wire::SessionState Outlet::Consumer::state() const {
  return {.producer = opening_.id, .epoch = opening_.epoch, .deliveries = delivery_count_};
}

void Outlet::offer(wire::Delivery delivery) {
  const Number number = ++count_;
  const std::size_t bytes = cost(delivery);
  parcels_.emplace(number,
                   Parcel{std::move(delivery), bytes, static_cast<std::uint32_t>(groups_.size())});
  if (groups_.empty()) unclaimed_.insert(number);
  for (auto& [name, group] : groups_) {
    group.waiting.insert(number);
  }
}

void Outlet::end(const std::string& producer) {
  for (auto& [id, consumer] : consumers_) {
    if (consumer.opening_.from == producer) consumer.is_end_due_ = true;
  }
}

Outlet::Consumer& Outlet::open(const Opening& opening, Instant now) {
  const bool is_first = groups_.empty();
  Group& group = groups_[opening.group];
  group.consumers.insert(opening.id);
  if (is_first) {
    group.waiting = std::exchange(unclaimed_, {});
    for (const Number number : group.waiting) {
      parcels_.at(number).groups_left = 1;
    }
  }
  const auto [made, is_new] = consumers_.try_emplace(opening.id, opening, now);
  ENSURE(is_new);
  return made->second;
}

Result<void> Outlet::resume(const wire::OpenSession& message, const std::string& peer,
                            Instant now) {
  const auto found = std::find_if(consumers_.begin(), consumers_.end(), [&](const auto& entry) {
    return entry.second.opening_.name == message.producer;
  });
  ENSURE(found != consumers_.end());
  Consumer& consumer = found->second;
  Opening& opening = consumer.opening_;
  const bool is_repeated = message.epoch == opening.epoch && peer == opening.peer;
  if (message.epoch <= opening.epoch && !is_repeated) {
    return failure(Errc::kUnavailable, "consumer '" + opening.name + "' is open with epoch " +
                                           std::to_string(opening.epoch) +
                                           "; a later client has taken it over, or the name is "
                                           "in use");
  }
  if (message.group != opening.group || message.from != opening.from) {
    return failure(Errc::kInvalidArgument, "consumer '" + opening.name +
                                               "' is open with another group or producer: give "
                                               "this one another name");
  }
  if (message.taken > consumer.delivery_count_) {
    return failure(Errc::kInvalidArgument, "consumer '" + opening.name + "' says that it has " +
                                               std::to_string(message.taken) + " deliveries, of " +
                                               std::to_string(consumer.delivery_count_) + " made");
  }
  opening.epoch = message.epoch;
  opening.peer = peer;
  (void)taken(opening.id, message.taken, now);
  return {};
}

void Outlet::release(Number number) {
  const auto parcel = parcels_.find(number);
  ENSURE(parcel != parcels_.end() && parcel->second.groups_left > 0);
  if (--parcel->second.groups_left > 0) return;
  done_.push_back({parcel->second.delivery.producer, parcel->second.delivery.number});
  parcels_.erase(parcel);
}

bool Outlet::taken(ProducerId id, std::uint64_t delivery, Instant now) {
  Consumer& consumer = consumers_.at(id);
  consumer.last_heard_ = now;
  const std::size_t before = consumer.untaken_.size();
  while (!consumer.untaken_.empty() && consumer.untaken_.front().delivery.number <= delivery) {
    const Number parcel = consumer.untaken_.front().parcel;
    consumer.untaken_.pop_front();
    if (parcel == 0) continue;
    consumer.untaken_bytes_ -= parcels_.at(parcel).bytes;
    release(parcel);
  }
  return consumer.untaken_.size() < before;
}

void Outlet::close(ProducerId id) {
  const auto found = consumers_.find(id);
  ENSURE(found != consumers_.end());
  const auto at = groups_.find(found->second.opening_.group);
  Group& group = at->second;
  for (const Consumer::Untaken& untaken : found->second.untaken_) {
    if (untaken.parcel != 0) group.waiting.insert(untaken.parcel);
  }
  group.consumers.erase(id);
  consumers_.erase(found);
  if (!group.consumers.empty()) return;
  std::set<Number> left = std::move(group.waiting);
  groups_.erase(at);
  if (groups_.empty()) {
    unclaimed_ = std::move(left);
    return;
  }
  for (const Number parcel : left) {
    release(parcel);
  }
}

const Outlet::Consumer* Outlet::find(const std::string& name) const {
  const auto found = std::find_if(consumers_.begin(), consumers_.end(), [&](const auto& entry) {
    return entry.second.opening_.name == name;
  });
  return found == consumers_.end() ? nullptr : &found->second;
}

std::vector<wire::Delivery> Outlet::untaken(ProducerId id) const {
  std::vector<wire::Delivery> again;
  const Consumer& consumer = consumers_.at(id);
  for (const Consumer::Untaken& made : consumer.untaken_) {
    again.push_back(made.delivery);
    again.back().epoch = consumer.opening_.epoch;
  }
  return again;
}

bool Outlet::has_room(const Consumer& consumer) {
  return !consumer.is_last_made_ &&
         (consumer.untaken_.empty() || consumer.untaken_bytes_ < kUnderWayMax);
}

std::optional<Outlet::Number> Outlet::next_for(const Consumer& consumer, const Group& group) const {
  const std::string& from = consumer.opening_.from;
  const auto found = std::find_if(group.waiting.begin(), group.waiting.end(), [&](Number number) {
    return from.empty() || parcels_.at(number).delivery.from == from;
  });
  if (found != group.waiting.end()) return *found;
  return consumer.is_end_due_ ? std::optional<Number>(0) : std::nullopt;
}

wire::Delivery Outlet::hand(Consumer& consumer, Number number) {
  wire::Delivery delivery;
  if (number != 0) {
    const Parcel& parcel = parcels_.at(number);
    delivery = parcel.delivery;
    consumer.untaken_bytes_ += parcel.bytes;
  } else {
    delivery.from = consumer.opening_.from;
    delivery.is_last = true;
  }
  delivery.producer = consumer.opening_.id;
  delivery.epoch = consumer.opening_.epoch;
  delivery.number = ++consumer.delivery_count_;
  consumer.is_last_made_ = delivery.is_last && !consumer.opening_.from.empty();
  consumer.untaken_.push_back({number, delivery});
  return delivery;
}

std::vector<std::pair<std::string, wire::Delivery>> Outlet::advance() {
  std::vector<std::pair<std::string, wire::Delivery>> made;
  bool has_moved = true;
  while (std::exchange(has_moved, false)) {
    // One to each in turn.
    for (auto& [id, consumer] : consumers_) {
      if (!has_room(consumer)) continue;
      Group& group = groups_.at(consumer.opening_.group);
      const std::optional<Number> next = next_for(consumer, group);
      if (!next) continue;
      if (*next != 0) group.waiting.erase(*next);
      made.emplace_back(consumer.opening_.peer, hand(consumer, *next));
      has_moved = true;
    }
  }
  return made;
}

}  // namespace leat::broker
