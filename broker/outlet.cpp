#include "broker/outlet.h"

#include <algorithm>

#include "core/ensure.h"

namespace leat::broker {

namespace {

std::size_t cost(const wire::Delivery& delivery) {
  std::size_t bytes = delivery.outputs.records.bytes();
  for (const wire::DeadLetter& letter : delivery.dead_letters) {
    bytes +=
        letter.records.bytes() + letter.failure.stderr_tail.size() + letter.failure.repeat.size();
  }
  return bytes;
}

}  // namespace

wire::SessionState Outlet::Consumer::state() const {
  return {.producer = opening_.id, .epoch = opening_.epoch, .deliveries = delivery_count_};
}

bool Outlet::accepts(const Consumer& consumer, const std::string& producer) {
  return consumer.opening_.from.empty() || consumer.opening_.from == producer;
}

bool Outlet::accepts(const Group& group, const std::string& producer) const {
  return std::any_of(group.consumers.begin(), group.consumers.end(),
                     [&](ProducerId id) { return accepts(consumers_.at(id), producer); });
}

void Outlet::claim(Group& group, Number number) {
  group.waiting.insert(number);
  ++parcels_.at(number).groups_left;
  unclaimed_.erase(number);
}

void Outlet::offer(wire::Delivery delivery) {
  const Number number = ++count_;
  const std::size_t bytes = cost(delivery);
  const std::string from = delivery.from;
  parcels_.emplace(number, Parcel{.delivery = std::move(delivery), .bytes = bytes});
  unclaimed_.insert(number);
  for (auto& [name, group] : groups_) {
    if (accepts(group, from)) claim(group, number);
  }
  drop_if_needless(number);
}

void Outlet::drop_if_needless(Number number) {
  const wire::Delivery& delivery = parcels_.at(number).delivery;
  const bool is_empty =
      delivery.outputs.runs.empty() && delivery.dead_letters.empty() && delivery.dropped == 0;
  if (!delivery.is_last || !is_empty || !unclaimed_.contains(number)) return;
  const auto alike = std::count_if(parcels_.begin(), parcels_.end(), [&](const auto& entry) {
    return entry.second.delivery.from == delivery.from;
  });
  // The end of a producer of which something waits is for those who take that.
  if (alike > 1) return;
  done_.push_back({delivery.producer, delivery.number});
  unclaimed_.erase(number);
  parcels_.erase(number);
}

void Outlet::end(const std::string& producer) {
  for (auto& [id, consumer] : consumers_) {
    if (consumer.opening_.from == producer) consumer.is_end_due_ = true;
  }
}

Outlet::Consumer& Outlet::open(const Opening& opening, Instant now) {
  Group& group = groups_[opening.group];
  group.consumers.insert(opening.id);
  const auto [made, is_new] = consumers_.try_emplace(opening.id, opening, now);
  ENSURE(is_new);
  for (const Number number : std::set<Number>(unclaimed_)) {
    if (accepts(made->second, parcels_.at(number).delivery.from)) claim(group, number);
  }
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
  if (!parcel->second.is_taken) {
    unclaimed_.insert(number);
    return drop_if_needless(number);
  }
  done_.push_back({parcel->second.delivery.producer, parcel->second.delivery.number});
  parcels_.erase(parcel);
}

bool Outlet::taken(ProducerId id, std::uint64_t delivery, Instant now) {
  Consumer& consumer = consumers_.at(id);
  consumer.last_heard_ = now;
  Group& group = groups_.at(consumer.opening_.group);
  const std::size_t before = consumer.untaken_.size();
  while (!consumer.untaken_.empty() && consumer.untaken_.front().delivery.number <= delivery) {
    const Number parcel = consumer.untaken_.front().parcel;
    consumer.untaken_.pop_front();
    if (parcel == 0) continue;
    Parcel& taken = parcels_.at(parcel);
    taken.is_taken = true;
    consumer.untaken_bytes_ -= taken.bytes;
    if (taken.delivery.is_last) group.ending.insert(taken.delivery.from);
    release(parcel);
  }
  end_producers(group);
  return consumer.untaken_.size() < before;
}

bool Outlet::is_any_left(const Group& group, const std::string& producer) const {
  const auto is_of = [&](Number number) {
    return number != 0 && parcels_.at(number).delivery.from == producer;
  };
  if (std::any_of(group.waiting.begin(), group.waiting.end(), is_of)) return true;
  return std::any_of(group.consumers.begin(), group.consumers.end(), [&](ProducerId id) {
    const auto& untaken = consumers_.at(id).untaken_;
    return std::any_of(untaken.begin(), untaken.end(),
                       [&](const Consumer::Untaken& made) { return is_of(made.parcel); });
  });
}

void Outlet::end_producers(Group& group) {
  for (auto at = group.ending.begin(); at != group.ending.end();) {
    if (is_any_left(group, *at)) {
      ++at;
      continue;
    }
    for (const ProducerId id : group.consumers) {
      Consumer& consumer = consumers_.at(id);
      if (consumer.opening_.from == *at) consumer.is_end_due_ = true;
    }
    at = group.ending.erase(at);
  }
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
  for (const Number number : std::set<Number>(group.waiting)) {
    if (accepts(group, parcels_.at(number).delivery.from)) continue;
    group.waiting.erase(number);
    release(number);
  }
  if (group.consumers.empty()) groups_.erase(at);
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
    // Who is for this producer alone hears of its end when its whole group has taken everything.
    if (!consumer.opening_.from.empty()) delivery.is_last = false;
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
    // One to each in turn, from behind the last one on.
    auto at = consumers_.upper_bound(last_served_);
    for (std::size_t i = 0; i < consumers_.size(); ++i, ++at) {
      if (at == consumers_.end()) at = consumers_.begin();
      Consumer& consumer = at->second;
      if (!has_room(consumer)) continue;
      Group& group = groups_.at(consumer.opening_.group);
      const std::optional<Number> next = next_for(consumer, group);
      if (!next) continue;
      if (*next != 0) group.waiting.erase(*next);
      made.emplace_back(consumer.opening_.peer, hand(consumer, *next));
      last_served_ = at->first;
      has_moved = true;
    }
  }
  return made;
}

}  // namespace leat::broker
