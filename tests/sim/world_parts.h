// Who lives in the simulated world: nodes, clients, and operators with a question.

#pragma once

#include "tests/sim/wire_producer.h"
#include "tests/sim/world.h"

namespace leat::sim {

struct World::Node {
  std::size_t index = 0;
  std::uint64_t life = 0;
  std::string peer;
  std::string name;
  std::map<std::string, std::string> labels;
  std::unique_ptr<node::NodeCore> core;
  std::unique_ptr<Link> to_broker;
  std::unique_ptr<Link> results;
  std::unique_ptr<Link> from_broker;
  std::map<node::ToolId, std::unique_ptr<FakeTool>> tools;
  std::map<SegmentId, std::string> bound;  // Addresses.
  std::uint64_t bound_count = 0;
  std::optional<NodeId> id;  // As the broker last said.
  bool is_cut_off = false;
  bool is_draining = false;
  bool is_late = false;    // It came when others had begun.
  bool is_ending = false;  // It was told to.
  bool is_gone = false;    // All is over but its last words.
  std::optional<Instant> wake;
};

// A session by the client's own library.
struct World::Client {
  std::uint64_t life = 0;
  std::string peer;  // And its name.
  std::size_t pipeline = 0;
  wire::SessionUse use = wire::SessionUse::kPipe;
  std::unique_ptr<client::SessionCore> core;
  std::unique_ptr<Link> to_broker;
  std::unique_ptr<Link> from_broker;
  std::unique_ptr<Oracle> oracle;  // kPipe only.
  StreamOracle* stream = nullptr;  // The others.
  std::string group;               // kReceive only.
  std::string from;                // Likewise.
  bool is_keeper = false;          // Stays to the end.
  std::uint64_t left = 0;          // Records to be submitted.
  std::uint64_t made = 0;
  bool has_ended = false;  // Its input.
  bool is_finished = false;
  bool is_dead = false;
  bool is_leaving = false;             // It was closed.
  std::vector<std::string> tolerated;  // Reasons for which it may fail.
  std::optional<Instant> wake;
};

// A producer that dies and comes back.
struct World::Returner {
  std::uint64_t life = 0;
  std::string name;
  std::string peer;  // Another each time.
  std::vector<std::string> disk;
  std::uint64_t epoch = 0;
  std::unique_ptr<WireProducer> process;  // None while it is away.
  std::unique_ptr<Link> to_broker;
  std::unique_ptr<Link> from_broker;
  StreamOracle* stream = nullptr;
  bool is_over = false;
  std::vector<std::string> tolerated;
};

// An operator's question to the broker.
struct World::Asker {
  std::uint64_t life = 0;
  std::string peer;
  wire::Message request;
  std::unique_ptr<client::RequestCore> core;
  std::unique_ptr<Link> to_broker;
  std::unique_ptr<Link> from_broker;
  Answered answered;
  bool is_over = false;
  std::optional<Instant> wake;
};

template <typename Owner, typename Action>
void World::later(Owner& owner, Duration delay, Action action) {
  schedule_.after(delay, [this, life = owner.life, action] {
    if (schedule_.is_alive(life)) action();
  });
}

}  // namespace leat::sim
