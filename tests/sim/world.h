// A whole cluster in one thread: the programs' own logic of broker, nodes and clients, joined by
// simulated connections that carry the real encoding, with simulated tools. Everything that
// happens follows from the seed.

#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/broker_core.h"
#include "clients/cpp/session_core.h"
#include "node/node_core.h"
#include "tests/sim/fake_tool.h"
#include "tests/sim/link.h"
#include "tests/sim/oracle.h"

namespace leat::sim {

class World {
 public:
  World(std::uint64_t seed, Census& census);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  World(World&&) = delete;
  World& operator=(World&&) = delete;

  // Lives through faults, heals, and lets everything finish. What was wrong, if anything.
  [[nodiscard]] std::optional<std::string> run();

  // The same, with a broker that dies and is started anew, in memory: every session that was open
  // must be told that it is gone, and nothing may come twice.
  [[nodiscard]] std::optional<std::string> run_with_a_new_broker();

 private:
  struct Node;
  struct Client;

  void make_spec(std::uint64_t attempts);
  void start_node(std::size_t index);
  void start_client(std::size_t index);
  void plan_faults();
  void fault();
  void node_dies(std::size_t index);
  void node_is_cut_off(std::size_t index);
  void client_hiccups(std::size_t index);
  void client_dies(std::size_t index);
  void restart_broker();
  void heal();
  [[nodiscard]] bool is_finished() const;
  [[nodiscard]] std::optional<std::string> find_fault() const;
  void check_limits();

  void step_broker(const broker::Event& event);
  void wake_broker();
  void carry_out(const broker::Effects& effects);
  void order(const broker::Send& effect);
  void order(const broker::PushLease& effect);
  void order(const broker::ConnectInlet& effect);
  void order(const broker::DisconnectInlet& effect);
  void order(const broker::Say& effect);

  void step_node(Node& node, const node::Event& event);
  void wake_node(Node& node);
  void carry_out(Node& node, const node::Effects& effects);
  void order(Node& node, const node::StartTool& effect);
  void order(Node& node, const node::FeedTool& effect);
  void order(Node& node, const node::CloseStdin& effect);
  void order(Node& node, const node::LookAtTool& effect);
  void order(Node& node, const node::EndTool& effect);
  void order(Node& node, const node::PushResult& effect);
  void order(Node& node, const node::SendToBroker& effect);
  void order(Node& node, const node::ConnectResults& effect);
  void order(Node& node, const node::BindInlet& effect);
  void order(Node& node, const node::UnbindInlet& effect);
  void order(Node& node, const node::Say& effect);
  void work_later(Node& node, node::ToolId tool);
  void work(Node& node, node::ToolId tool);
  void flush_output(Node& node, FakeTool& tool);

  void carry_out(Client& client, const client::Effects& effects);
  void wake_client(Client& client);
  void produce(Client& client);
  void consume(Client& client, const wire::Delivery& delivery);
  // Runs an action of a node or client that may be gone by then.
  template <typename Owner, typename Action>
  void later(Owner& owner, Duration delay, Action action);

  Census& census_;
  Chance chance_;
  Schedule schedule_;
  Habits habits_;
  std::string spec_;
  std::string path_;  // What results end with.
  bool has_window_ = false;
  // Where it is not, a tool that drops or doubles answers cannot be found out: then none does.
  bool is_rest_seen_ = true;
  std::size_t queue_bytes_max_ = 0;
  std::unique_ptr<broker::BrokerCore> broker_;
  std::optional<Instant> broker_wake_;
  std::vector<std::unique_ptr<Node>> nodes_;  // Empty where it is dead.
  std::vector<std::unique_ptr<Client>> clients_;
  std::map<std::string, Link*> peers_;  // The broker's way to each peer.
  std::map<std::pair<NodeId, SegmentId>, std::unique_ptr<Link>> inlets_;
  std::uint64_t incarnations_ = 0;
  std::uint64_t faults_left_ = 0;
  std::uint64_t deaths_left_ = 3;  // A fourth could rightly end a record.
  Duration fault_time_{};          // Faults happen until then.
  bool is_slow_ = false;           // Every tool.
  Duration pace_{};                // Between a client's batches, at most.
  std::size_t coming_ = 0;         // Clients, with those that take a dead one's place.
  bool is_healed_ = false;
  bool may_sessions_fail_ = false;
  std::optional<std::string> complaint_;
};

}  // namespace leat::sim
