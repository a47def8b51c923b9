// A node and a client of the simulated world.

#pragma once

#include "tests/sim/world.h"

namespace leat::sim {

struct World::Node {
  std::size_t index = 0;
  std::uint64_t life = 0;
  std::string peer;
  std::unique_ptr<node::NodeCore> core;
  std::unique_ptr<Link> to_broker;
  std::unique_ptr<Link> results;
  std::unique_ptr<Link> from_broker;
  std::map<node::ToolId, std::unique_ptr<FakeTool>> tools;
  std::map<SegmentId, std::string> bound;  // Addresses.
  std::uint64_t bound_count = 0;
  bool is_cut_off = false;
  std::optional<Instant> wake;
};

struct World::Client {
  std::size_t index = 0;
  std::uint64_t life = 0;
  std::string peer;
  std::unique_ptr<client::SessionCore> core;
  std::unique_ptr<Link> to_broker;
  std::unique_ptr<Link> from_broker;
  std::unique_ptr<Oracle> oracle;
  std::uint64_t left = 0;  // Records to be submitted.
  std::uint64_t made = 0;
  bool has_ended = false;  // Its input.
  bool is_finished = false;
  bool is_dead = false;
  std::optional<Instant> wake;
};

template <typename Owner, typename Action>
void World::later(Owner& owner, Duration delay, Action action) {
  schedule_.after(delay, [this, life = owner.life, action] {
    if (schedule_.is_alive(life)) action();
  });
}

}  // namespace leat::sim
