// The broker of the simulated world.

#include <algorithm>
#include <chrono>

#include "spec/parse.h"
#include "tests/sim/world.h"
#include "tests/sim/world_parts.h"

namespace leat::sim {

namespace {

using namespace std::chrono_literals;

// What is under way while a limit is noticed, be it that each record of it becomes a dead letter.
constexpr std::size_t kLimitSlack = 16384;
// What tools say of a client's records, which has a limit of its own.
constexpr std::size_t kSaidMost = 8192;

bool is_refused(const std::string& peer, const broker::Effects& effects) {
  return std::any_of(effects.begin(), effects.end(), [&](const broker::Effect& effect) {
    const auto* const send = std::get_if<broker::Send>(&effect);
    return send != nullptr && send->peer == peer &&
           std::holds_alternative<wire::Refused>(send->message);
  });
}

// The answer of this kind to the peer, if there is one.
template <typename Kind>
const Kind* answer_of(const std::string& peer, const broker::Effects& effects) {
  for (const broker::Effect& effect : effects) {
    const auto* const send = std::get_if<broker::Send>(&effect);
    if (send == nullptr || send->peer != peer) continue;
    if (const auto* const answer = std::get_if<Kind>(&send->message)) return answer;
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<broker::BrokerCore> World::make_broker() const {
  return std::make_unique<broker::BrokerCore>(
      broker::Settings{.incarnation = broker_incarnation_,
                       .results_address = "results",
                       .beat = 1s,
                       .node_silence_max = 5s,
                       .client_silence_max = 20s,
                       .fails_for_good = trouble_ == Trouble::kToolMissingEverywhere});
}

void World::restart_broker() {
  ++census_["fault: the broker is started anew"];
  ++broker_incarnation_;
  inlets_.clear();
  wanted_.clear();
  texts_.clear();
  watch_.broker_died();
  broker_ = make_broker();
  broker_wake_.reset();
  for (const auto& client : clients_) {
    // Who has not begun would find the new one, and the oracles could not tell.
    if (!client->core->is_open() && !client->core->is_over()) kill_client(*client);
  }
  tolerate("the broker was started anew");
  tolerate("or the broker was started anew");
  tolerate("there is no pipeline 'sim': deploy it first");
  tolerate("there is no pipeline 'other': deploy it first");
  for (const auto& node : nodes_) {
    if (node) node->is_draining = false;
  }
  carry_out(broker_->tick(schedule_.now()));
  wake_broker();
  expect(chance_.up_to(3s), [this] { populate(); });
}

void World::step_broker(const broker::Event& event) {
  const broker::Effects effects = broker_->step(event, schedule_.now());
  if (const auto* const front = std::get_if<broker::FrontMessage>(&event)) {
    watch_.broker_hears(front->message);
    observe(*front, effects);
  }
  carry_out(effects);
  check_limits();
  wake_broker();
}

void World::observe(const broker::FrontMessage& event, const broker::Effects& effects) {
  const bool refused = is_refused(event.peer, effects);
  if (!refused) observe_consumer(event);
  if (const auto* const deploy = std::get_if<wire::Deploy>(&event.message)) {
    const auto* const deployed = answer_of<wire::Deployed>(event.peer, effects);
    const bool is_other = deployed != nullptr && !deployed->changes.empty() &&
                          deployed->changes != "what fails is tried again now\n";
    if (is_other) note_deployed(*deploy);
    const auto* const why = answer_of<wire::Refused>(event.peer, effects);
    // Labels are missing, or the only node is about to go.
    const bool may_refuse = why != nullptr && why->reason.starts_with("no node may run stage");
    if (deployed == nullptr && !may_refuse) complain("a deploy was refused");
  }
  if (const auto* const scale = std::get_if<wire::Scale>(&event.message)) {
    if (refused == wanted_.contains(scale->pipeline)) complain("a scale was answered wrongly");
    if (!refused) wanted_[scale->pipeline][scale->stage] = scale->replicas;
  }
  if (const auto* const pause = std::get_if<wire::Pause>(&event.message)) {
    if (refused == wanted_.contains(pause->pipeline)) complain("a pause was answered wrongly");
    if (!refused) note_paused(*pause);
  }
  if (const auto* const drain = std::get_if<wire::Drain>(&event.message); drain && !refused) {
    note_draining(drain->node);
  }
  if (const auto* const remove = std::get_if<wire::Remove>(&event.message); remove && !refused) {
    wanted_.erase(remove->pipeline);
    texts_.erase(remove->pipeline);
    watch_.pipeline_removed(remove->pipeline);
  }
  if (const auto* const told = answer_of<wire::Description>(event.peer, effects)) {
    const auto text = texts_.find(std::get<wire::Describe>(event.message).pipeline);
    if (text == texts_.end() || text->second != told->spec_text) complain("described wrongly");
  }
}

void World::observe_consumer(const broker::FrontMessage& event) {
  // Also of one that has died since it said so.
  const auto client = std::find_if(clients_.begin(), clients_.end(),
                                   [&](const auto& one) { return one->peer == event.peer; });
  if (client == clients_.end() || (*client)->use != wire::SessionUse::kReceive) return;
  if (const auto* const taken = std::get_if<wire::Taken>(&event.message)) {
    (*client)->stream->taken((*client)->peer, taken->delivery);
  }
  if (const auto* const open = std::get_if<wire::OpenSession>(&event.message)) {
    (*client)->stream->taken((*client)->peer, open->taken);
  }
}

void World::note_deployed(const wire::Deploy& deploy) {
  const Result<spec::Pipeline> pipeline =
      spec::parse({deploy.spec_text, deploy.file, deploy.directory});
  if (!pipeline) return complain("deployed what cannot be read: " + pipeline.error().message);
  texts_[pipeline->name] = deploy.spec_text;
  for (const spec::Stage& stage : pipeline->stages) {
    wanted_[pipeline->name][stage.name] = stage.replicas;
  }
}

void World::note_paused(const wire::Pause& pause) {
  for (const Blueprint& pipeline : pipelines_) {
    if (pipeline.name != pause.pipeline) continue;
    for (std::size_t i = 0; i < pipeline.stages.size(); ++i) {
      if (!pause.stage.empty() && pipeline.stages[i].name != pause.stage) continue;
      if (pause.is_paused) {
        watch_.stage_paused(pipeline.name, i);
      } else {
        watch_.stage_resumed(pipeline.name, i);
      }
    }
  }
}

void World::note_draining(const std::string& name) {
  for (const auto& node : nodes_) {
    // One of the same name that died may still be known.
    if (node && node->name == name && node->id) node->is_draining = true;
  }
}

void World::check_limits() {
  std::size_t most = 0;
  for (const Blueprint& pipeline : pipelines_) {
    // A quarter more, and what is under way is recalled.
    most += pipeline.queue_bytes_max + pipeline.queue_bytes_max / 4 + kLimitSlack;
  }
  for (const auto& client : clients_) {
    if (wants_stderr(*client)) most += kSaidMost;
  }
  const std::size_t held = broker_->held_bytes();
  if (held <= most) return;
  complain("the broker holds " + std::to_string(held) + " bytes, and the limits and what may " +
           "be under way are " + std::to_string(most));
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

// ---- Its effects.

void World::carry_out(const broker::Effects& effects) {
  for (const broker::Effect& effect : effects) {
    ++census_["broker effect " + std::to_string(effect.index())];
    std::visit([this](const auto& e) { order(e); }, effect);
  }
}

void World::order(const broker::Send& effect) {
  watch_.broker_sends(effect.message);
  const auto found = peers_.find(effect.peer);
  if (found == peers_.end()) {
    ++census_["broker is told that a peer is lost"];
    schedule_.after({}, [this, peer = effect.peer] { step_broker(broker::PeerLost{peer}); });
    return;
  }
  const Peer& peer = found->second;
  if (const auto* const delivery = std::get_if<wire::Delivery>(&effect.message)) {
    const bool receives = peer.client != nullptr && peer.client->stream != nullptr;
    if (receives) peer.client->stream->sent(peer.client->peer, *delivery);
  }
  if (const auto* const open = std::get_if<wire::OpenInlet>(&effect.message)) {
    check_labels(*peer.node, *open);
    if (peer.node->is_late) ++census_["a late node gets replicas"];
  }
  if (std::holds_alternative<wire::SessionState>(effect.message)) came_.insert(peer.session);
  peer.link->send(effect.message);
}

void World::check_labels(const Node& node, const wire::OpenInlet& message) {
  const bool is_first = message.spec_text.find("pipeline: sim\n") != std::string::npos;
  if (!is_first || !pipelines_[0].stages[message.segment.index].needs_label) return;
  ++census_["a stage that needs a label gets a node"];
  if (node.labels.contains("gpu") && node.labels.at("gpu") == "true") return;
  complain(node.peer + " was given a stage for which it lacks a label");
}

void World::order(const broker::PushLease& effect) {
  watch_.lease_pushed(effect.lease);
  const auto link = inlets_.find({effect.node, effect.lease.segment});
  if (link != inlets_.end()) link->second->send(effect.lease);
}

void World::order(const broker::ConnectInlet& effect) {
  watch_.inlet_connected(effect.node, effect.segment, effect.epoch);
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
  watch_.inlet_disconnected(effect.node, effect.segment);
  inlets_.erase({effect.node, effect.segment});
}

void World::order(const broker::Say& effect) {
  if (effect.text.ends_with("works again")) ++census_["a stage that failed works again"];
}

}  // namespace leat::sim
