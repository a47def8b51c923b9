// The part of BrokerCore that has to do with clients: sessions, consumers, and what operators ask.

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/broker_core.h"
#include "broker/changes.h"
#include "broker/reason.h"
#include "core/words.h"
#include "spec/nearest.h"
#include "spec/parse.h"

namespace leat::broker {

namespace {

// What is wrong with the opening, whatever is open already.
std::optional<std::string> fault_of(const wire::OpenSession& message) {
  if (message.producer.empty()) return "a session needs a name that no other one has";
  if (message.epoch == 0) return "the epoch of a session counts from 1";
  if (message.wants_stderr && message.use != wire::SessionUse::kPipe) {
    return "only a session that gets its own results back gets what its tools say, too";
  }
  const bool receives = message.use == wire::SessionUse::kReceive;
  if (receives && message.group.empty()) return "a consumer needs a group, as 'default'";
  if (receives || (message.group.empty() && message.from.empty())) return std::nullopt;
  return "only a consumer has a group, or a producer that it is for";
}

// Whether the name belongs to a consumer and is wanted for a producer, or the other way round.
bool is_of_other_kind(const Deployment& deployment, const wire::OpenSession& message) {
  if (message.use != wire::SessionUse::kReceive) {
    return deployment.outlet().find(message.producer) != nullptr;
  }
  return std::any_of(
      deployment.sessions().begin(), deployment.sessions().end(),
      [&](const auto& entry) { return entry.second.opening().producer == message.producer; });
}

}  // namespace

bool BrokerCore::is_version_known(const std::string& peer, std::uint32_t version,
                                  const char* what) {
  if (version == wire::kVersion) return true;
  refuse(peer, what,
         "the client speaks version " + std::to_string(version) +
             " of the protocol, and this broker version " + std::to_string(wire::kVersion));
  return false;
}

Deployment* BrokerCore::find_pipeline_for(const std::string& peer, const std::string& name,
                                          const char* what) {
  Deployment* const deployment = find_pipeline(name);
  if (deployment != nullptr) return deployment;
  std::vector<std::string_view> known;
  known.reserve(deployments_.size());
  for (const auto& [id, other] : deployments_) {
    known.emplace_back(other->pipeline().name);
  }
  const auto near = spec::nearest(name, known);
  refuse(peer, what,
         "there is no pipeline '" + name + "': deploy it first" +
             (near ? ", or did you mean '" + std::string(*near) + "'?" : ""));
  return nullptr;
}

std::optional<BrokerCore::Opened> BrokerCore::find_opened(const std::string& peer, ProducerId id,
                                                          std::uint64_t epoch) {
  const auto home = homes_.find(id);
  if (home == homes_.end()) {
    refuse(peer, "session",
           "there is no such session: it was closed, or the broker was started anew, and what it "
           "had in memory is lost");
    return std::nullopt;
  }
  Opened opened{.deployment = deployments_.at(home->second).get()};
  const auto session = opened.deployment->sessions().find(id);
  bool is_of_peer = false;
  if (session != opened.deployment->sessions().end()) {
    opened.session = &session->second;
    is_of_peer = session->second.opening().peer == peer;
  } else {
    const Outlet::Consumer& consumer = opened.deployment->outlet().consumers().at(id);
    opened.consumer = &consumer;
    is_of_peer = consumer.opening().peer == peer;
  }
  if (is_of_peer && opened.state().epoch == epoch) return opened;
  refuse(peer, "session", "another client has taken over this session's name");
  return std::nullopt;
}

Session* BrokerCore::find_session(const std::string& peer, ProducerId producer,
                                  std::uint64_t epoch) {
  const std::optional<Opened> opened = find_opened(peer, producer, epoch);
  if (!opened) return nullptr;
  if (opened->session == nullptr) refuse(peer, "session", "a consumer does not submit records");
  agenda_.touch(opened->deployment->id());
  return opened->session;
}

// ---- Pipelines.

void BrokerCore::receive(const std::string& peer, const wire::Deploy& message) {
  if (!is_version_known(peer, message.version, "deploy")) return;
  Result<spec::Pipeline> pipeline =
      spec::parse({message.spec_text, message.file, message.directory});
  if (!pipeline) return refuse(peer, "deploy", pipeline.error().message);
  for (const spec::Stage& stage : pipeline->stages) {
    const std::optional<std::string> reasons = why_ineligible(stage);
    if (!reasons) continue;
    return refuse(peer, "deploy", "no node may run stage '" + stage.name + "': " + *reasons);
  }
  Deployment* const there = find_pipeline(pipeline->name);
  if (there == nullptr) {
    deploy_new(peer, message, std::move(*pipeline));
  } else {
    deploy_again(peer, *there, message, std::move(*pipeline));
  }
}

void BrokerCore::deploy_new(const std::string& peer, const wire::Deploy& message,
                            spec::Pipeline pipeline) {
  if (deployments_.size() >= settings_.deployments_max) {
    return refuse(peer, "deploy",
                  "there are " + std::to_string(settings_.deployments_max) +
                      " pipelines already, which is the limit");
  }
  const DeploymentId id{settings_.incarnation, ++id_count_};
  std::string changes = "pipeline " + pipeline.name + ": new\n";
  for (const spec::Stage& stage : pipeline.stages) {
    changes += "stage " + stage.name + ": " + count_of(stage.replicas, "replica") + "\n";
  }
  effects_.push_back(Send{peer, wire::Deployed{id, pipeline.name, std::move(changes)}});
  add_deployment(id, {message.file, message.directory, message.spec_text}, std::move(pipeline));
}

void BrokerCore::add_deployment(DeploymentId id, Deployment::Text text, spec::Pipeline pipeline) {
  const auto patience =
      settings_.fails_for_good ? Failings::Patience::kForGood : Failings::Patience::kTriesAgain;
  deployments_.emplace(
      id, std::make_unique<Deployment>(id, std::move(text), std::move(pipeline), patience));
  agenda_.touch(id);
  is_placement_due_ = true;
}

void BrokerCore::end_deployment(Deployment& deployment, const std::string& reason) {
  tell_all(deployment, reason);
  deployment.close_inlets(effects_, now_);
  close_at_nodes(deployment);
  for (const auto& [id, session] : deployment.sessions()) {
    homes_.erase(id);
  }
  for (const auto& [id, consumer] : deployment.outlet().consumers()) {
    homes_.erase(id);
  }
  const DeploymentId id = deployment.id();
  agenda_.forget(id);
  deployments_.erase(id);
  is_placement_due_ = true;
}

void BrokerCore::deploy_again(const std::string& peer, Deployment& there,
                              const wire::Deploy& message, spec::Pipeline pipeline) {
  const Deployment::Text text{message.file, message.directory, message.spec_text};
  const bool is_same = there.text() == text;
  if (is_same && !there.failure_reason()) {
    // Whoever deploys again has mended something, and wants to see it work.
    const bool is_failing = there.failings().is_any_failing();
    const std::string changes = is_failing ? "what fails is tried again now\n" : "";
    effects_.push_back(Send{peer, wire::Deployed{there.id(), pipeline.name, changes}});
    if (!is_failing) return;
    there.failings().clear();
    is_placement_due_ = true;
    return;
  }
  if (!is_same && !there.is_alike(pipeline)) {
    return replace(peer, there, message, std::move(pipeline));
  }
  const std::string changes =
      is_same ? "started again after its failure\n" : changes_between(there.pipeline(), pipeline);
  effects_.push_back(Send{peer, wire::Deployed{there.id(), pipeline.name, changes}});
  there.restart(text, std::move(pipeline), effects_, now_);
  is_placement_due_ = true;
}

void BrokerCore::replace(const std::string& peer, Deployment& there, const wire::Deploy& message,
                         spec::Pipeline pipeline) {
  if (const std::uint64_t held = there.held_records(); held > 0) {
    return refuse(peer, "deploy",
                  "the stages of pipeline '" + pipeline.name + "' would be others, and " +
                      count_of(held, "record") +
                      " are in it: let them finish, or remove the pipeline with --drop");
  }
  const std::string changes = changes_between(there.pipeline(), pipeline);
  std::set<std::string> paused = std::move(there.paused());
  std::erase_if(paused, [&](const std::string& stage) {
    return find_stage(pipeline, stage) == pipeline.stages.end();
  });
  end_deployment(there, "the pipeline was deployed anew, with other stages");
  const DeploymentId id{settings_.incarnation, ++id_count_};
  effects_.push_back(Send{peer, wire::Deployed{id, pipeline.name, changes}});
  add_deployment(id, {message.file, message.directory, message.spec_text}, std::move(pipeline));
  deployments_.at(id)->paused() = std::move(paused);
}

void BrokerCore::receive(const std::string& peer, const wire::Describe& message) {
  const Deployment* const deployment = find_pipeline_for(peer, message.pipeline, "describe");
  if (deployment == nullptr) return;
  const Deployment::Text& text = deployment->text();
  effects_.push_back(Send{peer, wire::Description{text.file, text.directory, text.yaml}});
}

void BrokerCore::receive(const std::string& peer, const wire::Scale& message) {
  Deployment* const deployment = find_pipeline_for(peer, message.pipeline, "scale");
  if (deployment == nullptr) return;
  const auto& stages = deployment->pipeline().stages;
  const auto stage = find_stage(deployment->pipeline(), message.stage);
  if (stage == stages.end()) {
    return refuse(peer, "scale", no_stage(deployment->pipeline(), message.stage));
  }
  if (message.replicas < 1 || message.replicas > spec::kReplicasMax) {
    return refuse(peer, "scale",
                  std::to_string(message.replicas) + " replicas: expected 1 to " +
                      std::to_string(spec::kReplicasMax));
  }
  if (message.replicas > 1 && stage->langpack && !stage->langpack->pipe.empty()) {
    return refuse(peer, "scale",
                  "the tool of stage '" + message.stage + "' answers on the named pipe " +
                      stage->langpack->pipe + ", which is one replica's at a time");
  }
  deployment->scale(static_cast<std::size_t>(stage - stages.begin()), message.replicas, effects_,
                    now_);
  is_placement_due_ = true;
  effects_.push_back(Send{peer, wire::Done{"scale", 0}});
}

void BrokerCore::receive(const std::string& peer, const wire::Drain& message) {
  const auto& all = members_.all();
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const auto& entry) { return entry.second.name == message.node; });
  if (found == all.end()) {
    return refuse(peer, "drain", "there is no node '" + message.node + "'");
  }
  members_.member(found->first).is_draining = true;
  is_placement_due_ = true;
  is_dismissal_due_ = true;
  effects_.push_back(Send{peer, wire::Done{"drain", 0}});
}

void BrokerCore::receive(const std::string& peer, const wire::Remove& message) {
  Deployment* const deployment = find_pipeline_for(peer, message.pipeline, "remove");
  if (deployment == nullptr) return;
  const std::uint64_t held = deployment->held_records();
  if (held > 0 && !message.drop) {
    return refuse(peer, "remove",
                  count_of(held, "record") + " are in pipeline '" + message.pipeline +
                      "': let them finish and be received, or remove it with --drop");
  }
  end_deployment(*deployment, "the pipeline was removed");
  if (held > 0) {
    effects_.push_back(Say{"pipeline '" + message.pipeline + "' was removed, and with it " +
                           count_of(held, "record")});
  }
  effects_.push_back(Send{peer, wire::Done{"remove", held}});
}

void BrokerCore::receive(const std::string& peer, const wire::LogsRequest& message) {
  Deployment* const deployment = find_pipeline_for(peer, message.pipeline, "logs-request");
  if (deployment == nullptr) return;
  std::uint64_t asked = 0;
  bool is_known = message.stage.empty();
  for (std::size_t i = 0; i < deployment->plan().segments.size(); ++i) {
    const std::string& name = deployment->stage_of(i).name;
    if (!message.stage.empty() && name != message.stage) continue;
    is_known = true;
    for (const auto& [node, member] : members_.all()) {
      const SegmentId segment{deployment->id(), static_cast<std::uint32_t>(i)};
      if (deployment->inlet(segment, node) == nullptr) continue;
      effects_.push_back(Send{member.peer, wire::LogsWanted{segment, peer}});
      ++asked;
    }
  }
  if (!is_known) {
    return refuse(peer, "logs-request", no_stage(deployment->pipeline(), message.stage));
  }
  effects_.push_back(Send{peer, wire::Done{"logs-request", asked}});
}

void BrokerCore::receive(const std::string& peer, const wire::StatusRequest& message) {
  if (!message.pipeline.empty() &&
      find_pipeline_for(peer, message.pipeline, "status-request") == nullptr) {
    return;
  }
  effects_.push_back(Send{peer, status(message.pipeline, now_)});
}

// ---- Sessions.

void BrokerCore::receive(const std::string& peer, const wire::OpenSession& message) {
  if (!is_version_known(peer, message.version, "open-session")) return;
  if (const auto fault = fault_of(message)) return refuse(peer, "open-session", *fault);
  Deployment* const deployment = find_pipeline_for(peer, message.pipeline, "open-session");
  if (deployment == nullptr || resume_session(peer, *deployment, message)) return;
  if (is_of_other_kind(*deployment, message)) {
    return refuse(peer, "open-session",
                  "the name '" + message.producer +
                      "' is in use by a producer or consumer: give this one another name");
  }
  const bool is_back = message.taken > 0 || message.epoch > 1;
  if (is_back) {
    return refuse(peer, "open-session",
                  "the session of '" + message.producer +
                      "' is not here any more: the broker was started anew, or closed it");
  }
  const std::size_t open = deployment->sessions().size() + deployment->outlet().consumers().size();
  if (open >= settings_.sessions_max) {
    return refuse(peer, "open-session",
                  "pipeline '" + message.pipeline + "' has " +
                      std::to_string(settings_.sessions_max) +
                      " sessions already, which is the limit");
  }
  const std::optional<bool> had_results = message.use == wire::SessionUse::kReceive
                                              ? deployment->had_results(message.from)
                                              : std::nullopt;
  if (had_results == true) {
    return refuse(peer, "open-session",
                  "producer '" + message.from + "' is over, and all its results were taken");
  }
  open_new_session(peer, *deployment, message);
  if (had_results) deployment->outlet().end(message.from);
}

bool BrokerCore::resume_session(const std::string& peer, Deployment& deployment,
                                const wire::OpenSession& message) {
  const bool receives = message.use == wire::SessionUse::kReceive;
  for (auto& [id, session] : deployment.sessions()) {
    if (receives || session.opening().producer != message.producer) continue;
    Result<void> resumed = session.resume(message, peer, now_);
    if (!resumed) {
      refuse(peer, "open-session", resumed.error().message);
      return true;
    }
    effects_.push_back(Send{peer, session.state()});
    if (session.only_sends()) return true;
    for (wire::Delivery& delivery : session.untaken()) {
      effects_.push_back(Send{peer, std::move(delivery)});
    }
    return true;
  }
  Outlet& outlet = deployment.outlet();
  const Outlet::Consumer* const consumer = receives ? outlet.find(message.producer) : nullptr;
  if (consumer == nullptr) return false;
  if (const Result<void> resumed = outlet.resume(message, peer, now_); !resumed) {
    refuse(peer, "open-session", resumed.error().message);
    return true;
  }
  effects_.push_back(Send{peer, consumer->state()});
  for (wire::Delivery& delivery : outlet.untaken(consumer->opening().id)) {
    effects_.push_back(Send{peer, std::move(delivery)});
  }
  return true;
}

void BrokerCore::open_new_session(const std::string& peer, Deployment& deployment,
                                  const wire::OpenSession& message) {
  const bool receives = message.use == wire::SessionUse::kReceive;
  // What waits for consumers is theirs, whatever becomes of the pipeline.
  if (deployment.failure_reason() && !receives) {
    effects_.push_back(
        Send{peer, wire::SessionFailed{message.producer, *deployment.failure_reason()}});
    return;
  }
  const ProducerId id{settings_.incarnation, ++id_count_};
  homes_.emplace(id, deployment.id());
  if (receives) {
    const Outlet::Consumer& consumer = deployment.outlet().open(
        {id, message.producer, peer, message.epoch, message.group, message.from}, now_);
    effects_.push_back(Send{peer, consumer.state()});
    return;
  }
  const Session& session = deployment.open_session({.id = id,
                                                    .producer = message.producer,
                                                    .peer = peer,
                                                    .epoch = message.epoch,
                                                    .use = message.use,
                                                    .wants_stderr = message.wants_stderr},
                                                   now_);
  effects_.push_back(Send{peer, session.state()});
}

void BrokerCore::receive(const std::string& peer, const wire::Submit& message) {
  Session* const session = find_session(peer, message.producer, message.epoch);
  if (session == nullptr) return;
  const std::uint64_t end = message.sequence + message.records.count;
  const Result<void> taken = session->submit(message, now_);
  if (!taken) return refuse(peer, "submit", taken.error().message);
  // Where the client should go on, when that is not where it thinks; and a word now and then, for
  // its beats may lie behind much on a slow link.
  const bool is_elsewhere = session->flow().next_sequence() != end;
  if (!is_elsewhere && !session->is_word_due(now_)) return;
  session->note_word(now_);
  effects_.push_back(Send{peer, session->state()});
}

void BrokerCore::receive(const std::string& peer, const wire::EndOfInput& message) {
  Session* const session = find_session(peer, message.producer, message.epoch);
  if (session == nullptr) return;
  const Result<void> ended = session->end(message, now_);
  if (!ended) return refuse(peer, "end-of-input", ended.error().message);
  effects_.push_back(Send{peer, session->state()});
}

void BrokerCore::receive(const std::string& peer, const wire::Taken& message) {
  const std::optional<Opened> opened = find_opened(peer, message.producer, message.epoch);
  if (!opened) return;
  const std::uint64_t made = opened->state().deliveries;
  if (message.delivery > made) {
    return refuse(peer, "taken",
                  "it says that it has " + std::to_string(message.delivery) + " deliveries, of " +
                      std::to_string(made) + " made");
  }
  // One that takes nothing is a sign of life, and changes nothing else.
  if (take(*opened, message)) agenda_.touch(opened->deployment->id());
  if (message.beat > 0) {
    wire::SessionState state = opened->state();
    state.beat = message.beat;
    effects_.push_back(Send{peer, state});
  }
  if (opened->is_over()) close(*opened);
}

bool BrokerCore::take(const Opened& opened, const wire::Taken& message) {
  if (opened.session == nullptr) {
    return opened.deployment->outlet().taken(message.producer, message.delivery, now_);
  }
  opened.session->heard(now_);
  // The deliveries of one that only sends are its consumers'.
  return !opened.session->only_sends() && opened.session->taken(message.delivery, now_);
}

void BrokerCore::receive(const std::string& peer, const wire::CloseSession& message) {
  const std::optional<Opened> opened = find_opened(peer, message.producer, message.epoch);
  if (opened) close(*opened);
}

void BrokerCore::close(const Opened& opened) {
  agenda_.touch(opened.deployment->id());
  if (opened.session == nullptr) {
    opened.deployment->close_consumer(opened.consumer->opening().id);
  } else {
    opened.deployment->leave_session(opened.session->opening().id, now_);
  }
}

void BrokerCore::close_silent(Deployment& deployment) {
  const auto is_silent = [this](Instant last_heard) {
    return now_ - last_heard >= settings_.client_silence_max;
  };
  std::vector<ProducerId> silent;
  for (const auto& [id, session] : deployment.sessions()) {
    if (!session.is_detached() && is_silent(session.last_heard())) silent.push_back(id);
  }
  for (const ProducerId id : silent) {
    const Session& session = deployment.sessions().at(id);
    effects_.push_back(Say{"producer '" + session.opening().producer +
                           "' was not heard for too long: " +
                           (session.only_sends() ? "its input ends with what was accepted"
                                                 : "its session is closed")});
    deployment.leave_session(id, now_);
  }
  silent.clear();
  for (const auto& [id, consumer] : deployment.outlet().consumers()) {
    if (is_silent(consumer.last_heard())) silent.push_back(id);
  }
  for (const ProducerId id : silent) {
    effects_.push_back(Say{"consumer '" + deployment.outlet().consumers().at(id).opening().name +
                           "' was not heard for too long: what it has not taken goes to others"});
    deployment.close_consumer(id);
  }
}

void BrokerCore::tell_all(Deployment& deployment, const std::string& reason) {
  for (const auto& [id, session] : deployment.sessions()) {
    if (session.is_detached()) continue;
    effects_.push_back(
        Send{session.opening().peer, wire::SessionFailed{session.opening().producer, reason}});
  }
  for (const auto& [id, consumer] : deployment.outlet().consumers()) {
    effects_.push_back(
        Send{consumer.opening().peer, wire::SessionFailed{consumer.opening().name, reason}});
  }
}

}  // namespace leat::broker
