#include "node/inlet.h"

#include <algorithm>

#include "core/ensure.h"
#include "node/langpack.h"
#include "node/uncommitted.h"

namespace leat::node {

namespace {

constexpr std::uint64_t kLeasesPerReplica = 16;

}  // namespace

Inlet::Inlet(Opening opening, spec::Pipeline pipeline, std::size_t stage)
    : opening_(std::move(opening)),
      pipeline_(std::move(pipeline)),
      stage_(pipeline_.stages[stage]),
      queue_(opening_.is_ordered),
      windows_(opening_.is_ordered),
      replicas_(Post{.stage = stage_,
                     .limits = pipeline_.limits,
                     .directory = pipeline_.directory,
                     .segment = opening_.segment,
                     .pipeline = pipeline_.name},
                {opening_.replicas, opening_.is_ordered, opening_.seed}),
      way_(stage_.buffering) {}

bool Inlet::is_for(const wire::OpenInlet& order) const {
  return order.segment == opening_.segment && order.spec_text == opening_.spec_text &&
         order.directory == opening_.directory && order.ordered == opening_.is_ordered;
}

void Inlet::renew(std::uint64_t epoch) {
  opening_.epoch = epoch;
  queue_.keep_epoch(epoch);
  windows_.keep_epoch(epoch);
  std::erase_if(held_, [epoch](const auto& entry) { return entry.first.first != epoch; });
  highest_seen_ = 0;
  next_lease_ = 1;
  early_.clear();
  told_leases_max_ = 0;
}

void Inlet::resize(std::uint32_t replicas) {
  if (replicas == replicas_.wanted()) return;
  replicas_.resize(replicas);
  has_told_ready_ = false;
}

// ---- Leases.

void Inlet::take(wire::Lease lease, Effects& effects, Instant now) {
  const LeaseKey key{lease.epoch, lease.number};
  const bool is_old = lease.epoch != opening_.epoch || held_.contains(key);
  if (is_old || lease.segment != opening_.segment) return;
  if (lease.window != (stage_.mode == spec::Mode::kWindow)) {
    effects.push_back(Say{"stage '" + stage_.name + "': a lease of the other mode was ignored"});
    return;
  }
  highest_seen_ = std::max(highest_seen_, lease.number);
  Held& held = held_[key];
  for (const Batch& slice : lease.slices) {
    held.inputs_left += input_count(slice.runs);
  }
  if (!opening_.is_ordered) return work_off(lease, now);
  early_.emplace(lease.number, std::move(lease));
  for (auto next = early_.find(next_lease_); next != early_.end();
       next = early_.find(++next_lease_)) {
    work_off(next->second, now);
    early_.erase(next);
  }
}

void Inlet::work_off(const wire::Lease& lease, Instant now) {
  if (lease.window) {
    take_window(lease);
  } else {
    take_records(lease, now);
  }
}

Reframed Inlet::input_of(const Batch& slice) const {
  if (!stage_.langpack) return reframe(slice, tool_input(stage_));
  return encode_requests(slice, stage_.langpack->content_type);
}

void Inlet::take_records(const wire::Lease& lease, Instant now) {
  for (const Batch& slice : lease.slices) {
    Reframed reframed = input_of(slice);
    for (Batch& part : reframed.parts) {
      Portion portion;
      portion.epoch = lease.epoch;
      portion.lease = lease.number;
      portion.is_unterminated = part.records.count == 1 && part.records.has(kUnterminated, 0);
      portion.is_suspect = lease.alone;
      portion.not_before = now;
      portion.wants_stderr = lease.wants_stderr;
      portion.batch = std::move(part);
      queue_.push_back(std::move(portion));
    }
    refuse(lease, slice, reframed.refused);
  }
}

void Inlet::refuse(const wire::Lease& lease, const Batch& slice,
                   const std::vector<Reframed::Refusal>& refused) {
  if (refused.empty()) return;
  const std::string place = stage_.langpack
                                ? "in its request"
                                : "in its input framing, " + framing::to_string(stage_.input);
  wire::LeaseResult result;
  result.epoch = lease.epoch;
  result.lease = lease.number;
  result.outputs.producer = slice.producer;
  for (const Reframed::Refusal& refusal : refused) {
    append(result.outputs.runs, {refusal.origin, 1, 0});
    result.failures.push_back(
        {.first = refusal.origin,
         .inputs = 1,
         .kind = wire::FailureKind::kFraming,
         .reason = "the record cannot be given to the tool: " + place + ", " + refusal.reason});
  }
  results_.push_back(std::move(result));
}

void Inlet::take_window(const wire::Lease& lease) {
  WindowWork work;
  work.epoch = lease.epoch;
  work.lease = lease.number;
  work.wants_stderr = lease.wants_stderr;
  std::vector<Reframed::Refusal> refused;
  for (const Batch& slice : lease.slices) {
    if (!stage_.holes.empty()) {
      // It is an argument, whatever the framing.
      work.slices.push_back(slice);
      continue;
    }
    Reframed reframed = reframe(slice, stage_.input);
    const bool lies_so = slice.records.separator == framing::terminator(stage_.input);
    work.is_reframed = work.is_reframed || !lies_so;
    if (slice.records.count == 0) work.slices.push_back(slice);
    for (Batch& part : reframed.parts) {
      work.is_unterminated = part.records.has(kUnterminated, part.records.count - 1);
      work.slices.push_back(std::move(part));
    }
    refused.insert(refused.end(), reframed.refused.begin(), reframed.refused.end());
  }
  const std::string framing = "in its input framing, " + framing::to_string(stage_.input) + ", ";
  if (!refused.empty()) {
    return refuse_window(lease, "record " + to_string(refused.front().origin) +
                                    " of the window cannot be given to the tool: " + framing +
                                    refused.front().reason);
  }
  if (stage_.input.kind == framing::Kind::kWhole && work.records() > 1) {
    return refuse_window(lease, "the window's " + std::to_string(work.records()) +
                                    " records cannot be given to the tool: " + framing +
                                    "they would be one; use window: {records: 1}");
  }
  windows_.push_back(std::move(work));
}

// Windows fail whole.
void Inlet::refuse_window(const wire::Lease& lease, const std::string& reason) {
  wire::LeaseResult result;
  result.epoch = lease.epoch;
  result.lease = lease.number;
  result.outputs.producer = lease.slices.front().producer;
  for (const Batch& slice : lease.slices) {
    for (const Run& run : slice.runs) {
      result.outputs.runs.push_back({run.first, run.inputs, 0});
      result.failures.push_back({.first = run.first,
                                 .inputs = run.inputs,
                                 .kind = wire::FailureKind::kFraming,
                                 .reason = reason});
    }
  }
  results_.push_back(std::move(result));
}

std::vector<wire::LeaseResult> Inlet::advance(Effects& effects, Instant now,
                                              std::uint64_t& next_tool) {
  Turn turn{queue_, effects, results_, tally_, way_, now};
  replicas_.advance(turn, windows_, next_tool);
  note_results(results_);
  std::vector<wire::LeaseResult> results = std::exchange(results_, {});
  for (wire::LeaseResult& result : results) {
    result.segment = opening_.segment;
  }
  return results;
}

void Inlet::note_results(std::vector<wire::LeaseResult>& results) {
  for (wire::LeaseResult& result : results) {
    const auto held = held_.find({result.epoch, result.lease});
    const bool is_old = held == held_.end();  // Of an older epoch.
    wire::shorten(result.said, is_old ? 0 : wire::kSaidBytesMax - held->second.said_bytes);
    if (is_old) continue;
    held->second.said_bytes += result.said.text.size();
    const std::uint64_t inputs = input_count(result.outputs.runs);
    ENSURE(held->second.inputs_left >= inputs);
    held->second.inputs_left -= inputs;
    ++held->second.results_open;
  }
}

void Inlet::result_done(std::uint64_t epoch, std::uint64_t lease) {
  const auto held = held_.find({epoch, lease});
  if (held == held_.end()) return;
  // The broker's word is not ours to trust.
  held->second.results_open -= std::min<std::uint64_t>(held->second.results_open, 1);
  if (held->second.inputs_left == 0 && held->second.results_open == 0) held_.erase(held);
}

void Inlet::end(Effects& effects, Instant now, bool kill) {
  Turn turn{queue_, effects, results_, tally_, way_, now};
  replicas_.end(turn, kill);
}

// ---- What the broker is told.

void Inlet::fail(std::string reason) {
  if (!failure()) failure_ = std::move(reason);
}

std::optional<wire::StageFailed> Inlet::failure() const {
  const std::optional<Replicas::Failure>& of_tool = replicas_.failure();
  if (!failure_ && !of_tool) return std::nullopt;
  return wire::StageFailed{.segment = opening_.segment,
                           .epoch = opening_.epoch,
                           .stage = stage_.name,
                           .reason = failure_ ? *failure_ : of_tool->reason,
                           .stderr_tail = failure_ ? "" : of_tool->stderr_tail};
}

wire::NodeLogs Inlet::logs(std::string reply_to, Instant now) const {
  return {.reply_to = std::move(reply_to),
          .pipeline = pipeline_.name,
          .stage = stage_.name,
          .lines = replicas_.log().lines(now)};
}

std::uint64_t Inlet::leases_max() const {
  const std::uint64_t most = kLeasesPerReplica * std::max(replicas_.wanted(), 1U);
  const std::uint64_t room = most - std::min<std::uint64_t>(most, held_.size());
  return std::max(told_leases_max_, highest_seen_ + room);
}

wire::InletReport Inlet::report() const {
  wire::InletReport report;
  report.segment = opening_.segment;
  report.epoch = opening_.epoch;
  report.address = address_;
  report.leases_max = leases_max();
  for (const auto& [key, held] : held_) {
    if (key.first != opening_.epoch) continue;
    append(report.leases, key.second);
  }
  report.replicas = replicas_.wanted();
  report.replicas_ready = replicas_.ready();
  report.retried = tally_.retried();
  report.restarts = tally_.restarts();
  return report;
}

std::optional<Instant> Inlet::next_deadline(Instant now) const {
  const std::optional<Instant> queue = queue_.next_deadline(now);
  const std::optional<Instant> replicas = replicas_.next_deadline(queue_, windows_, now);
  return queue && (!replicas || *queue < *replicas) ? queue : replicas;
}

bool Inlet::is_newly_ready() const {
  return !has_told_ready_ && !address_.empty() && replicas_.ready() >= replicas_.wanted();
}

}  // namespace leat::node
