#include "tests/sim/world.h"

#include <algorithm>
#include <chrono>

#include "tests/sim/world_parts.h"

namespace leat::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration kFaultTime = 20s;       // Faults happen until then.
constexpr Duration kPatience = 600s;       // Simulated: after healing all must finish.
constexpr std::size_t kLimitSlack = 4096;  // What is under way while a limit is noticed.

broker::Settings broker_settings(std::uint64_t incarnation) {
  return {.incarnation = incarnation,
          .results_address = "results",
          .beat = 1s,
          .node_silence_max = 5s,
          .client_silence_max = 20s};
}

}  // namespace

World::World(std::uint64_t seed, Census& census)
    : census_(census),
      chance_(seed),
      habits_{chance_, census, {}, 0, false},
      broker_(std::make_unique<broker::BrokerCore>(broker_settings(1))) {
  // With one attempt for each record, whoever is charged without fault is given up: then only
  // marked records fail.
  const std::uint64_t attempts = chance_.one_in(3) ? 1 : 3;
  make_spec(attempts);
  is_rest_seen_ = !chance_.one_in(4);
  habits_.drops = chance_.one_in(2);
  habits_.faults_left = attempts == 1 ? 0 : chance_.below(12);
  faults_left_ = chance_.below(12);
  is_slow_ = chance_.one_in(3);
  fault_time_ = chance_.one_in(2) ? kFaultTime : Duration(3s);
  pace_ = chance_.one_in(2) ? Duration(300ms) : Duration(10ms);
  const std::uint64_t nodes = chance_.between(1, 3);
  for (std::uint64_t i = 0; i < nodes; ++i) {
    nodes_.emplace_back();
    start_node(i);
  }
  const std::uint64_t clients = chance_.between(1, 3);
  coming_ = clients;
  for (std::uint64_t i = 0; i < clients; ++i) {
    clients_.push_back(std::make_unique<Client>());
    start_client(i);
  }
}

World::~World() = default;

void World::make_spec(std::uint64_t attempts) {
  // Sometimes everything at its minimum.
  queue_bytes_max_ = chance_.one_in(3) ? 9216 : std::size_t{1} << 20;
  spec_ = "pipeline: sim\nlimits: {record_bytes: 256, queue_bytes: " +
          std::to_string(queue_bytes_max_) + "}\nstages:\n";
  const std::uint64_t stages = chance_.between(1, 3);
  for (std::uint64_t i = 0; i < stages; ++i) {
    const std::string name(1, static_cast<char>('a' + i));
    path_ += "/" + name;
    // A window may only come last, so that its "end N" is not another tool's input.
    const bool is_window = i + 1 == stages && i > 0 && chance_.one_in(3);
    has_window_ = has_window_ || is_window;
    spec_ += "  - {name: " + name +
             ", run: tool, replicas: " + std::to_string(chance_.between(1, 3)) +
             ", retry: {attempts: " + std::to_string(attempts) + ", backoff: 5ms}";
    if (is_window) {
      const bool is_all = chance_.one_in(4) && queue_bytes_max_ > 9216;
      spec_ += ", mode: window, window: ";
      spec_ += is_all ? "all" : "{records: " + std::to_string(chance_.between(1, 7)) + "}";
    }
    spec_ += "}\n";
  }
}

std::optional<std::string> World::run() {
  plan_faults();
  while (!is_finished() && !complaint_) {
    if (!schedule_.run_next(Instant{kFaultTime + kPatience})) break;
    if (!is_healed_ && schedule_.now() >= Instant{kFaultTime}) heal();
  }
  if (complaint_) return complaint_;
  if (const auto fault = find_fault()) return fault;
  if (!is_finished()) return "something never finished";
  return std::nullopt;
}

std::optional<std::string> World::run_with_a_new_broker() {
  may_sessions_fail_ = true;
  schedule_.after(Duration(500ms) + chance_.up_to(6s), [this] { restart_broker(); });
  return run();
}

void World::restart_broker() {
  ++census_["fault: the broker is started anew"];
  inlets_.clear();
  broker_ = std::make_unique<broker::BrokerCore>(broker_settings(2));
  broker_wake_.reset();
  carry_out(broker_->tick(schedule_.now()));
  wake_broker();
}

std::optional<std::string> World::find_fault() const {
  for (const auto& client : clients_) {
    if (client->is_dead) continue;
    if (client->is_finished) client->oracle->finished();
    if (client->oracle->complaint()) return client->peer + ": " + *client->oracle->complaint();
  }
  return std::nullopt;
}

bool World::is_finished() const {
  return clients_.size() == coming_ &&
         std::all_of(clients_.begin(), clients_.end(), [](const auto& client) {
           return client->is_finished || client->is_dead || client->oracle->complaint();
         });
}

// ---- Faults.

void World::plan_faults() {
  for (std::uint64_t i = 0; i < faults_left_; ++i) {
    schedule_.after(chance_.up_to(fault_time_), [this] {
      if (!is_healed_) fault();
    });
  }
}

void World::fault() {
  const std::size_t node = chance_.below(nodes_.size());
  const std::size_t client = chance_.below(clients_.size());
  switch (chance_.below(8)) {
    case 0:
      return node_dies(node);
    case 1:
    case 2:
      return node_is_cut_off(node);
    case 3:
      if (nodes_[node]) {
        ++census_["fault: a data connection breaks"];
        nodes_[node]->results->hiccup();
        for (auto& [key, link] : inlets_) {
          link->hiccup();
        }
      }
      return;
    case 4:
      if (chance_.one_in(3)) client_dies(client);
      return;
    default:
      return client_hiccups(client);
  }
}

void World::node_dies(std::size_t index) {
  if (!nodes_[index] || deaths_left_ == 0) return;
  --deaths_left_;
  ++census_["fault: a node dies"];
  peers_.erase(nodes_[index]->peer);
  schedule_.end_life(nodes_[index]->life);
  nodes_[index].reset();
  schedule_.after(chance_.up_to(8s), [this, index] {
    if (!nodes_[index]) start_node(index);
  });
}

void World::node_is_cut_off(std::size_t index) {
  if (!nodes_[index]) return;
  // It counts as a death to the broker when it lasts.
  if (deaths_left_ == 0) return;
  --deaths_left_;
  ++census_["fault: a node is cut off"];
  Node& node = *nodes_[index];
  for (Link* const link : {node.to_broker.get(), node.results.get(), node.from_broker.get()}) {
    link->cut();
  }
  node.is_cut_off = true;
  later(node, chance_.up_to(12s), [&node] {
    for (Link* const link : {node.to_broker.get(), node.results.get(), node.from_broker.get()}) {
      link->restore();
    }
    node.is_cut_off = false;
  });
}

void World::client_hiccups(std::size_t index) {
  ++census_["fault: a client's connection breaks"];
  clients_[index]->to_broker->hiccup();
  clients_[index]->from_broker->hiccup();
}

void World::client_dies(std::size_t index) {
  Client& client = *clients_[index];
  if (client.is_finished || client.is_dead || clients_.size() == 1) return;
  ++census_["fault: a client dies"];
  client.is_dead = true;
  schedule_.end_life(client.life);
  peers_.erase(client.peer);
  // Another comes in its place.
  schedule_.after(chance_.up_to(30s), [this] {
    clients_.push_back(std::make_unique<Client>());
    start_client(clients_.size() - 1);
  });
  ++coming_;
}

void World::heal() {
  is_healed_ = true;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]) {
      start_node(i);
      continue;
    }
    Node& node = *nodes_[i];
    for (Link* const link : {node.to_broker.get(), node.results.get(), node.from_broker.get()}) {
      link->restore();
    }
    node.is_cut_off = false;
  }
}

void World::check_limits() {
  const std::size_t held = broker_->held_bytes();

  if (held > queue_bytes_max_ + kLimitSlack) {
    complaint_ = "the broker holds " + std::to_string(held) + " bytes, and the limit is " +
                 std::to_string(queue_bytes_max_);
  }
}

// ---- The broker.

void World::step_broker(const broker::Event& event) {
  carry_out(broker_->step(event, schedule_.now()));
  check_limits();
  wake_broker();
}

void World::wake_broker() {
  const std::optional<Instant> next = broker_->next_deadline();
  if (!next || (broker_wake_ && *broker_wake_ <= *next)) return;
  broker_wake_ = *next;
  const Duration delay = std::max(*next - schedule_.now(), Duration(0));
  schedule_.after(delay, [this, at = *next] {
    if (broker_wake_ != at) return;
    broker_wake_.reset();
    carry_out(broker_->tick(schedule_.now()));
    wake_broker();
  });
}

void World::carry_out(const broker::Effects& effects) {
  for (const broker::Effect& effect : effects) {
    std::visit([this](const auto& e) { order(e); }, effect);
  }
}

void World::order(const broker::Send& effect) {
  ++census_[std::string("broker sends ") + wire::kind_name(effect.message)];
  const auto peer = peers_.find(effect.peer);
  if (peer != peers_.end()) return peer->second->send(effect.message);
  ++census_["broker is told that a peer is lost"];
  schedule_.after({},
                  [this, peer_name = effect.peer] { step_broker(broker::PeerLost{peer_name}); });
}

void World::order(const broker::PushLease& effect) {
  ++census_["broker pushes a lease"];
  const auto link = inlets_.find({effect.node, effect.lease.segment});
  if (link != inlets_.end()) link->second->send(effect.lease);
}

void World::order(const broker::ConnectInlet& effect) {
  ++census_["broker connects an inlet"];
  auto receive = [this, address = effect.address, segment = effect.segment](wire::Message message) {
    for (const auto& node : nodes_) {
      if (!node || node->is_cut_off) continue;
      const auto bound = node->bound.find(segment);
      if (bound == node->bound.end() || bound->second != address) continue;
      step_node(*node, node::InletMessage{std::move(message)});
      return;
    }
  };
  inlets_[{effect.node, effect.segment}] =
      std::make_unique<Link>(schedule_, chance_, census_, std::move(receive));
}

void World::order(const broker::DisconnectInlet& effect) {
  ++census_["broker disconnects an inlet"];
  inlets_.erase({effect.node, effect.segment});
}

void World::order(const broker::Say& /*effect*/) {
  ++census_["broker says something"];
}

}  // namespace leat::sim
