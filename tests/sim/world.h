// A whole cluster in one thread: the programs' own logic of broker, nodes and clients, joined by
// simulated connections that carry the real encoding, with simulated tools. Everything that
// happens follows from the seed.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/broker_core.h"
#include "clients/cpp/request_core.h"
#include "clients/cpp/session_core.h"
#include "node/node_core.h"
#include "tests/sim/blueprint.h"
#include "tests/sim/fake_tool.h"
#include "tests/sim/link.h"
#include "tests/sim/oracle.h"
#include "tests/sim/stream_oracle.h"
#include "tests/sim/watch.h"

namespace leat::sim {

class World {
 public:
  enum class Kind {
    kPipes,      // Sessions that get their own results.
    kStreams,    // Producers and groups of consumers, pipes beside them.
    kNewBroker,  // Either, and the broker dies and is started anew, in memory: every session that
                 // was open must be told that it is gone, and new ones find a broker that works.
    kCalm        // Either, and nothing goes wrong; nodes come and go, stages get more and fewer
                 // replicas: no record may be worked on twice.
  };

  World(std::uint64_t seed, Kind kind, Census& census);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  World(World&&) = delete;
  World& operator=(World&&) = delete;

  // Lives through faults, heals, lets everything finish, and sees that nothing is left. What was
  // wrong, if anything.
  [[nodiscard]] std::optional<std::string> run();

 private:
  struct Node;
  struct Client;
  struct Returner;
  struct Asker;

  // One of these, at most, is the world's lasting trouble.
  enum class Trouble {
    kNone,
    kToolMissingOnNode,      // The first stage cannot start on one node.
    kToolMissingEverywhere,  // It cannot start anywhere for a while: the pipeline fails for good.
    kStageFailing,           // The same, and the broker tries it again: everything must arrive.
    kStageBreaking,          // It starts, but fails on whatever it is given, for a while.
    kRemoved                 // The pipeline is removed with what is in it.
  };

  // Who a message for the broker's peer goes to.
  struct Peer {
    Link* link = nullptr;
    Client* client = nullptr;
    Node* node = nullptr;
    std::string session;  // Its name, if it has one.
  };

  // What was answered; or nothing, and why.
  using Answered = std::function<void(const wire::Message* answer, const std::string& refusal)>;

  // ---- The beginning.
  void draw_character(Kind kind);
  void draw_trouble(Kind kind);
  void draw_pipelines();
  void populate();
  void deploy_first(std::size_t pipeline);
  void start_pipes(std::uint64_t count);
  void start_streams();
  void start_keepers();
  void start_producers();
  // Something comes later, and the world does not end before.
  void expect(Duration delay, const std::function<void()>& action);

  // ---- The end.
  void inspect();
  [[nodiscard]] bool are_clients_done() const;
  [[nodiscard]] bool is_done(const Client& client) const;
  [[nodiscard]] bool is_broker_empty() const;
  [[nodiscard]] bool is_cluster_settled() const;
  [[nodiscard]] bool has_replicas_as_wanted() const;
  void judge();
  void judge_work();
  void begin_closing();
  void begin_removing();
  void remove_all();
  [[nodiscard]] bool is_all_removed() const;
  void find_complaint();
  [[nodiscard]] std::string describe_unfinished() const;

  void complain(const std::string& what) {
    if (!complaint_) complaint_ = what;
  }

  // ---- Faults.
  void plan_faults();
  void fault();
  void node_dies(std::size_t index);
  void node_leaves(std::size_t index);
  void node_is_cut_off(std::size_t index);
  void data_hiccups(std::size_t index);
  [[nodiscard]] bool may_suffer(std::size_t index) const;
  static void cut(Node& node);
  static void restore(Node& node);
  // One of those that are here, if any suits.
  template <typename Suits>
  Client* choose_client(Suits suits);
  void client_hiccups();
  void pipe_dies();
  void sender_dies();
  void consumer_goes();
  void consumer_is_cut_off(Client& client);
  void restart_broker();
  void heal();

  // ---- Operators.
  void operate();
  void ask(wire::Message request, const Answered& answered);
  void wake_asker(Asker& asker);
  void carry_out(Asker& asker, const client::RequestEffects& effects);
  void scale();
  void pause();
  void resume(const std::string& pipeline, const std::string& stage);
  void resume_all();
  void drain(std::size_t index);
  void deploy_again();
  void question();
  void late_node();
  void remove_in_the_middle();
  void tolerate_removal();
  void note_no_removal(const std::string& refusal);
  void revive_failed();
  void tool_goes_and_comes();
  void tool_breaks_down();

  // ---- The broker.
  [[nodiscard]] std::unique_ptr<broker::BrokerCore> make_broker() const;
  void step_broker(const broker::Event& event);
  void observe(const broker::FrontMessage& event, const broker::Effects& effects);
  void observe_consumer(const broker::FrontMessage& event);
  void note_deployed(const wire::Deploy& deploy);
  void note_draining(const std::string& name);
  void note_paused(const wire::Pause& pause);
  void wake_broker();
  void check_limits();
  void carry_out(const broker::Effects& effects);
  void order(const broker::Send& effect);
  void order(const broker::PushLease& effect);
  void order(const broker::ConnectInlet& effect);
  void order(const broker::DisconnectInlet& effect);
  void order(const broker::Say& effect);
  void check_labels(const Node& node, const wire::OpenInlet& message);

  // ---- Nodes.
  void start_node(std::size_t index);
  void connect(Node& node);
  void note_welcome(Node& node, const wire::NodeWelcome& message);
  void see_end(Node& node);
  void step_node(Node& node, const node::Event& event);
  void wake_node(Node& node);
  void node_is_gone(std::size_t index);
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
  [[nodiscard]] spec::Mode mode_of(const std::string& stage_name) const;
  [[nodiscard]] std::optional<node::ToolStartFailed> refuse_start(const Node& node,
                                                                  const node::StartTool& effect);
  void work_later(Node& node, node::ToolId tool);
  void work(Node& node, node::ToolId id);
  void flush_output(Node& node, FakeTool& tool);

  // ---- Clients.
  Client& add_client(wire::SessionUse use, std::size_t pipeline);
  Client& add_consumer(const std::string& group, const std::string& from);
  void start(Client& client);
  void connect(Client& client);
  void hear(Client& client, const wire::Message& message);
  void close(Client& client);
  void kill_client(Client& client);
  void carry_out(Client& client, const client::Effects& effects);
  void wake_client(Client& client);
  void produce(Client& client);
  [[nodiscard]] std::string make_record(const std::string& name, std::uint64_t number);
  [[nodiscard]] static bool wants_stderr(const Client& client);
  void check_said(const Client& client, const wire::Delivery& delivery);
  void consume(Client& client, const wire::Delivery& delivery);
  void client_finished(Client& client);
  void client_failed(Client& client, const std::string& reason);
  void start_returner();
  void returner_comes(Returner& returner);
  void returner_dies(Returner& returner);
  void beat(Returner& returner);
  void hear(Returner& returner, const wire::Message& message);
  // Whoever is here now may be told this, and must be told no other reason.
  void tolerate(const std::string& reason);
  [[nodiscard]] static bool is_tolerated(const std::vector<std::string>& reasons,
                                         const std::string& reason);

  // Runs an action of a node or client that may be gone by then.
  template <typename Owner, typename Action>
  void later(Owner& owner, Duration delay, Action action);

  Census& census_;
  Chance chance_;
  Chance pause_chance_;  // Its own, so that a world without pauses is what it was without it.
  Schedule schedule_;
  Habits habits_;
  Watch watch_;

  // What kind of world it is; fixed after the beginning.
  bool has_streams_ = false;
  bool is_calm_ = false;
  bool has_labels_ = false;
  Trouble trouble_ = Trouble::kNone;
  std::optional<Instant> broker_restarts_at_;
  // Where it is not, a tool that drops or doubles answers cannot be found out: then none does.
  bool is_rest_seen_ = true;
  bool is_slow_ = false;   // Every tool.
  Duration fault_time_{};  // Faults happen until then.
  Duration heals_after_{};
  Duration cut_max_{};  // How long a node is cut off.
  Duration pace_{};     // Between a client's batches, at most.
  bool is_deployed_by_clients_ = false;
  // One group that anybody may leave; else there is one, "all", with a consumer that stays.
  bool is_group_loose_ = false;
  bool has_second_group_ = false;

  std::vector<Blueprint> pipelines_;
  std::unique_ptr<broker::BrokerCore> broker_;
  std::uint64_t broker_incarnation_ = 1;
  std::optional<Instant> broker_wake_;
  std::vector<std::unique_ptr<Node>> nodes_;  // Empty where it is dead.
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Returner>> returners_;
  std::vector<std::unique_ptr<Asker>> askers_;
  std::map<std::string, Peer> peers_;
  std::map<std::pair<NodeId, SegmentId>, std::unique_ptr<Link>> inlets_;
  std::vector<std::unique_ptr<StreamOracle>> streams_;  // The last is of the present broker.
  std::vector<std::string> producers_;                  // Their names, for consumers of one.
  std::set<std::string> came_;                          // Those that the broker has welcomed.
  std::map<std::string, std::string> texts_;            // As they are deployed, by pipeline.
  // By pipeline and stage, as operators and files last said and the broker agreed.
  std::map<std::string, std::map<std::string, std::uint32_t>> wanted_;

  std::uint64_t incarnations_ = 0;
  std::uint64_t asker_count_ = 0;
  std::uint64_t faults_left_ = 0;
  std::uint64_t operations_left_ = 0;
  std::uint64_t pauses_left_ = 0;
  std::uint64_t deaths_left_ = 3;  // A fourth could rightly end a record.
  std::uint64_t start_failures_left_ = 0;
  std::size_t coming_ = 0;  // What is expected and has not come.
  bool are_producers_started_ = false;
  bool is_tool_missing_ = false;
  bool is_removed_ = false;
  bool is_healed_ = false;
  enum class Phase { kWorking, kClosing, kRemoving, kOver };
  Phase phase_ = Phase::kWorking;
  std::optional<std::string> complaint_;
};

}  // namespace leat::sim
