#include "tests/sim/world.h"

#include <algorithm>
#include <chrono>

#include "tests/sim/world_parts.h"

namespace leat::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 600s;  // Simulated: after healing all must finish.
constexpr Duration kInspection = 250ms;

}  // namespace

World::World(std::uint64_t seed, Kind kind, Census& census)
    : census_(census), chance_(seed), pause_chance_(~seed), habits_{chance_, census, {},
                                                                    0,       false,  {}} {
  draw_character(kind);
  draw_trouble(kind);
  draw_pipelines();
  broker_ = make_broker();
  const std::uint64_t nodes = chance_.between(trouble_ == Trouble::kToolMissingOnNode ? 2 : 1, 3);
  for (std::uint64_t i = 0; i < nodes; ++i) {
    nodes_.emplace_back();
    start_node(i);
  }
  populate();
}

World::~World() = default;

// ---- The beginning.

void World::draw_character(Kind kind) {
  is_calm_ = kind == Kind::kCalm;
  has_streams_ = kind == Kind::kStreams || (kind != Kind::kPipes && chance_.one_in(2));
  is_rest_seen_ = is_calm_ || !chance_.one_in(4);
  is_slow_ = chance_.one_in(3);
  pace_ = chance_.one_in(2) ? Duration(300ms) : Duration(10ms);
  habits_.drops = chance_.one_in(2);
  operations_left_ = is_calm_ ? chance_.between(1, 6) : chance_.below(6);
  pauses_left_ = pause_chance_.one_in(3) ? pause_chance_.between(1, 4) : 0;
  faults_left_ = is_calm_ ? 0 : chance_.below(12);
  start_failures_left_ = is_calm_ ? 0 : chance_.below(3);
  const bool is_long = !is_calm_ && chance_.one_in(8);
  fault_time_ = is_long ? Duration(70s) : (chance_.one_in(2) ? Duration(20s) : Duration(3s));
  heals_after_ = is_long ? Duration(75s) : Duration(20s);
  cut_max_ = is_long ? Duration(60s) : Duration(12s);
  is_group_loose_ = !is_calm_ && chance_.one_in(3);
  has_second_group_ = !is_group_loose_ && chance_.one_in(2);
  if (kind == Kind::kNewBroker) {
    broker_restarts_at_ = Instant{} + Duration(500ms) + chance_.up_to(6s);
  }
}

void World::draw_trouble(Kind kind) {
  has_labels_ = chance_.one_in(5);
  if (has_labels_ || (kind != Kind::kPipes && kind != Kind::kStreams)) return;
  switch (chance_.below(12)) {
    case 0:
      trouble_ = Trouble::kToolMissingOnNode;
      break;
    case 1:
      trouble_ = Trouble::kToolMissingEverywhere;
      is_tool_missing_ = true;
      break;
    case 2:
      trouble_ = Trouble::kRemoved;
      break;
    case 3:
      trouble_ = Trouble::kStageFailing;
      break;
    case 4:
      trouble_ = Trouble::kStageBreaking;
      break;
    default:
      break;
  }
}

void World::draw_pipelines() {
  pipelines_.push_back(draw_blueprint(chance_, "sim", 'a'));
  pipelines_[0].breaks_down = trouble_ == Trouble::kStageBreaking;
  // With one attempt for each record, whoever is charged without fault is given up: then only
  // marked records fail.
  pipelines_[0].attempts = !is_calm_ && chance_.one_in(3) ? 1 : 3;
  // An attempt that a fault costs, or a breakdown, may be a record's last.
  const bool may_have_faults =
      !is_calm_ && pipelines_[0].attempts > 1 && !pipelines_[0].breaks_down;
  habits_.faults_left = may_have_faults ? chance_.below(12) : 0;
  if (has_labels_) {
    pipelines_[0].stages[chance_.below(pipelines_[0].stages.size())].needs_label = true;
  }
  is_deployed_by_clients_ =
      !has_streams_ && !has_labels_ && !is_calm_ && trouble_ == Trouble::kNone && chance_.one_in(2);
  if (!is_deployed_by_clients_ && chance_.one_in(4)) {
    pipelines_.push_back(draw_blueprint(chance_, "other", 'o'));
    pipelines_[1].attempts = pipelines_[0].attempts;
  }
  if (!is_calm_) return;
  // Where space is short leases are recalled, and then work is done twice.
  for (Blueprint& pipeline : pipelines_) {
    pipeline.queue_bytes_max = std::size_t{1} << 20;
  }
}

void World::populate() {
  are_producers_started_ = false;
  producers_.clear();
  streams_.push_back(std::make_unique<StreamOracle>(pipelines_[0].shape()));
  if (is_deployed_by_clients_) return start_pipes(chance_.between(1, 3));
  // Then every node is there: a stage that cannot work on any node is the pipeline's failure.
  const Duration least = trouble_ == Trouble::kToolMissingOnNode ? 1500ms : 0ms;
  for (std::size_t i = 0; i < pipelines_.size(); ++i) {
    expect(least + chance_.up_to(1s), [this, i] { deploy_first(i); });
  }
}

void World::deploy_first(std::size_t pipeline) {
  const wire::Deploy deploy{
      .file = "sim.yml", .directory = "/", .spec_text = pipelines_[pipeline].text()};
  ask(deploy, [this, pipeline](const wire::Message* answer, const std::string& /*refusal*/) {
    // No node has joined that may run it.
    if (answer == nullptr) return expect(1s, [this, pipeline] { deploy_first(pipeline); });
    // A late answer, when it has been removed again.
    if (is_removed_ && pipeline == 0) return;
    if (pipeline > 0) {
      start(add_client(wire::SessionUse::kPipe, pipeline));
    } else if (has_streams_) {
      start_pipes(chance_.below(2));
      start_streams();
    } else {
      start_pipes(chance_.between(1, 3));
    }
  });
}

void World::start_pipes(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    start(add_client(wire::SessionUse::kPipe, 0));
  }
}

void World::start_streams() {
  StreamOracle& stream = *streams_.back();
  stream.add_group("all", true);
  if (is_group_loose_) return start_producers();
  add_consumer("all", "").is_keeper = true;
  if (has_second_group_) {
    const bool stays = chance_.one_in(2);
    stream.add_group("more", stays);
    if (stays) add_consumer("more", "").is_keeper = true;
  }
  for (const auto& client : clients_) {
    if (client->is_keeper && client->stream == &stream) start(*client);
  }
}

void World::start_producers() {
  are_producers_started_ = true;
  const std::uint64_t producers = chance_.between(1, 3);
  for (std::uint64_t i = 0; i < producers; ++i) {
    if (chance_.one_in(3)) {
      start_returner();
    } else {
      Client& sender = add_client(wire::SessionUse::kSend, 0);
      producers_.push_back(sender.peer);
      start(sender);
    }
  }
  const std::uint64_t consumers = chance_.below(4);
  for (std::uint64_t i = 0; i < consumers; ++i) {
    const std::string group = has_second_group_ && chance_.one_in(2) ? "more" : "all";
    const std::string from = chance_.one_in(3) ? producers_[chance_.below(producers_.size())] : "";
    expect(chance_.up_to(10s), [this, group, from] { start(add_consumer(group, from)); });
  }
}

void World::expect(Duration delay, const std::function<void()>& action) {
  ++coming_;
  schedule_.after(delay, [this, action, incarnation = broker_incarnation_] {
    --coming_;
    if (!is_removed_ && incarnation == broker_incarnation_) action();
  });
}

// ---- The end.

std::optional<std::string> World::run() {
  plan_faults();
  inspect();
  while (phase_ != Phase::kOver && !complaint_) {
    if (!schedule_.run_next(Instant{heals_after_ + kPatience})) break;
    if (!is_healed_ && schedule_.now() >= Instant{heals_after_}) heal();
  }
  find_complaint();
  if (complaint_) return complaint_;
  if (phase_ != Phase::kOver) return "something never finished: " + describe_unfinished();
  return std::nullopt;
}

void World::inspect() {
  find_complaint();
  if (is_healed_) resume_all();
  if (phase_ == Phase::kWorking && are_clients_done() && is_broker_empty()) {
    judge();
    begin_closing();
  } else if (phase_ == Phase::kWorking && are_clients_done() && is_removed_) {
    // A producer of before found a deploy that was sent twice.
    remove_all();
  } else if (phase_ == Phase::kClosing && is_broker_empty() && is_cluster_settled()) {
    begin_removing();
  } else if (phase_ == Phase::kRemoving && askers_.empty() &&
             !broker_->status("", schedule_.now()).pipelines.empty()) {
    // A deploy of before, sent twice, came after the removal.
    is_removed_ = true;
    remove_all();
  } else if (phase_ == Phase::kRemoving && is_all_removed()) {
    phase_ = Phase::kOver;
  }
  schedule_.after(kInspection, [this] { inspect(); });
}

bool World::is_done(const Client& client) const {
  if (client.is_finished || client.is_dead || client.core->is_over()) return true;
  if (client.use != wire::SessionUse::kReceive || client.is_leaving) return false;
  // One whose producer never came waits for it.
  return client.from.empty() || !came_.contains(client.from);
}

bool World::are_clients_done() const {
  if (coming_ > 0 || !askers_.empty()) return false;
  return std::all_of(clients_.begin(), clients_.end(),
                     [this](const auto& c) { return is_done(*c); }) &&
         std::all_of(returners_.begin(), returners_.end(),
                     [](const auto& returner) { return returner->is_over; });
}

bool World::is_broker_empty() const {
  if (broker_->held_bytes() > 0) return false;
  const wire::Status status = broker_->status("", schedule_.now());
  return std::all_of(status.pipelines.begin(), status.pipelines.end(), [this](const auto& p) {
    const bool has_clients =
        p.sessions + p.producers > 0 || (phase_ != Phase::kWorking && p.consumers > 0);
    return !has_clients && p.records + p.results + p.queue_bytes == 0;
  });
}

bool World::is_cluster_settled() const {
  const bool are_nodes_well =
      std::all_of(nodes_.begin(), nodes_.end(), [](const std::unique_ptr<Node>& node) {
        return node && !node->is_draining && !node->is_ending && !node->core->is_dismissed() &&
               node->core->held_results() == 0;
      });
  return are_nodes_well && has_replicas_as_wanted();
}

bool World::has_replicas_as_wanted() const {
  std::map<std::string, std::uint32_t> running;
  for (const auto& node : nodes_) {
    if (!node) continue;
    for (const auto& [id, tool] : node->tools) {
      ++running[tool->stage()];
    }
  }
  std::map<std::string, std::uint32_t> wanted;
  for (const auto& [pipeline, stages] : wanted_) {
    wanted.insert(stages.begin(), stages.end());
  }
  // A node where it failed on its records has it on trial until there are others.
  if (trouble_ == Trouble::kStageBreaking) {
    running.erase(pipelines_[0].stages[0].name);
    wanted.erase(pipelines_[0].stages[0].name);
  }
  return running == wanted;
}

void World::find_complaint() {
  const auto take = [this](const std::string& who, const std::optional<std::string>& complaint) {
    if (complaint) complain(who + ": " + *complaint);
  };
  take("on the wire", watch_.complaint());
  for (const auto& stream : streams_) {
    take("streams", stream->complaint());
  }
  for (const auto& client : clients_) {
    if (client->oracle) take(client->peer, client->oracle->complaint());
  }
}

void World::judge() {
  for (const auto& client : clients_) {
    if (client->oracle && client->is_finished) client->oracle->finished();
  }
  streams_.back()->finished();
  if (streams_.back()->has_seen_again()) ++census_["a consumer gets what another had not taken"];
  if (is_calm_) judge_work();
  find_complaint();
}

void World::judge_work() {
  for (const auto& [what, times] : habits_.work) {
    // A filter's process is told what those before it were given.
    if (mode_of(what.substr(0, what.find(' '))) == spec::Mode::kFilter) continue;
    if (times > 1) complain("nothing went wrong, and '" + what + "' was worked on twice");
  }
}

void World::begin_closing() {
  phase_ = Phase::kClosing;
  if (!is_healed_) heal();
  for (const auto& client : clients_) {
    const bool is_over = client->is_dead || client->is_finished;
    if (client->use == wire::SessionUse::kReceive && !is_over) close(*client);
  }
}

void World::begin_removing() {
  phase_ = Phase::kOver;
  if (!chance_.one_in(3)) return;
  phase_ = wanted_.empty() ? phase_ : Phase::kRemoving;
  remove_all();
}

void World::remove_all() {
  tolerate("the pipeline was removed");
  for (const auto& [pipeline, stages] : wanted_) {
    const bool has_come_back = is_removed_;
    ask(wire::Remove{pipeline, has_come_back},
        [this, has_come_back](const wire::Message* answer, const std::string& refusal) {
          if (answer == nullptr) return note_no_removal(refusal);
          if (has_come_back) return;
          if (std::get<wire::Done>(*answer).count > 0) complain("an empty pipeline had records");
        });
  }
}

bool World::is_all_removed() const {
  const bool are_tools_gone = std::all_of(nodes_.begin(), nodes_.end(), [](const auto& node) {
    return node && node->tools.empty() && node->bound.empty();
  });
  return askers_.empty() && are_tools_gone &&
         broker_->status("", schedule_.now()).pipelines.empty();
}

std::string World::describe_unfinished() const {
  std::string text = "in phase " + std::to_string(static_cast<int>(phase_)) + ", " +
                     std::to_string(coming_) + " to come, " + std::to_string(askers_.size()) +
                     " asking;";
  for (const auto& client : clients_) {
    if (!is_done(*client)) text += " " + client->peer;
  }
  for (const auto& returner : returners_) {
    if (!returner->is_over) text += " " + returner->name;
  }
  for (const wire::PipelineStatus& p : broker_->status("", schedule_.now()).pipelines) {
    text += "; " + p.name + ": " + p.state + ", records " + std::to_string(p.records) +
            ", sessions " + std::to_string(p.sessions) + ", producers " +
            std::to_string(p.producers) + ", consumers " + std::to_string(p.consumers) +
            ", results " + std::to_string(p.results) + ", bytes " + std::to_string(p.queue_bytes);
  }
  for (const auto& node : nodes_) {
    if (!node) continue;
    text += "; " + node->peer + (node->is_draining ? " draining" : "") + " holds " +
            std::to_string(node->core->held_results()) + ", tools";
    for (const auto& [id, tool] : node->tools) {
      text += " " + tool->stage();
    }
  }
  return text;
}

}  // namespace leat::sim
