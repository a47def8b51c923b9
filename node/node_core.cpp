#include "node/node_core.h"

#include <algorithm>
#include <utility>

#include "core/ensure.h"
#include "core/words.h"
#include "spec/parse.h"
#include "spec/plan.h"
#include "wire/codec.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// Between attempts to join: the first is lost when the connection is not made yet.
constexpr Duration kJoinPauseMin = 50ms;
constexpr Duration kJoinPauseMax = 1s;
constexpr Duration kPauseAfterRefusal = 3s;
constexpr std::uint32_t kReplicasMax = 1024;  // Of a stage: no spec has more.

std::string in_seconds(Duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

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
    if (!has_started_) heard_at_ = now;
    has_started_ = true;
    next_beat_ = now + beat_;
    const bool is_silent = beats_ - beat_of_last_word_ >= settings_.broker_silence_beats;
    if (!is_joined_ || is_silent) {
      join();
    } else {
      report();
      resend_results();
    }
    if (!is_joined_ && !settings_.broker.empty()) answer_silence();
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

Inlet* NodeCore::find(SegmentId segment) {
  const auto found = inlets_.find(segment);
  return found == inlets_.end() ? nullptr : found->second.get();
}

void NodeCore::on(const BrokerMessage& event) {
  if (has_ended_) return;
  beat_of_last_word_ = beats_;
  heard_at_ = now_;
  std::visit([this](const auto& message) { receive(message); }, event.message);
}

void NodeCore::on(const InletMessage& event) {
  const auto* const lease = std::get_if<wire::Lease>(&event.message);
  if (lease == nullptr) {
    ignored_.note(std::string("a '") + wire::kind_name(event.message) +
                  "' came to an inlet and was ignored");
    return;
  }
  Inlet* const inlet = find(lease->segment);
  if (inlet != nullptr) inlet->take(*lease, effects_, now_);
}

void NodeCore::on(const InletBound& event) {
  Inlet* const inlet = find(event.segment);
  if (inlet == nullptr || inlet->opening().epoch != event.epoch) return;
  inlet->set_address(event.address);
  report();
}

void NodeCore::on(const InletBindFailed& event) {
  Inlet* const inlet = find(event.segment);
  if (inlet == nullptr || inlet->opening().epoch != event.epoch) return;
  inlet->fail(event.reason);
  effects_.push_back(Say{event.reason});
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

// ---- The broker.

void NodeCore::join() {
  is_joined_ = false;
  ++beats_;
  join_pause_ = std::clamp<Duration>(join_pause_ * 2, kJoinPauseMin, kJoinPauseMax);
  next_beat_ = now_ + join_pause_;
  effects_.push_back(SendToBroker{wire::NodeJoin{.name = settings_.name,
                                                 .incarnation = settings_.incarnation,
                                                 .cores = settings_.cores,
                                                 .labels = settings_.labels}});
}

void NodeCore::answer_silence() {
  reconnected_at_ = std::max(reconnected_at_, heard_at_);
  if (now_ - reconnected_at_ >= settings_.broker_patience) {
    reconnected_at_ = now_;
    effects_.push_back(ReconnectToBroker{});
  }
  const Duration silence = now_ - heard_at_;
  if (has_told_silence_ || silence < settings_.broker_patience) return;
  has_told_silence_ = true;
  const std::string what = broker_incarnation_ == 0
                               ? ". Is it running, is this its address, does it have the same keys?"
                               : ": the tools stay warm.";
  effects_.push_back(Say{"no word from the broker at " + settings_.broker + " for " +
                         in_seconds(silence) + what + " It is tried again and again"});
}

void NodeCore::receive(const wire::NodeWelcome& message) {
  if (message.incarnation != broker_incarnation_) forget_broker();
  if (!is_joined_ && !settings_.broker.empty()) {
    effects_.push_back(Say{"joined broker at " + settings_.broker});
  }
  broker_incarnation_ = message.incarnation;
  if (id_ != message.node) {
    for (auto& [segment, inlet] : inlets_) {
      inlet->forget_counts();
    }
  }
  id_ = message.node;
  is_joined_ = true;
  has_told_silence_ = false;
  told_refusal_.clear();
  join_pause_ = {};
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
  std::size_t leases = 0;
  for (auto& [segment, inlet] : inlets_) {
    leases += inlet->held_leases();
    inlet->end(effects_, now_, false);
    effects_.push_back(UnbindInlet{segment});
    leaving_.push_back(std::move(inlet));
  }
  if (broker_incarnation_ != 0) {
    effects_.push_back(Say{"the broker was started anew: " + count_of(leases, "lease") + " and " +
                           count_of(results_.size(), "result") + " of the old one were dropped"});
  }
  inlets_.clear();
  results_.clear();
}

void NodeCore::receive(const wire::Refused& message) {
  const std::string text = "the broker refused " + message.what + ": " + message.reason;
  if (message.what != "node-join") {
    // Before it has joined the same comes every time that it asks.
    if (is_joined_ || told_refusal_ != message.reason) effects_.push_back(Say{text});
    told_refusal_ = message.reason;
    is_joined_ = false;
    return;
  }
  if (!is_joined_) next_beat_ = now_ + std::max<Duration>(kPauseAfterRefusal, beat_);
  if (told_refusal_ == message.reason) return;
  told_refusal_ = message.reason;
  effects_.push_back(Say{text + "; it is asked again every " + in_seconds(kPauseAfterRefusal)});
}

void NodeCore::receive(const wire::Dismissed& /*message*/) {
  effects_.push_back(Say{"the broker needs this node no more: it ends"});
  is_dismissed_ = true;
  begin_end(Ending::kGraceful);
}

// ---- Inlets.

void NodeCore::receive(const wire::OpenInlet& message) {
  if (!is_joined_) return;
  Inlet* const here = find(message.segment);
  const bool is_same = here != nullptr && here->is_for(message);
  // One that failed gets another chance with the next epoch: all of it begins anew.
  const bool begins_anew = !is_same || (here->failure() && message.epoch > here->opening().epoch);
  if (begins_anew) {
    open(message);
  } else {
    change(*here, message);
  }
}

void NodeCore::open(const wire::OpenInlet& message) {
  receive(wire::CloseInlet{message.segment});
  Result<spec::Pipeline> pipeline =
      spec::parse({message.spec_text, "the deployed spec", message.directory});
  if (!pipeline) return refuse(message, "", pipeline.error().message);
  const spec::Plan plan = spec::plan(*pipeline);
  if (message.segment.index >= plan.segments.size()) {
    return refuse(message, "", "the spec has no such segment");
  }
  const std::size_t stage = plan.segments[message.segment.index].stages.front();
  if (message.replicas > (message.ordered ? 1 : kReplicasMax)) {
    return refuse(message, pipeline->stages[stage].name,
                  "the node was to run more replicas than a stage may have");
  }
  inlets_[message.segment] =
      std::make_unique<Inlet>(Inlet::Opening{.segment = message.segment,
                                             .epoch = message.epoch,
                                             .replicas = message.replicas,
                                             .is_ordered = message.ordered,
                                             .seed = settings_.seed + message.epoch,
                                             .spec_text = message.spec_text,
                                             .directory = message.directory},
                              std::move(*pipeline), stage);
  effects_.push_back(BindInlet{message.segment, message.epoch});
}

void NodeCore::change(Inlet& inlet, const wire::OpenInlet& message) {
  if (message.replicas > (message.ordered ? 1 : kReplicasMax)) {
    return refuse(message, "", "the node was to run more replicas than a stage may have");
  }
  inlet.resize(message.replicas);
  if (message.epoch <= inlet.opening().epoch) return;
  inlet.renew(message.epoch);
  effects_.push_back(BindInlet{message.segment, message.epoch});
}

void NodeCore::refuse(const wire::OpenInlet& message, std::string stage, std::string reason) {
  effects_.push_back(SendToBroker{wire::StageFailed{.segment = message.segment,
                                                    .epoch = message.epoch,
                                                    .stage = std::move(stage),
                                                    .reason = std::move(reason)}});
}

void NodeCore::receive(const wire::CloseInlet& message) {
  const auto inlet = inlets_.find(message.segment);
  if (inlet == inlets_.end()) return;
  inlet->second->end(effects_, now_, false);
  leaving_.push_back(std::move(inlet->second));
  inlets_.erase(inlet);
  effects_.push_back(UnbindInlet{message.segment});
}

void NodeCore::receive(const wire::LogsWanted& message) {
  const Inlet* const inlet = find(message.segment);
  // Without the inlet an empty answer, so that nobody waits for it.
  effects_.push_back(SendToBroker{inlet == nullptr ? wire::NodeLogs{.reply_to = message.reply_to}
                                                   : inlet->logs(message.reply_to, now_)});
}

void NodeCore::receive(const wire::ResultsDone& message) {
  for (const wire::NumberRange& range : message.results) {
    auto at = results_.lower_bound(range.first);
    while (at != results_.end() && at->first - range.first < range.count) {
      const wire::LeaseResult& result = at->second.result;
      Inlet* const inlet = find(result.segment);
      if (inlet != nullptr) inlet->result_done(result.epoch, result.lease);
      at = results_.erase(at);
    }
  }
}

void NodeCore::receive(const wire::BrokerBeat& message) {
  for (const wire::InletBeat& beat : message.inlets) {
    Inlet* const inlet = find(beat.segment);
    const bool is_ours = inlet != nullptr && inlet->opening().epoch == beat.epoch;
    if (is_ours) inlet->note_sent(beat.sent);
  }
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
    // The first word of it may have been lost.
    if (std::optional<wire::StageFailed> failed = inlet->failure()) {
      effects_.push_back(SendToBroker{std::move(*failed)});
    }
    // One that does not listen yet is not there yet.
    wire::InletReport entry = inlet->report();
    if (entry.address.empty()) continue;
    inlet->set_told_leases_max(entry.leases_max);
    report.inlets.push_back(std::move(entry));
  }
  effects_.push_back(SendToBroker{std::move(report)});
}

void NodeCore::push_result(wire::LeaseResult result) {
  result.node = id_;
  result.number = ++result_count_;
  effects_.push_back(PushResult{result});
  // NOLINTNEXTLINE(bugprone-use-after-move): moving leaves the number.
  results_.emplace(result.number, HeldResult{std::move(result), beats_});
}

void NodeCore::resend_results() {
  // A broker that does not keep up is not helped by all of them: the oldest, and some at a time.
  constexpr int kResentMax = 256;
  int left = kResentMax;
  for (auto& [number, held] : results_) {
    if (beats_ - held.sent_at_beat < 3) continue;
    if (left-- == 0) return;
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
  if (std::optional<std::string> text = ignored_.due(now_)) {
    effects_.push_back(Say{std::move(*text)});
  }
  return std::exchange(effects_, {});
}

Effects NodeCore::end(Ending ending, Instant now) {
  ENSURE(now >= now_);
  now_ = now;
  begin_end(ending);
  return std::exchange(effects_, {});
}

void NodeCore::begin_end(Ending ending) {
  for (auto& [segment, inlet] : inlets_) {
    inlet->end(effects_, now_, ending == Ending::kKill);
  }
  for (const std::unique_ptr<Inlet>& inlet : leaving_) {
    if (ending == Ending::kKill) inlet->end(effects_, now_, true);
  }
  if (is_joined_ && !has_ended_) effects_.push_back(SendToBroker{wire::NodeLeave{}});
  has_ended_ = true;
}

bool NodeCore::is_gone() const {
  const bool are_open_gone = std::all_of(inlets_.begin(), inlets_.end(),
                                         [](const auto& entry) { return entry.second->is_gone(); });
  return are_open_gone && std::all_of(leaving_.begin(), leaving_.end(),
                                      [](const auto& inlet) { return inlet->is_gone(); });
}

}  // namespace leat::node
