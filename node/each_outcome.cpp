// The part of EachReplica that turns what is uncommitted into results, or puts it back.

#include <algorithm>
#include <utility>

#include "node/each_replica.h"

namespace leat::node {

namespace {

// Adds the run behind the others, to the last one if it goes on where that ends.
void append(std::vector<Run>& runs, const Run& run) {
  Run* const last = runs.empty() ? nullptr : &runs.back();
  const bool extends = last != nullptr && last->is_one_for_one() && run.is_one_for_one() &&
                       last->first.plus(last->inputs) == run.first;
  if (!extends) return runs.push_back(run);
  last->inputs += run.inputs;
  last->outputs += run.outputs;
}

}  // namespace

std::uint32_t EachReplica::take_inputs(wire::LeaseResult& result,
                                       std::vector<Attribute>& attributes) {
  std::uint32_t outputs = 0;
  result.epoch = given_.front().epoch;
  result.lease = given_.front().lease;
  result.outputs.producer = given_.front().batch.producer;
  while (!given_.empty() && given_.front().lease == result.lease &&
         given_.front().epoch == result.epoch) {
    const Portion& portion = given_.front();
    // What waited for another attempt may come behind what followed it: that is another result.
    const bool is_behind = !result.outputs.runs.empty() &&
                           portion.batch.runs.front().first < result.outputs.runs.back().first;
    if (is_behind) break;
    for (const Run& run : portion.batch.runs) {
      append(result.outputs.runs, run);
    }
    for (Attribute attribute : portion.batch.records.attributes) {
      if (attribute.name == kUnterminated) continue;
      attribute.first += outputs;
      attributes.push_back(std::move(attribute));
    }
    outputs += portion.count();
    given_.pop_front();
  }
  return outputs;
}

void EachReplica::push_results(Records outputs, Turn& turn) {
  const std::uint32_t all = std::max(given_count_, 1U);
  const Duration busy = std::max<Duration>(turn.now - given_since_, Duration(1));
  count_burst();
  Records rest = std::move(outputs);
  while (!given_.empty()) {
    wire::LeaseResult result;
    std::vector<Attribute> attributes;
    const std::uint32_t count = take_inputs(result, attributes);
    result.outputs.records = rest.slice(0, count);
    rest = rest.slice(count, rest.count - count);
    auto& kept = result.outputs.records.attributes;
    kept.insert(kept.end(), attributes.begin(), attributes.end());
    const Duration here = busy * std::max(count, 1U) / all + std::exchange(wasted_, {});
    result.busy_ns = static_cast<std::uint64_t>(here.count());
    // The times of all went into one histogram; the first result brings them home.
    result.service = std::exchange(service_, {}).counts();
    turn.results.push_back(std::move(result));
  }
  given_count_ = 0;
  given_bytes_ = 0;
  look_at_.reset();
}

std::map<std::uint32_t, Portion> EachReplica::cut_given(const std::set<std::uint32_t>& cuts) {
  std::map<std::uint32_t, Portion> parts;
  std::uint32_t first = 0;
  for (Portion& portion : given_) {
    auto cut = cuts.upper_bound(first);
    while (cut != cuts.end() && *cut < first + portion.count()) {
      parts.emplace(first, portion.take_front(*cut - first));
      first = *cut++;
    }
    const std::uint32_t count = portion.count();
    parts.emplace(first, std::move(portion));
    first += count;
  }
  given_.clear();
  given_count_ = 0;
  given_bytes_ = 0;
  service_ = {};
  burst_answers_ = 0;
  return parts;
}

void EachReplica::blame(wire::Failure why, Turn& turn) {
  if (given_count_ > 0) wasted_ += turn.now - given_since_;
  // An answer that is too large is none.
  const std::uint32_t fit =
      std::min(answers_.count(), answers_.first_larger_than(printed_record_max(post_)));
  const std::uint32_t answered = std::min(fit, given_count_);
  // After a surplus or a missing answer nobody can say which answers are right, nor when a tool
  // dies that seems to have answered all.
  const bool is_unsound = why.kind == wire::FailureKind::kMismatch || answered == given_count_;
  const std::uint32_t sound = is_unsound ? 0 : answered;
  // Too much in all is no record's fault: one by one they will do.
  const bool is_sum = why.kind == wire::FailureKind::kOversize &&
                      answers_.largest_record() <= printed_record_max(post_);
  if (why.kind == wire::FailureKind::kMismatch || is_sum) turn.queue.begin_caution();
  std::optional<std::uint32_t> culprit;
  if (given_count_ == 1) culprit = 0;
  const bool is_first_unanswered = why.kind == wire::FailureKind::kTimeout ||
                                   (why.kind == wire::FailureKind::kOversize && !is_sum);
  if (is_first_unanswered && answered < given_count_) culprit = answered;
  std::set<std::uint32_t> cuts = {sound};
  if (culprit) {
    cuts.insert({*culprit, *culprit + 1});
    turn.queue.clear_suspicion();
  }
  why.stderr_tail = stderr_.text();
  std::map<std::uint32_t, Portion> parts = cut_given(cuts);
  // Back to the queue's front, the last first.
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->first == culprit) {
      charge(std::move(part->second), why, turn);
      continue;
    }
    const bool is_unknown = !culprit && part->first >= sound;
    part->second.is_suspect = part->second.attempts > 0 || is_unknown;
    turn.queue.push_front(std::move(part->second));
  }
}

void EachReplica::charge(Portion culprit, wire::Failure why, Turn& turn) {
  ++culprit.attempts;
  if (culprit.attempts < post_.stage.attempts) {
    const std::uint32_t doublings = std::min(culprit.attempts - 1, 10U);
    turn.tally.count_retried(1);
    culprit.is_suspect = true;
    culprit.not_before = turn.now + post_.stage.backoff * (1U << doublings);
    turn.queue.push_front(std::move(culprit));
    return;
  }
  // It was the record that made the tool end.
  contented_ends_ = 0;
  why.first = culprit.batch.runs.front().first;
  why.inputs = 1;
  why.attempts = culprit.attempts;
  wire::LeaseResult result;
  result.epoch = culprit.epoch;
  result.lease = culprit.lease;
  result.outputs.producer = culprit.batch.producer;
  result.outputs.runs.push_back({why.first, 1, 0});
  result.failures.push_back(std::move(why));
  result.busy_ns = static_cast<std::uint64_t>(std::exchange(wasted_, {}).count());
  turn.results.push_back(std::move(result));
}

}  // namespace leat::node
