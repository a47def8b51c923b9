// The oracle of streams knows what producers submitted and were told, sees what the broker gives to
// which consumer and what it hears to be taken, and nothing of the code between:
//  (1) What was accepted, and no more, has one outcome in each group that was there all the time.
//  (2) Within a group nothing is given twice, but what a consumer that is gone had not taken.
//  (3) A consumer gets each producer's records in order, but for those that a gone one had.
//  (4) A consumer of one producer ends when that one is over and its group has all of it.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/position.h"
#include "tests/sim/oracle.h"
#include "wire/messages.h"

namespace leat::sim {

class StreamOracle {
 public:
  explicit StreamOracle(Shape shape) : shape_(std::move(shape)) {}

  // ---- What producers do, and are told.

  void submitted(const std::string& producer, const std::string& record);

  // The broker says that it has the first `count` records.
  void accepted(const std::string& producer, std::uint64_t count);

  // It has exactly these, and there will be no more.
  void ended(const std::string& producer, std::uint64_t count);

  // ---- What consumers get.

  // `gets_all`: it is there all the time, or nobody else is.
  void add_group(const std::string& group, bool gets_all) { groups_[group].gets_all = gets_all; }

  // `from`: of this producer only, else empty.
  void add_consumer(const std::string& consumer, const std::string& group, const std::string& from);

  // The broker sends this to the consumer, perhaps again.
  void sent(const std::string& consumer, const wire::Delivery& delivery);

  // It has arrived.
  void handed_over(const std::string& consumer, const wire::Delivery& delivery);

  // The broker has heard that deliveries up to this one are taken.
  void taken(const std::string& consumer, std::uint64_t delivery);

  // It died, closed its session, or may be given up.
  void gone(const std::string& consumer) { consumers_.at(consumer).is_gone = true; }

  // It has had the end of its producer.
  void finished(const std::string& consumer);

  // Not every group gets all any more: what is held is thrown away.
  void dropped();

  // All is over.
  void finished();

  // The first thing that was wrong.
  [[nodiscard]] const std::optional<std::string>& complaint() const { return complaint_; }

  // Something was given to a second consumer, because the first is gone.
  [[nodiscard]] bool has_seen_again() const { return has_seen_again_; }

 private:
  struct Producer {
    std::vector<std::string> records;
    std::uint64_t accepted = 0;
    std::optional<std::uint64_t> total;
  };

  struct Consumer {
    std::string group;
    std::string from;
    bool is_gone = false;
    std::map<std::uint64_t, wire::Delivery> deliveries;  // Sent, by number.
    std::uint64_t handed_over = 0;
    std::uint64_t taken = 0;
    std::map<std::string, Position> last;  // The furthest that it was sent, by producer.
  };

  // What a group has of one producer.
  struct Outcome {
    std::map<Position, std::string> lines;
    std::vector<wire::DeadLetter> letters;
  };

  struct Group {
    bool gets_all = false;
    std::map<std::string, std::string> holders;  // What is given: to whom it was last.
    std::set<std::string> taken;
    std::map<std::string, Outcome> outcomes;  // By producer.
  };

  void complain(std::string what) {
    if (!complaint_) complaint_ = std::move(what);
  }

  // Whether a gone consumer had it before.
  bool give(const std::string& consumer, Group& group, const std::string& item);
  void check_order(const std::string& consumer, Consumer& to, const wire::Delivery& delivery,
                   bool was_given);
  void take(Group& group, const wire::Delivery& delivery);
  // How far its records were seen: of one that died nobody was told all that was accepted.
  [[nodiscard]] std::size_t seen_of(const Producer& producer, const Outcome& outcome) const;
  void judge(const std::string& group_name, const std::string& producer_name,
             const std::string& when);

  Shape shape_;
  std::map<std::string, Producer> producers_;
  std::map<std::string, Consumer> consumers_;
  std::map<std::string, Group> groups_;
  bool has_seen_again_ = false;
  std::optional<std::string> complaint_;
};

}  // namespace leat::sim
