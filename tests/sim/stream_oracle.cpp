#include "tests/sim/stream_oracle.h"

#include <algorithm>

namespace leat::sim {

namespace {

// A name for each thing in a delivery that must not come twice.
std::vector<std::string> items_of(const wire::Delivery& delivery) {
  std::vector<std::string> items;
  for (const Run& run : delivery.outputs.runs) {
    for (std::uint32_t i = 0; i < run.outputs; ++i) {
      items.push_back(delivery.from + " result " + to_string(run.origin(i)));
    }
  }
  for (const wire::DeadLetter& letter : delivery.dead_letters) {
    items.push_back(delivery.from + " dead letter " + letter.stage + " " +
                    to_string(letter.failure.first));
  }
  return items;
}

}  // namespace

void StreamOracle::submitted(const std::string& producer, const std::string& record) {
  producers_[producer].records.push_back(record);
}

void StreamOracle::accepted(const std::string& producer, std::uint64_t count) {
  Producer& told = producers_[producer];
  if (count > told.records.size()) complain(producer + ": more is accepted than was submitted");
  if (told.total && count > *told.total) complain(producer + ": more is accepted after its end");
  told.accepted = std::max(told.accepted, count);
}

void StreamOracle::ended(const std::string& producer, std::uint64_t count) {
  accepted(producer, count);
  Producer& over = producers_[producer];
  if (count < over.accepted) complain(producer + ": what was accepted is not any more");
  over.total = count;
}

void StreamOracle::add_consumer(const std::string& consumer, const std::string& group,
                                const std::string& from) {
  consumers_[consumer].group = group;
  consumers_[consumer].from = from;
}

void StreamOracle::sent(const std::string& consumer, const wire::Delivery& delivery) {
  Consumer& to = consumers_.at(consumer);
  const auto before = to.deliveries.find(delivery.number);
  if (before != to.deliveries.end()) {
    if (items_of(before->second) != items_of(delivery)) {
      complain(consumer + ": delivery " + std::to_string(delivery.number) + " is another now");
    }
    return;
  }
  if (delivery.number != to.deliveries.size() + 1) {
    complain(consumer + ": delivery " + std::to_string(delivery.number) + " is not the next");
  }
  if (!to.from.empty() && delivery.from != to.from) {
    complain(consumer + " is for " + to.from + " and got something of " + delivery.from);
  }
  bool was_given = false;
  for (const std::string& item : items_of(delivery)) {
    was_given = give(consumer, groups_.at(to.group), item) || was_given;
  }
  check_order(consumer, to, delivery, was_given);
  to.deliveries.emplace(delivery.number, delivery);
}

bool StreamOracle::give(const std::string& consumer, Group& group, const std::string& item) {
  if (group.taken.contains(item)) complain(consumer + " got " + item + ", which was taken before");
  const auto holder = group.holders.find(item);
  const bool was_given = holder != group.holders.end();
  if (was_given && !consumers_.at(holder->second).is_gone) {
    complain(consumer + " got " + item + ", which " + holder->second + " has");
  }
  group.holders[item] = consumer;
  has_seen_again_ = has_seen_again_ || was_given;
  return was_given;
}

void StreamOracle::check_order(const std::string& consumer, Consumer& to,
                               const wire::Delivery& delivery, bool was_given) {
  if (delivery.outputs.runs.empty()) return;
  const Position first = delivery.outputs.runs.front().origin(0);
  const Run& end = delivery.outputs.runs.back();
  const auto [last, is_first] = to.last.try_emplace(delivery.from, first);
  // What one that is gone had comes back later; perhaps it never got it.
  const bool is_any_gone = std::any_of(
      consumers_.begin(), consumers_.end(),
      [&to](const auto& entry) { return entry.second.group == to.group && entry.second.is_gone; });
  if (!is_first && !was_given && !is_any_gone && first <= last->second) {
    complain(consumer + " got " + delivery.from + " " + to_string(first) + " after " +
             to_string(last->second));
  }
  last->second = std::max(last->second, end.origin(end.outputs - 1));
}

void StreamOracle::handed_over(const std::string& consumer, const wire::Delivery& delivery) {
  Consumer& to = consumers_.at(consumer);
  if (delivery.number != ++to.handed_over) {
    complain(consumer + ": delivery " + std::to_string(delivery.number) + " was handed over as " +
             std::to_string(to.handed_over));
  }
}

void StreamOracle::taken(const std::string& consumer, std::uint64_t delivery) {
  Consumer& by = consumers_.at(consumer);
  for (; by.taken < std::min(delivery, by.handed_over); ++by.taken) {
    take(groups_.at(by.group), by.deliveries.at(by.taken + 1));
  }
}

void StreamOracle::take(Group& group, const wire::Delivery& delivery) {
  for (const std::string& item : items_of(delivery)) {
    if (!group.taken.insert(item).second) complain(item + " was taken twice");
  }
  Outcome& outcome = group.outcomes[delivery.from];
  RecordReader reader(delivery.outputs.records);
  for (const Run& run : delivery.outputs.runs) {
    for (std::uint32_t i = 0; i < run.outputs; ++i) {
      outcome.lines.emplace(run.origin(i), std::string(reader.next()));
    }
  }
  outcome.letters.insert(outcome.letters.end(), delivery.dead_letters.begin(),
                         delivery.dead_letters.end());
}

std::size_t StreamOracle::seen_of(const Producer& producer, const Outcome& outcome) const {
  std::size_t seen = 0;
  const auto see = [&](const std::string& record) {
    const auto found = std::find(producer.records.begin(), producer.records.end(), record);
    if (found == producer.records.end()) return;
    seen = std::max(seen, static_cast<std::size_t>(found - producer.records.begin()) + 1);
  };
  for (const auto& [position, line] : outcome.lines) {
    if (line.ends_with(shape_.path)) see(line.substr(0, line.size() - shape_.path.size()));
  }
  for (const wire::DeadLetter& letter : outcome.letters) {
    RecordReader reader(letter.records);
    while (!reader.is_done()) {
      const std::string bytes(reader.next());
      see(bytes.substr(0, bytes.find('/')));
    }
  }
  return seen;
}

void StreamOracle::judge(const std::string& group_name, const std::string& producer_name,
                         const std::string& when) {
  Group& group = groups_.at(group_name);
  const Producer& producer = producers_[producer_name];
  const Outcome& outcome = group.outcomes[producer_name];
  const std::uint64_t count = producer.total.value_or(
      std::max<std::uint64_t>(producer.accepted, seen_of(producer, outcome)));
  Oracle oracle(shape_);
  for (std::uint64_t i = 0; i < count; ++i) {
    oracle.submitted(producer.records[i]);
  }
  for (const wire::DeadLetter& letter : outcome.letters) {
    oracle.dead_letters(letter);
  }
  for (const auto& [position, line] : outcome.lines) {
    oracle.result(line);
  }
  oracle.finished();
  if (oracle.complaint()) {
    complain(when + "group " + group_name + ", producer " + producer_name + ": " +
             *oracle.complaint());
  }
}

void StreamOracle::finished(const std::string& consumer) {
  const Consumer& by = consumers_.at(consumer);
  if (groups_.at(by.group).gets_all) judge(by.group, by.from, consumer + " has ended, ");
}

void StreamOracle::dropped() {
  for (auto& [name, group] : groups_) {
    group.gets_all = false;
  }
}

void StreamOracle::finished() {
  for (const auto& [name, group] : groups_) {
    if (!group.gets_all) continue;
    for (const auto& [producer, state] : producers_) {
      judge(name, producer, "");
    }
  }
}

}  // namespace leat::sim
