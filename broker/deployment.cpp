#include "broker/deployment.h"

#include <algorithm>
#include <utility>

#include "broker/reason.h"
#include "core/ensure.h"
#include "core/words.h"

namespace leat::broker {

namespace {

constexpr std::size_t kOverMax = 10'000;

std::uint64_t failed_of(const wire::LeaseResult& result) {
  std::uint64_t failed = 0;
  for (const wire::Failure& failure : result.failures) {
    failed += failure.inputs;
  }
  return failed;
}

// Whether a result is nothing but the tool's own failure on some records. One that says what is
// wrong with a record has not failed.
bool is_failure_of_tool(const wire::LeaseResult& result) {
  const auto is_tools = [](const wire::Failure& failed) {
    return failed.kind != wire::FailureKind::kFraming &&
           failed.kind != wire::FailureKind::kNodeLost && failed.kind != wire::FailureKind::kTool;
  };
  const std::uint64_t failed = failed_of(result);
  return failed > 0 && failed == input_count(result.outputs.runs) &&
         std::all_of(result.failures.begin(), result.failures.end(), is_tools);
}

}  // namespace

Deployment::Deployment(DeploymentId id, Text text, spec::Pipeline pipeline,
                       Failings::Patience patience)
    : id_(id),
      text_(std::move(text)),
      pipeline_(std::move(pipeline)),
      plan_(spec::plan(pipeline_)),
      failings_(id, patience),
      conducts_(plan_.segments.size()),
      tally_(pipeline_.stages.size()),
      last_served_(plan_.vertices.size()) {}

const spec::Stage& Deployment::stage_of(std::size_t segment) const {
  return pipeline_.stages[plan_.segments[segment].stages.front()];
}

Session& Deployment::open_session(const Session::Opening& opening, Instant now) {
  const ProducerId id = opening.id;
  if (over_.erase(opening.producer) > 0) std::erase(over_in_order_, opening.producer);
  return sessions_.try_emplace(id, opening, pipeline_, plan_, now).first->second;
}

void Deployment::close_session(ProducerId producer) {
  for (auto& [key, inlet] : inlets_) {
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, leased] : inlet.leases()) {
      if (leased.producer == producer) numbers.push_back(number);
    }
    for (const std::uint64_t number : numbers) {
      (void)inlet.take_back(number);
    }
  }
  for (Conduct& conduct : conducts_) {
    std::erase_if(conduct.set_aside,
                  [&](const SetAside& aside) { return aside.result.outputs.producer == producer; });
    conduct.set_aside_count = 0;
    for (const SetAside& aside : conduct.set_aside) {
      conduct.set_aside_count += input_count(aside.result.outputs.runs);
    }
  }
  sessions_.erase(producer);
  ended_.push_back(producer);
}

void Deployment::close_consumer(ProducerId consumer) {
  outlet_.close(consumer);
  ended_.push_back(consumer);
}

void Deployment::finish_taken(Instant now) {
  for (const Outlet::DoneParcel& parcel : outlet_.take_done()) {
    const auto session = sessions_.find(parcel.producer);
    if (session == sessions_.end()) continue;
    session->second.taken_alone(parcel.delivery, now);
    if (!session->second.is_over()) continue;
    const std::string name = session->second.opening().producer;
    const bool had_results = session->second.had_results();
    close_session(parcel.producer);
    outlet_.end(name);
    if (over_.insert_or_assign(name, had_results).second) over_in_order_.push_back(name);
    if (over_in_order_.size() <= kOverMax) continue;
    over_.erase(over_in_order_.front());
    over_in_order_.pop_front();
  }
}

std::optional<bool> Deployment::had_results(const std::string& producer) const {
  const auto found = over_.find(producer);
  return found == over_.end() ? std::nullopt : std::optional<bool>(found->second);
}

void Deployment::leave_session(ProducerId producer, Instant now) {
  Session& session = sessions_.at(producer);
  if (!session.only_sends()) return close_session(producer);
  session.detach(now);
}

bool Deployment::is_alike(const spec::Pipeline& other) const {
  const auto same = [](const spec::Stage& a, const spec::Stage& b) {
    return a.name == b.name && a.mode == b.mode && a.window == b.window;
  };
  return pipeline_.source_framing == other.source_framing &&
         pipeline_.sink_framing == other.sink_framing && pipeline_.from == other.from &&
         std::equal(pipeline_.stages.begin(), pipeline_.stages.end(), other.stages.begin(),
                    other.stages.end(), same);
}

void Deployment::restart(Text text, spec::Pipeline pipeline, Effects& effects, Instant now) {
  close_inlets(effects, now);
  now_ = now;
  end_holding();
  for (std::size_t i = 0; i < conducts_.size(); ++i) {
    take_back_set_aside(i);
  }
  text_ = std::move(text);
  const bool is_same = is_alike(pipeline);
  pipeline_ = std::move(pipeline);
  plan_ = spec::plan(pipeline_);
  conducts_.assign(plan_.segments.size(), {});
  last_served_.assign(plan_.vertices.size(), {});
  if (!is_same) tally_.reset(pipeline_.stages.size());
  failings_.clear();
  standstill_since_.reset();
  failure_.reset();
}

void Deployment::scale(std::size_t stage, std::uint32_t replicas, Effects& effects, Instant now) {
  const bool was_ordered = pipeline_.stages[stage].replicas == 1;
  pipeline_.stages[stage].replicas = replicas;
  if (was_ordered == (replicas == 1)) return;
  // Whether it takes records in order changes: nothing of the other kind may be under way.
  plan_ = spec::plan(pipeline_);
  for (std::size_t i = 0; i < plan_.segments.size(); ++i) {
    if (plan_.segments[i].stages.front() != stage) continue;
    std::vector<InletKey> keys;
    for (const auto& [key, inlet] : inlets_) {
      if (key.first == i) keys.push_back(key);
    }
    for (const InletKey& key : keys) {
      close_inlet(key, effects, now);
    }
  }
}

bool Deployment::is_ours(const wire::LeaseResult& result) const {
  if (result.segment.deployment != id_ || result.segment.index >= plan_.segments.size()) {
    return false;
  }
  // Failures are inputs of this result that came to nothing.
  return std::all_of(
      result.failures.begin(), result.failures.end(), [&](const wire::Failure& failed) {
        return std::any_of(
            result.outputs.runs.begin(), result.outputs.runs.end(), [&](const Run& run) {
              return run.outputs == 0 && run.first.is_sibling(failed.first) &&
                     failed.first.last() >= run.first.last() &&
                     failed.first.last() + failed.inputs <= run.first.last() + run.inputs;
            });
      });
}

bool Deployment::is_whole(const Session& session, const wire::LeaseResult& result) const {
  if (stage_of(result.segment.index).mode != spec::Mode::kWindow) return true;
  const std::size_t vertex = plan_.segments[result.segment.index].vertex;
  return session.flow().is_window(vertex, result.outputs.runs);
}

void Deployment::finish(const wire::LeaseResult& result, const std::string& node_name,
                        Instant now) {
  const auto found = sessions_.find(result.outputs.producer);
  if (found == sessions_.end() || failure_ || !is_ours(result)) return;
  Session& session = found->second;
  const std::size_t vertex = plan_.segments[result.segment.index].vertex;
  if (!session.flow().is_undecided(vertex, result.outputs.runs) || !is_whole(session, result)) {
    discard(session, result);
    return;
  }
  if (is_failure_of_tool(result)) return set_aside(session, result, node_name);
  if (failed_of(result) < input_count(result.outputs.runs)) {
    charge_set_aside(result.segment.index, now);
    conducts_[result.segment.index].succeed();
  }
  if (!bury(session, result, node_name)) return;
  commit(session, result, node_name, now);
  const Inlet* const from = inlet(result.segment, result.node);
  const bool is_of_now = from != nullptr && from->epoch() == result.epoch;
  if (is_of_now && failed_of(result) < input_count(result.outputs.runs)) {
    failings_.forget({result.segment.index, result.node});
  }
}

void Deployment::set_aside(Session& session, const wire::LeaseResult& result,
                           const std::string& node_name) {
  const spec::Stage& stage = stage_of(result.segment.index);
  if (stage.on_error == spec::OnError::kStop) {
    (void)bury(session, result, node_name);
    return;
  }
  Conduct& conduct = conducts_[result.segment.index];
  const Inlet* const from = inlet(result.segment, result.node);
  // What was under way when the stage was stopped says nothing of how it does now.
  const bool is_late = from == nullptr || from->epoch() != result.epoch;
  if (conduct.is_suspect && is_late) return;
  if (++conduct.failures_in_a_row >= conduct.allowance) {
    const wire::Failure& last = result.failures.front();
    const std::string reason =
        (conduct.is_suspect
             ? "it fails still, on " + count_of(conduct.allowance, "record") + " of those that wait"
             : std::to_string(Conduct::kFailuresMax) +
                   " different records in a row failed, so it is the stage that fails, not they") +
        "; the last: " + last.reason + (last.stderr_tail.empty() ? "" : "\n" + last.stderr_tail);
    if (failings_.patience() == Failings::Patience::kForGood) {
      return fail("stage '" + stage.name + "': " + reason);
    }
    conduct.stop(reason);
    return;
  }
  const std::size_t vertex = plan_.segments[result.segment.index].vertex;
  end_leases(session.flow().set_aside(vertex, result.outputs.runs));
  conduct.set_aside_count += input_count(result.outputs.runs);
  conduct.set_aside.push_back({result, node_name});
}

void Deployment::charge_set_aside(std::size_t segment, Instant now) {
  Conduct& conduct = conducts_[segment];
  conduct.set_aside_count = 0;
  for (const SetAside& aside : std::exchange(conduct.set_aside, {})) {
    const auto session = sessions_.find(aside.result.outputs.producer);
    const std::size_t vertex = plan_.segments[segment].vertex;
    if (session == sessions_.end()) continue;
    if (!session->second.flow().is_open(vertex, aside.result.outputs.runs)) continue;
    if (!bury(session->second, aside.result, aside.node_name)) return;
    commit(session->second, aside.result, aside.node_name, now);
  }
}

void Deployment::take_back_set_aside(std::size_t segment) {
  conducts_[segment].set_aside_count = 0;
  const std::size_t vertex = plan_.segments[segment].vertex;
  for (const SetAside& aside : std::exchange(conducts_[segment].set_aside, {})) {
    const auto session = sessions_.find(aside.result.outputs.producer);
    if (session == sessions_.end()) continue;
    session->second.flow().take_back_aside(vertex, aside.result.outputs.runs);
  }
}

std::vector<std::pair<SegmentId, std::string>> Deployment::take_verdicts() {
  std::vector<std::pair<SegmentId, std::string>> verdicts;
  for (std::size_t i = 0; i < conducts_.size(); ++i) {
    if (!conducts_[i].verdict) continue;
    take_back_set_aside(i);
    verdicts.emplace_back(SegmentId{id_, static_cast<std::uint32_t>(i)},
                          std::move(*std::exchange(conducts_[i].verdict, std::nullopt)));
  }
  return verdicts;
}

void Deployment::note_failing(std::size_t segment, Effects& effects, Instant now) {
  if (!failings_.begin(segment)) return;
  effects.push_back(Say{"pipeline '" + pipeline_.name + "': stage '" + stage_of(segment).name +
                        "' fails: " + failings_.reasons(segment, now)});
  // What was leased after them must not be ahead of them.
  if (!has_inlet(segment)) take_back_set_aside(segment);
}

void Deployment::tell_recovered(Effects& effects) {
  for (const std::size_t segment : failings_.take_recovered()) {
    effects.push_back(Say{"pipeline '" + pipeline_.name + "': stage '" + stage_of(segment).name +
                          "' works again"});
  }
}

bool Deployment::is_paused(std::size_t segment) const {
  return paused_.contains(stage_of(segment).name);
}

void Deployment::charge_idle(Instant now) {
  for (std::size_t i = 0; i < conducts_.size() && !failure_; ++i) {
    Conduct& conduct = conducts_[i];
    if (conduct.set_aside.empty()) continue;
    std::uint64_t open = 0;
    for (const auto& [id, session] : sessions_) {
      open += session.flow().ledger(plan_.segments[i].vertex).open_count();
    }
    // At the limit what is open behind them may have to wait for them.
    const bool is_stuck = bytes_ >= pipeline_.limits.queue_bytes_max && !has_leases(i);
    const bool has_others = open > conduct.set_aside_count;
    // The others, which may show whose fault it is, come when the stage goes on, and these again.
    const bool is_put_off = has_others && is_paused(i) && !has_leases(i);
    if (has_others && !is_stuck && !is_put_off) continue;
    // While the stage may be the one that fails nothing is charged for want of others.
    if (!conduct.is_suspect && !is_put_off) {
      charge_set_aside(i, now);
      continue;
    }
    if (!conduct.is_suspect) conduct.failures_in_a_row = 0;
    take_back_set_aside(i);
    // They would come behind others.
    for (auto& [key, inlet] : inlets_) {
      const bool is_ordered = plan_.vertices[plan_.segments[i].vertex].is_ordered;
      if (key.first == i && is_ordered) inlet.freeze();
    }
  }
}

void Deployment::end_leases(const std::map<LeaseKey, std::uint32_t>& holders) {
  for (const auto& [key, origins] : holders) {
    Inlet* const holder = inlet(key.segment, key.node);
    if (holder != nullptr && holder->epoch() == key.epoch) holder->ended(key.number, origins);
  }
}

void Deployment::commit(Session& session, const wire::LeaseResult& result,
                        const std::string& node_name, Instant now) {
  const spec::Segment& segment = plan_.segments[result.segment.index];
  count(session, result, node_name);
  session.add_said(stage_of(result.segment.index).name, node_name, result.said);
  end_leases(session.flow().commit(segment.vertex, result.outputs, now));
  Inlet* const from = inlet(result.segment, result.node);
  if (from == nullptr) return;
  from->measure(input_count(result.outputs.runs),
                Duration(static_cast<Duration::rep>(result.busy_ns)),
                result.outputs.records.bytes());
}

void Deployment::discard(Session& session, const wire::LeaseResult& result) {
  // What this lease still holds of the range will not be answered again: back into the queue.
  Inlet* const from = inlet(result.segment, result.node);
  if (from == nullptr || from->epoch() != result.epoch) return;
  const auto leased = from->leases().find(result.lease);
  if (leased == from->leases().end() || leased->second.window) return;
  const LeaseKey key{result.segment, result.node, result.epoch, result.lease};
  const std::size_t vertex = leased->second.vertex;
  std::uint64_t given = 0;
  for (const Run& run : result.outputs.runs) {
    given += session.flow().ledger(vertex).give_back({run.first, run.inputs}, key,
                                                     Ledger::Cause::kReturned);
  }
  from->ended(result.lease, given);
  if (given > 0 && plan_.vertices[vertex].is_ordered) from->freeze();
}

bool Deployment::bury(Session& session, const wire::LeaseResult& result,
                      const std::string& node_name) {
  const spec::Segment& segment = plan_.segments[result.segment.index];
  const std::size_t stage_index = segment.stages.front();
  const spec::Stage& stage = stage_of(result.segment.index);
  for (const wire::Failure& failed : result.failures) {
    if (stage.on_error == spec::OnError::kStop) {
      fail("stage '" + stage.name + "' failed on record " + to_string(failed.first) + ": " +
           failed.reason + (failed.stderr_tail.empty() ? "" : "\n" + failed.stderr_tail));
      return false;
    }
    if (stage.on_error == spec::OnError::kDrop) {
      session.add_dropped(failed.inputs);
      tally_.at(stage_index, node_name).dropped += failed.inputs;
      continue;
    }
    tally_.at(stage_index, node_name).dead_letters += failed.inputs;
    const Ledger& ledger = session.flow().ledger(segment.vertex);
    for (const Range& range : ledger.alike({failed.first, failed.inputs})) {
      wire::Failure part = failed;
      part.first = range.first;
      part.inputs = range.count;
      session.add_dead_letter({.failure = std::move(part),
                               .stage = stage.name,
                               .node = node_name,
                               .records = join(ledger.records_of(range))});
    }
  }
  return true;
}

void Deployment::count(const Session& session, const wire::LeaseResult& result,
                       const std::string& node_name) {
  const spec::Segment& segment = plan_.segments[result.segment.index];
  Tally::OnNode& counts = tally_.at(segment.stages.front(), node_name);
  const Ledger& ledger = session.flow().ledger(segment.vertex);
  for (const Run& run : result.outputs.runs) {
    for (const Records& records : ledger.records_of({run.first, run.inputs})) {
      counts.records_in += records.count;
      counts.bytes_in += records.blob.size();
    }
  }
  counts.records_out += result.outputs.records.count;
  counts.bytes_out += result.outputs.records.blob.size();
  counts.busy_ns += result.busy_ns;
  counts.service.merge(result.service);
  for (const wire::Failure& failed : result.failures) {
    counts.failed.at(static_cast<std::size_t>(failed.kind)) += failed.inputs;
  }
}

void Deployment::tick(Instant now) {
  for (auto& [id, session] : sessions_) {
    session.flow().tick(now);
  }
}

std::optional<Instant> Deployment::next_deadline() const {
  std::optional<Instant> next;
  if (!failure_) next = failings_.next_deadline();
  if (standstill_since_ && !failure_) {
    const Instant at = *standstill_since_ + kStandstillTime;
    if (!next || at < *next) next = at;
  }
  for (const auto& [id, session] : sessions_) {
    const std::optional<Instant> at = session.flow().next_deadline();
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

void Deployment::fail(std::string reason) {
  if (!failure_) failure_ = shortened(std::move(reason));
}

}  // namespace leat::broker
