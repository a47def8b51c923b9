// Outlet is where the results of producers that only send wait for their consumers. Consumers of
// one group share the parcels; each group gets all that comes while it is there and that one of its
// consumers is for. What no group is for waits for the first one that is.
//
// Invariants:
//  (1) A parcel is done when every group that it was for has taken it, and is reported so once.
//  (2) Within a group a parcel is with one consumer at a time, until that took it or is gone.
//  (3) At most kUnderWayMax bytes are under way to a consumer, or one delivery.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "wire/messages.h"

namespace leat::broker {

class Outlet {
  // A parcel's number, in order of arrival from 1.
  using Number = std::uint64_t;

 public:
  struct Opening {
    ProducerId id;
    std::string name;
    std::string peer;  // Where its messages go.
    std::uint64_t epoch = 0;
    std::string group;
    std::string from;  // Of this producer only; else empty.
  };

  class Consumer {
   public:
    explicit Consumer(Opening opening, Instant now)
        : opening_(std::move(opening)), last_heard_(now) {}

    [[nodiscard]] const Opening& opening() const { return opening_; }

    [[nodiscard]] Instant last_heard() const { return last_heard_; }

    [[nodiscard]] wire::SessionState state() const;

    // Whether it has had the end of the producer that it was for, and has taken it.
    [[nodiscard]] bool is_over() const { return is_last_made_ && untaken_.empty(); }

   private:
    friend class Outlet;

    struct Untaken {
      Number parcel = 0;  // 0: it only tells an end.
      wire::Delivery delivery;
    };

    Opening opening_;
    Instant last_heard_;
    std::deque<Untaken> untaken_;
    std::size_t untaken_bytes_ = 0;
    std::uint64_t delivery_count_ = 0;
    bool is_end_due_ = false;  // Its group has taken all of its producer.
    bool is_last_made_ = false;
  };

  // A parcel that every group has taken.
  struct DoneParcel {
    ProducerId producer;
    std::uint64_t delivery = 0;
  };

  // Takes in a producer's next delivery.
  void offer(wire::Delivery delivery);

  // Everything of this producer is taken: whoever waits for more of it has its end.
  void end(const std::string& producer);

  // REQUIRES: the id is new, and no consumer has the name.
  Consumer& open(const Opening& opening, Instant now);

  // A consumer is back, perhaps as another peer: what it has not taken is to be sent again.
  // Refuses an older epoch, another group or producer, and a count of deliveries never made.
  [[nodiscard]] Result<void> resume(const wire::OpenSession& message, const std::string& peer,
                                    Instant now);

  // Deliveries up to this number are where they belong. Whether one of them was not before.
  bool taken(ProducerId id, std::uint64_t delivery, Instant now);

  // Nobody's silence until now counts.
  void excuse_all(Instant now) {
    for (auto& [id, consumer] : consumers_) {
      consumer.last_heard_ = now;
    }
  }

  // What it has not taken goes to another of its group; its group goes with its last consumer.
  void close(ProducerId id);

  [[nodiscard]] const std::map<ProducerId, Consumer>& consumers() const { return consumers_; }

  [[nodiscard]] const Consumer* find(const std::string& name) const;

  // Deliveries made and not taken, for a consumer that came back.
  [[nodiscard]] std::vector<wire::Delivery> untaken(ProducerId id) const;

  // Hands out what can be handed out: deliveries for these peers.
  [[nodiscard]] std::vector<std::pair<std::string, wire::Delivery>> advance();

  // What became done since the last call, in no order.
  [[nodiscard]] std::vector<DoneParcel> take_done() { return std::exchange(done_, {}); }

 private:
  struct Parcel {
    wire::Delivery delivery;
    std::size_t bytes = 0;
    std::uint32_t groups_left = 0;  // That are to take it; 0 while nobody claims it.
    bool is_taken = false;          // By a group.
  };

  struct Group {
    std::set<Number> waiting;
    std::set<ProducerId> consumers;
    std::set<std::string> ending;  // Producers whose last parcel was taken, but perhaps not all.
  };

  static constexpr std::size_t kUnderWayMax = std::size_t{4} << 20;

  // The first parcel that waits for this consumer; 0 for the end that is due.
  [[nodiscard]] std::optional<Number> next_for(const Consumer& consumer, const Group& group) const;
  [[nodiscard]] static bool has_room(const Consumer& consumer);
  // Whether something of this producer waits in the group, or is with one of its consumers.
  [[nodiscard]] bool is_any_left(const Group& group, const std::string& producer) const;
  void end_producers(Group& group);
  wire::Delivery hand(Consumer& consumer, Number number);
  // Whether the consumer is one for what this producer sends.
  [[nodiscard]] static bool accepts(const Consumer& consumer, const std::string& producer);
  [[nodiscard]] bool accepts(const Group& group, const std::string& producer) const;
  void claim(Group& group, Number number);
  // An end without anything before it needs nobody to take it.
  void drop_if_needless(Number number);
  // One group less is to take it: it did, or has nobody left who would.
  void release(Number number);

  Number count_ = 0;
  std::map<Number, Parcel> parcels_;  // Not done.
  std::set<Number> unclaimed_;        // No group is for them, and none took them.
  std::map<ProducerId, Consumer> consumers_;
  ProducerId last_served_;
  std::map<std::string, Group> groups_;
  std::vector<DoneParcel> done_;
};

}  // namespace leat::broker
