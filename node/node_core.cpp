#include "node/node_core.h"

#include <algorithm>
#include <utility>

#include "core/ensure.h"
#include "spec/parse.h"
#include "spec/plan.h"
#include "wire/codec.h"

namespace leat::node {

NodeCore::NodeCore(Settings settings) : settings_(std::move(settings)) {}

Effects NodeCore::step(const Event& event, Instant now) {
  ENSURE(now >= now_);
  now_ = now;
  std::visit([this](const auto& e) { on(e); }, event);
  return finish_step();
}

Effects NodeCore::tick(Instant now) {
  ENSURE(now >= now_);
  now_ = now;
  if (!has_ended_ && (!has_started_ || now >= next_beat_)) {
    has_started_ = true;
    next_beat_ = now + beat_;
    const bool is_silent = beats_ - beat_of_last_word_ >= settings_.broker_silence_beats;
    if (!is_joined_ || is_silent) {
      join();
    } else {
      report();
      resend_results();
    }
  }
  return finish_step();
}

std::optional<Instant> NodeCore::next_deadline() const {
  std::optional<Instant> next;
  if (!has_ended_) next = has_started_ ? next_beat_ : now_;
  for (const auto& [segment, inlet] : inlets_) {
    const std::optional<Instant> at = inlet->next_deadline(now_);
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

void NodeCore::on(const BrokerMessage& event) {
  beat_of_last_word_ = beats_;
  std::visit([this](const auto& message) { receive(message); }, event.message);
}

void NodeCore::on(const InletMessage& event) {
  const auto* const lease = std::get_if<wire::Lease>(&event.message);
  if (lease == nullptr) {
    effects_.push_back(Say{std::string("a '") + wire::kind_name(event.message) +
                           "' came to an inlet and was ignored"});
    return;
  }
  const auto inlet = inlets_.find(lease->segment);
  if (inlet != inlets_.end()) inlet->second->take(*lease, effects_, now_);
}

void NodeCore::on(const InletBound& event) {
  const auto inlet = inlets_.find(event.segment);
  if (inlet == inlets_.end() || inlet->second->opening().epoch != event.epoch) return;
  inlet->second->set_address(event.address);
  report();
}

template <typename ToolEvent>
void NodeCore::on(const ToolEvent& event) {
  for (const auto& [segment, inlet] : inlets_) {
    if (inlet->dispatch(event, effects_, now_)) return;
  }
  for (const std::unique_ptr<Inlet>& inlet : leaving_) {
    if (inlet->dispatch(event, effects_, now_)) return;
  }
}

void NodeCore::join() {
  is_joined_ = false;
  ++beats_;
  effects_.push_back(SendToBroker{wire::NodeJoin{.name = settings_.name,
                                                 .incarnation = settings_.incarnation,
                                                 .cores = settings_.cores,
                                                 .labels = settings_.labels}});
}

void NodeCore::receive(const wire::NodeWelcome& message) {
  if (message.incarnation != broker_incarnation_) forget_broker();
  broker_incarnation_ = message.incarnation;
  id_ = message.node;
  is_joined_ = true;
  beats_ = 0;
  beat_of_last_word_ = 0;
  beat_ = std::chrono::milliseconds(std::max(message.beat_ms, 1U));
  next_beat_ = std::min(next_beat_, now_ + beat_);
  effects_.push_back(ConnectResults{message.results_address});
  report();
  for (auto& [number, held] : results_) {
    held.sent_at_beat = beats_;
    held.result.node = id_;
    effects_.push_back(PushResult{held.result});
  }
}

void NodeCore::forget_broker() {
  for (auto& [segment, inlet] : inlets_) {
    inlet->end(effects_, now_, false);
    effects_.push_back(UnbindInlet{segment});
    leaving_.push_back(std::move(inlet));
  }
  inlets_.clear();
  results_.clear();
}

void NodeCore::receive(const wire::OpenInlet& message) {
  if (!is_joined_ || has_ended_) return;
  const auto known = inlets_.find(message.segment);
  const bool is_same = known != inlets_.end() &&
                       known->second->opening().spec_text == message.spec_text &&
                       known->second->opening().replicas == message.replicas;
  if (is_same && known->second->opening().epoch >= message.epoch) return;
  if (is_same) {
    known->second->renew(message.epoch);
  } else {
    receive(wire::CloseInlet{message.segment});
    Result<spec::Pipeline> pipeline =
        spec::parse({message.spec_text, "the deployed spec", message.directory});
    const bool is_well = pipeline && message.segment.index < spec::plan(*pipeline).segments.size();
    if (!is_well) {
      effects_.push_back(SendToBroker{wire::StageFailed{
          .segment = message.segment,
          .epoch = message.epoch,
          .reason = pipeline ? "the spec has no such segment" : pipeline.error().message}});
      return;
    }
    const std::size_t stage = spec::plan(*pipeline).segments[message.segment.index].stages.front();
    if (message.replicas > pipeline->stages[stage].replicas) {
      effects_.push_back(SendToBroker{
          wire::StageFailed{.segment = message.segment,
                            .epoch = message.epoch,
                            .stage = pipeline->stages[stage].name,
                            .reason = "the node was to run more replicas than the spec has"}});
      return;
    }
    inlets_[message.segment] =
        std::make_unique<Inlet>(Inlet::Opening{message.segment, message.epoch, message.replicas,
                                               settings_.seed + message.epoch, message.spec_text},
                                std::move(*pipeline), stage);
  }
  effects_.push_back(BindInlet{message.segment, message.epoch});
}

void NodeCore::receive(const wire::CloseInlet& message) {
  const auto inlet = inlets_.find(message.segment);
  if (inlet == inlets_.end()) return;
  inlet->second->end(effects_, now_, false);
  leaving_.push_back(std::move(inlet->second));
  inlets_.erase(inlet);
  effects_.push_back(UnbindInlet{message.segment});
}

void NodeCore::receive(const wire::ResultsDone& message) {
  for (const wire::NumberRange& range : message.results) {
    auto at = results_.lower_bound(range.first);
    while (at != results_.end() && at->first - range.first < range.count) {
      const wire::LeaseResult& result = at->second.result;
      const auto inlet = inlets_.find(result.segment);
      if (inlet != inlets_.end()) inlet->second->result_done(result.epoch, result.lease);
      at = results_.erase(at);
    }
  }
}

void NodeCore::receive(const wire::BrokerBeat& message) {
  for (const wire::InletBeat& beat : message.inlets) {
    const auto inlet = inlets_.find(beat.segment);
    const bool is_ours = inlet != inlets_.end() && inlet->second->opening().epoch == beat.epoch;
    if (is_ours) inlet->second->note_sent(beat.sent);
  }
}

void NodeCore::receive(const wire::Refused& message) {
  effects_.push_back(Say{"the broker refused " + message.what + ": " + message.reason});
  if (message.what != "node-join") is_joined_ = false;
}

template <typename Other>
void NodeCore::receive(const Other& message) {
  effects_.push_back(Say{std::string("a '") + wire::kind_name(message) +
                         "' came from the broker and was ignored"});
}

void NodeCore::report() {
  if (!is_joined_) return;
  wire::NodeReport report;
  report.number = ++beats_;
  for (const auto& [segment, inlet] : inlets_) {
    // One that does not listen yet is not there yet.
    wire::InletReport entry = inlet->report();
    if (entry.address.empty()) continue;
    inlet->set_told_leases_max(entry.leases_max);
    report.inlets.push_back(std::move(entry));
    // The first word of it may have been lost.
    if (std::optional<wire::StageFailed> failed = inlet->failure()) {
      effects_.push_back(SendToBroker{std::move(*failed)});
    }
  }
  effects_.push_back(SendToBroker{std::move(report)});
}

void NodeCore::push_result(wire::LeaseResult result) {
  result.node = id_;
  result.number = ++result_count_;
  effects_.push_back(PushResult{result});
  results_.emplace(result.number, HeldResult{std::move(result), beats_});
}

void NodeCore::resend_results() {
  for (auto& [number, held] : results_) {
    if (beats_ - held.sent_at_beat < 3) continue;
    held.sent_at_beat = beats_;
    effects_.push_back(PushResult{held.result});
  }
}

void NodeCore::tell_credit(Inlet& inlet) {
  const std::uint64_t credit = inlet.leases_max();
  const std::uint64_t told = inlet.told_leases_max();
  // In steps, but at once when the broker may have run out.
  if (!is_joined_ || told == 0 || credit < told + 4) return;
  inlet.set_told_leases_max(credit);
  effects_.push_back(
      SendToBroker{wire::InletCredit{inlet.opening().segment, inlet.opening().epoch, credit}});
}

void NodeCore::advance() {
  for (auto& [segment, inlet] : inlets_) {
    for (wire::LeaseResult& result : inlet->advance(effects_, now_, tool_count_)) {
      push_result(std::move(result));
    }
    if (std::optional<wire::StageFailed> failed = inlet->failure();
        failed && !inlet->has_told_failure()) {
      effects_.push_back(SendToBroker{std::move(*failed)});
      inlet->set_told_failure();
    }
    tell_credit(*inlet);
    if (is_joined_ && inlet->is_newly_ready()) {
      inlet->set_told_ready();
      report();
    }
  }
  std::erase_if(leaving_, [](const std::unique_ptr<Inlet>& inlet) { return inlet->is_gone(); });
}

Effects NodeCore::finish_step() {
  if (!has_ended_) advance();
  return std::exchange(effects_, {});
}

Effects NodeCore::end(Ending ending, Instant now) {
  ENSURE(now >= now_);
  now_ = now;
  has_ended_ = true;
  for (auto& [segment, inlet] : inlets_) {
    inlet->end(effects_, now_, ending == Ending::kKill);
  }
  for (const std::unique_ptr<Inlet>& inlet : leaving_) {
    if (ending == Ending::kKill) inlet->end(effects_, now_, true);
  }
  if (is_joined_) effects_.push_back(SendToBroker{wire::NodeLeave{}});
  return std::exchange(effects_, {});
}

bool NodeCore::is_gone() const {
  const bool are_open_gone = std::all_of(inlets_.begin(), inlets_.end(),
                                         [](const auto& entry) { return entry.second->is_gone(); });
  return are_open_gone && std::all_of(leaving_.begin(), leaving_.end(),
                                      [](const auto& inlet) { return inlet->is_gone(); });
}

}  // namespace leat::node
