// What goes wrong in the simulated world, and how it heals.

#include <algorithm>
#include <chrono>

#include "tests/sim/world.h"
#include "tests/sim/world_parts.h"

namespace leat::sim {

namespace {

using namespace std::chrono_literals;

}  // namespace

void World::plan_faults() {
  const auto plan = [this](std::uint64_t count, void (World::*what)()) {
    for (std::uint64_t i = 0; i < count; ++i) {
      schedule_.after(chance_.up_to(fault_time_), [this, what] {
        if (!is_healed_) (this->*what)();
      });
    }
  };
  plan(faults_left_, &World::fault);
  plan(operations_left_, &World::operate);
  for (std::uint64_t i = 0; i < pauses_left_; ++i) {
    schedule_.after(pause_chance_.up_to(fault_time_), [this] { pause(); });
  }
  if (broker_restarts_at_) {
    expect(*broker_restarts_at_ - schedule_.now(), [this] { restart_broker(); });
  }
  if (trouble_ == Trouble::kToolMissingEverywhere) {
    expect(2s + chance_.up_to(4s), [this] {
      is_tool_missing_ = false;
      revive_failed();
    });
  }
  if (trouble_ == Trouble::kStageFailing) tool_goes_and_comes();
  if (trouble_ == Trouble::kStageBreaking) tool_breaks_down();
  if (trouble_ == Trouble::kRemoved) {
    schedule_.after(chance_.up_to(fault_time_), [this] {
      if (phase_ == Phase::kWorking) remove_in_the_middle();
    });
  }
}

void World::tool_goes_and_comes() {
  // From the start, or when some of its replicas run.
  const Duration goes = chance_.one_in(2) ? Duration(0) : chance_.up_to(4s);
  schedule_.after(goes, [this] { is_tool_missing_ = true; });
  expect(goes + 2s + chance_.up_to(chance_.one_in(4) ? 60s : 4s), [this] {
    ++census_["a tool that was missing everywhere is there again"];
    is_tool_missing_ = false;
  });
}

void World::tool_breaks_down() {
  const Duration begins = chance_.one_in(2) ? Duration(0) : chance_.up_to(2s);
  schedule_.after(begins, [this] { habits_.broken_stage = pipelines_[0].stages[0].name; });
  expect(begins + 1s + chance_.up_to(20s), [this] {
    ++census_["a stage that broke down on whatever it was given is well again"];
    habits_.broken_stage.clear();
  });
}

void World::fault() {
  const std::size_t node = chance_.below(nodes_.size());
  switch (chance_.below(10)) {
    case 0:
      return node_dies(node);
    case 1:
    case 2:
      return node_is_cut_off(node);
    case 3:
      return node_leaves(node);
    case 4:
      return data_hiccups(node);
    case 5:
      return has_streams_ ? sender_dies() : pipe_dies();
    case 6:
    case 7:
      return has_streams_ ? consumer_goes() : client_hiccups();
    case 8:
      return has_streams_ && chance_.one_in(2) ? sender_dies() : pipe_dies();
    default:
      return client_hiccups();
  }
}

// ---- Nodes.

bool World::may_suffer(std::size_t index) const {
  // The others must be there to take over what the first one cannot do.
  return nodes_[index] && (trouble_ != Trouble::kToolMissingOnNode || index == 0);
}

void World::node_dies(std::size_t index) {
  if (!may_suffer(index) || deaths_left_ == 0) return;
  --deaths_left_;
  ++census_["fault: a node dies"];
  node_is_gone(index);
}

void World::node_leaves(std::size_t index) {
  if (!may_suffer(index) || nodes_[index]->is_ending) return;
  ++census_["fault: a node leaves"];
  Node& node = *nodes_[index];
  node.is_ending = true;
  carry_out(node, node.core->end(node::NodeCore::Ending::kGraceful, schedule_.now()));
  see_end(node);
}

void World::node_is_cut_off(std::size_t index) {
  // It counts as a death to the broker when it lasts.
  if (!may_suffer(index) || deaths_left_ == 0) return;
  --deaths_left_;
  ++census_["fault: a node is cut off"];
  Node& node = *nodes_[index];
  cut(node);
  later(node, chance_.up_to(cut_max_), [&node] { restore(node); });
}

void World::cut(Node& node) {
  for (Link* const link : {node.to_broker.get(), node.results.get(), node.from_broker.get()}) {
    link->cut();
  }
  node.is_cut_off = true;
}

void World::restore(Node& node) {
  for (Link* const link : {node.to_broker.get(), node.results.get(), node.from_broker.get()}) {
    link->restore();
  }
  node.is_cut_off = false;
}

void World::data_hiccups(std::size_t index) {
  if (!nodes_[index]) return;
  ++census_["fault: a data connection breaks"];
  nodes_[index]->results->hiccup();
  for (auto& [key, link] : inlets_) {
    link->hiccup();
  }
}

// ---- Clients.

template <typename Suits>
World::Client* World::choose_client(Suits suits) {
  std::vector<Client*> candidates;
  for (const auto& client : clients_) {
    const bool is_here = !client->is_dead && !client->is_finished && !client->is_leaving;
    if (is_here && suits(*client)) candidates.push_back(client.get());
  }
  return candidates.empty() ? nullptr : candidates[chance_.below(candidates.size())];
}

void World::client_hiccups() {
  Client* const client = choose_client([](const Client&) { return true; });
  if (client == nullptr) return;
  ++census_["fault: a client's connection breaks"];
  client->to_broker->hiccup();
  client->from_broker->hiccup();
}

void World::pipe_dies() {
  Client* const client = choose_client(
      [](const Client& c) { return c.use == wire::SessionUse::kPipe && c.pipeline == 0; });
  if (client == nullptr || clients_.size() == 1 || !chance_.one_in(3)) return;
  ++census_["fault: a client dies"];
  kill_client(*client);
  // Another comes in its place.
  expect(chance_.up_to(30s), [this] { start_pipes(1); });
}

void World::sender_dies() {
  std::vector<Returner*> living;
  for (const auto& returner : returners_) {
    if (!returner->is_over && returner->process) living.push_back(returner.get());
  }
  if (!living.empty() && !chance_.one_in(4)) {
    return returner_dies(*living[chance_.below(living.size())]);
  }
  Client* const client =
      choose_client([](const Client& c) { return c.use == wire::SessionUse::kSend; });
  if (client == nullptr) return;
  ++census_["fault: a producer dies"];
  kill_client(*client);
  if (!chance_.one_in(2)) return;
  expect(chance_.up_to(10s), [this] { start(add_client(wire::SessionUse::kSend, 0)); });
}

void World::consumer_goes() {
  Client* const client = choose_client(
      [](const Client& c) { return c.use == wire::SessionUse::kReceive && !c.is_keeper; });
  if (client == nullptr) return;
  switch (chance_.below(4)) {
    case 0:
      ++census_["fault: a consumer leaves"];
      close(*client);
      break;
    case 1:
      return consumer_is_cut_off(*client);
    default:
      ++census_["fault: a consumer dies"];
      kill_client(*client);
      break;
  }
  if (!chance_.one_in(2)) return;
  expect(chance_.up_to(10s),
         [this, group = client->group, from = client->from] { start(add_consumer(group, from)); });
}

void World::consumer_is_cut_off(Client& client) {
  ++census_["fault: a consumer is cut off"];
  // It may be given up, and what it was given be another's.
  client.stream->gone(client.peer);
  client.tolerated.emplace_back("there is no such session");
  client.tolerated.emplace_back("is not here any more");
  client.to_broker->cut();
  client.from_broker->cut();
  later(client, chance_.up_to(40s), [&client] {
    client.to_broker->restore();
    client.from_broker->restore();
  });
}

// ---- The end of it.

void World::heal() {
  is_healed_ = true;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i]) {
      restore(*nodes_[i]);
    } else {
      start_node(i);
    }
  }
  for (const auto& client : clients_) {
    if (client->is_dead) continue;
    client->to_broker->restore();
    client->from_broker->restore();
  }
  if (!has_streams_ || !is_group_loose_ || phase_ != Phase::kWorking) return;
  // Somebody must take what is there.
  expect({}, [this] { start(add_consumer("all", "")); });
}

}  // namespace leat::sim
