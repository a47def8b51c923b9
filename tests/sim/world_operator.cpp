// Operators of the simulated world: they ask, scale, drain, deploy and remove.

#include <algorithm>
#include <chrono>

#include "tests/sim/world.h"
#include "tests/sim/world_parts.h"

namespace leat::sim {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kNodesMax = 5;

}  // namespace

// ---- Asking.

void World::ask(wire::Message request, const Answered& answered) {
  askers_.push_back(std::make_unique<Asker>());
  Asker& asker = *askers_.back();
  asker.life = schedule_.begin_life();
  asker.peer = "operator" + std::to_string(++asker_count_);
  asker.core = std::make_unique<client::RequestCore>(client::RequestCore::Settings{request});
  asker.request = std::move(request);
  // Another broker's answer is no answer.
  asker.answered = [this, answered = std::move(answered), incarnation = broker_incarnation_](
                       const wire::Message* answer, const std::string& refusal) {
    if (incarnation == broker_incarnation_) answered(answer, refusal);
  };
  asker.to_broker =
      std::make_unique<Link>(schedule_, chance_, census_, [this, &asker](wire::Message message) {
        step_broker(broker::FrontMessage{asker.peer, std::move(message)});
      });
  asker.from_broker =
      std::make_unique<Link>(schedule_, chance_, census_, [this, &asker](const auto& message) {
        carry_out(asker, asker.core->receive(message, schedule_.now()));
      });
  peers_[asker.peer] = Peer{.link = asker.from_broker.get()};
  carry_out(asker, asker.core->start(schedule_.now()));
  wake_asker(asker);
  if (is_calm_ || !chance_.one_in(6)) return;
  // The question or the answer may be lost.
  later(asker, chance_.up_to(4ms), [&asker] {
    asker.to_broker->hiccup();
    asker.from_broker->hiccup();
  });
}

void World::wake_asker(Asker& asker) {
  const std::optional<Instant> next = asker.core->next_deadline();
  if (!next) return;
  later(asker, std::max(*next - schedule_.now(), Duration(0)), [this, &asker] {
    carry_out(asker, asker.core->tick(schedule_.now()));
    wake_asker(asker);
  });
}

void World::carry_out(Asker& asker, const client::RequestEffects& effects) {
  for (const client::RequestEffect& effect : effects) {
    ++census_["request effect " + std::to_string(effect.index())];
    if (const auto* const send = std::get_if<client::SendToBroker>(&effect)) {
      asker.to_broker->send(send->message);
    }
    if (const auto* const answer = std::get_if<client::Answer>(&effect)) {
      const bool is_first = !std::holds_alternative<wire::Logs>(answer->message);
      if (is_first) asker.answered(&answer->message, "");
    }
    if (const auto* const failed = std::get_if<client::Fail>(&effect)) {
      // Logs come from nodes, which may be gone.
      const bool may_be_silent = std::holds_alternative<wire::LogsRequest>(asker.request);
      if (failed->kind == client::Fail::Kind::kUnreachable && !may_be_silent) {
        complain(std::string(wire::kind_name(asker.request)) + " was never answered");
      }
      asker.answered(nullptr, failed->reason);
    }
  }
  if (!asker.core->is_over() || asker.is_over) return;
  asker.is_over = true;
  peers_.erase(asker.peer);
  later(asker, {}, [this, &asker] {
    schedule_.end_life(asker.life);
    std::erase_if(askers_, [&asker](const auto& other) { return other.get() == &asker; });
  });
}

// ---- What they do.

void World::operate() {
  if (phase_ != Phase::kWorking) return;
  const std::size_t node = chance_.below(nodes_.size());
  switch (chance_.below(is_calm_ ? 6 : 8)) {
    case 0:
    case 1:
      return scale();
    case 2:
    case 3:
      return drain(node);
    case 4:
      return question();
    case 5:
      return late_node();
    default:
      return deploy_again();
  }
}

void World::scale() {
  const Blueprint& pipeline = pipelines_[chance_.below(pipelines_.size())];
  const Blueprint::Stage& stage = pipeline.stages[chance_.below(pipeline.stages.size())];
  const auto there = wanted_.find(pipeline.name);
  const std::uint32_t before = there == wanted_.end() ? 0 : there->second[stage.name];
  // To change whether records come in order, a stage begins anew: then work is done twice.
  const bool is_fixed = is_calm_ && before < 2;
  const auto replicas = static_cast<std::uint32_t>(chance_.between(is_calm_ ? 2 : 1, 4));
  if (is_fixed) return;
  if (before > 0 && (before == 1) != (replicas == 1)) ++census_["operator: scales across one"];
  ++census_[replicas < before ? "operator: scales down" : "operator: scales up"];
  ask(wire::Scale{pipeline.name, stage.name, replicas},
      [](const wire::Message* /*answer*/, const std::string& /*refusal*/) {});
}

void World::pause() {
  if (phase_ != Phase::kWorking || is_healed_) return;
  const Blueprint& pipeline = pipelines_[pause_chance_.below(pipelines_.size())];
  const bool is_of_all = pause_chance_.one_in(4);
  const std::string stage =
      is_of_all ? "" : pipeline.stages[pause_chance_.below(pipeline.stages.size())].name;
  ++census_[is_of_all ? "operator: pauses a pipeline" : "operator: pauses a stage"];
  ask(wire::Pause{pipeline.name, stage, true},
      [](const wire::Message* /*answer*/, const std::string& /*refusal*/) {});
  // Else it is left to the end.
  if (pause_chance_.one_in(4)) return;
  schedule_.after(pause_chance_.up_to(pause_chance_.one_in(4) ? 40s : 4s),
                  [this, name = pipeline.name, stage] { resume(name, stage); });
}

void World::resume(const std::string& pipeline, const std::string& stage) {
  ++census_["operator: resumes"];
  ask(wire::Pause{pipeline, stage, false},
      [](const wire::Message* /*answer*/, const std::string& /*refusal*/) {});
}

void World::resume_all() {
  // What was asked before is over, also what was asked twice.
  if (!askers_.empty()) return;
  for (const auto& [pipeline, stages] : watch_.paused()) {
    resume(pipeline, "");
  }
}

void World::drain(std::size_t index) {
  if (!may_suffer(index)) return;
  ++census_["operator: drains a node"];
  ask(wire::Drain{nodes_[index]->name},
      [](const wire::Message* /*answer*/, const std::string& /*refusal*/) {});
}

void World::deploy_again() {
  Blueprint& pipeline = pipelines_[chance_.below(pipelines_.size())];
  if (is_removed_ || !wanted_.contains(pipeline.name)) return;
  ++census_["operator: deploys a changed text"];
  ++pipeline.version;
  Blueprint::Stage& stage = pipeline.stages[chance_.below(pipeline.stages.size())];
  stage.replicas = chance_.between(1, 3);
  ask(wire::Deploy{.file = "sim.yml", .directory = "/", .spec_text = pipeline.text()},
      [](const wire::Message* /*answer*/, const std::string& /*refusal*/) {});
}

void World::question() {
  const Blueprint& pipeline = pipelines_[chance_.below(pipelines_.size())];
  wire::Message request = wire::StatusRequest{chance_.one_in(2) ? pipeline.name : ""};
  if (chance_.one_in(3)) request = wire::Describe{pipeline.name};
  if (chance_.one_in(2)) {
    const std::string stage = chance_.one_in(2) ? pipeline.stages[0].name : "";
    request = wire::LogsRequest{pipeline.name, stage};
  }
  ask(std::move(request), [](const wire::Message* /*answer*/, const std::string& /*refusal*/) {});
}

void World::late_node() {
  if (nodes_.size() >= kNodesMax) return;
  ++census_["operator: starts another node"];
  nodes_.emplace_back();
  start_node(nodes_.size() - 1);
  nodes_.back()->is_late = true;
}

void World::remove_in_the_middle() {
  if (!wanted_.contains(pipelines_[0].name)) return;
  ++census_["operator: removes a pipeline with what is in it"];
  is_removed_ = true;
  for (const auto& client : clients_) {
    // Who has not begun never will.
    if (client->core && !client->core->is_open() && !client->core->is_over()) kill_client(*client);
  }
  tolerate_removal();
  streams_.back()->dropped();
  ask(wire::Remove{pipelines_[0].name, true},
      [this](const wire::Message* answer, const std::string& refusal) {
        if (answer == nullptr) note_no_removal(refusal);
      });
}

void World::tolerate_removal() {
  tolerate("the pipeline was removed");
  tolerate("there is no such session");
  tolerate("is not here any more");
  tolerate("there is no pipeline 'sim': deploy it first");
}

void World::note_no_removal(const std::string& refusal) {
  // The answer may have been lost, and then it was asked again.
  if (refusal.find("there is no pipeline") != std::string::npos) return;
  complain("a pipeline cannot be removed: " + refusal);
}

void World::revive_failed() {
  const wire::Status status = broker_->status(pipelines_[0].name, schedule_.now());
  if (is_removed_ && !status.pipelines.empty()) {
    // A deploy of before, sent twice, came after the removal; a client may have come behind it.
    tolerate_removal();
    return ask(wire::Remove{pipelines_[0].name, true},
               [](const wire::Message* /*answer*/, const std::string& /*refusal*/) {});
  }
  const bool has_failed =
      !status.pipelines.empty() && status.pipelines[0].state.starts_with("failed");
  if (!has_failed) return;
  ++census_["operator: deploys a failed pipeline again"];
  ask(wire::Deploy{.file = "sim.yml", .directory = "/", .spec_text = pipelines_[0].text()},
      [this](const wire::Message* answer, const std::string& refusal) {
        if (answer == nullptr) return complain("a failed pipeline stays so: " + refusal);
        start_pipes(1);
      });
}

}  // namespace leat::sim
