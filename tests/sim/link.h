// A connection in one direction: messages keep their order, take their time, and are lost in
// silence with the connection. Different links overtake each other. Every message goes through the
// real encoding.

#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "tests/sim/chance.h"
#include "tests/sim/schedule.h"
#include "wire/codec.h"

namespace leat::sim {

class Link {
 public:
  using Receive = std::function<void(wire::Message)>;

  Link(Schedule& schedule, Chance& chance, Census& census, Receive receive)
      : schedule_(schedule),
        chance_(chance),
        census_(census),
        receive_(std::move(receive)),
        life_(schedule.begin_life()) {}

  void send(const wire::Message& message) {
    ++census_[std::string("message ") + wire::kind_name(message)];
    if (is_down_) {
      ++census_["message lost on a dead connection"];
      return;
    }
    const Instant soonest = schedule_.now() + chance_.up_to(delay_max_);
    arrival_ = std::max(arrival_, soonest);
    const std::uint64_t connection = connection_;
    schedule_.after(arrival_ - schedule_.now(),
                    [this, life = life_, connection, &schedule = schedule_, &census = census_,
                     frames = wire::encode(message)] {
                      if (!schedule.is_alive(life) || connection_ != connection) {
                        ++census["message lost under way"];
                        return;
                      }
                      const Result<wire::Message> decoded = wire::decode(frames);
                      if (!decoded) FAIL("not decoded: " << decoded.error().message);
                      receive_(*decoded);
                    });
  }

  ~Link() { schedule_.end_life(life_); }

  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  Link(Link&&) = delete;
  Link& operator=(Link&&) = delete;

  // What is under way is lost, and so is what is sent before the connection is restored.
  void cut() {
    ++connection_;
    is_down_ = true;
  }

  void restore() { is_down_ = false; }

  // Loses what is under way and goes on, as a connection that breaks and comes back at once.
  void hiccup() { ++connection_; }

  void set_delay_max(Duration delay) { delay_max_ = delay; }

 private:
  Schedule& schedule_;
  Chance& chance_;
  Census& census_;
  Receive receive_;
  bool is_down_ = false;
  Instant arrival_;
  Duration delay_max_ = std::chrono::milliseconds(2);
  std::uint64_t life_;
  std::uint64_t connection_ = 0;  // Counts the connections that were lost.
};

}  // namespace leat::sim
