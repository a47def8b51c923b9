#include "node/uncommitted.h"

#include <utility>

#include "core/ensure.h"

namespace leat::node {

void append(std::vector<Run>& runs, const Run& run) {
  Run* const last = runs.empty() ? nullptr : &runs.back();
  const auto is_plain = [](const Run& one) { return one.is_one_for_one() || one.outputs == 0; };
  const bool extends = last != nullptr && is_plain(*last) && is_plain(run) &&
                       last->is_one_for_one() == run.is_one_for_one() &&
                       last->first.plus(last->inputs) == run.first;
  if (!extends) return runs.push_back(run);
  last->inputs += run.inputs;
  last->outputs += run.outputs;
}

void Uncommitted::add(Portion portion, std::size_t bytes, Instant now) {
  if (count_ == 0) since_ = now;
  if (owed() == 0) last_progress_ = now;
  count_ += portion.count();
  given_bytes_ += bytes;
  given_.push_back(std::move(portion));
}

void Uncommitted::drop_answer_of_front() {
  ENSURE(count_ == 1);
  for (Run& run : given_.front().batch.runs) {
    run.outputs = 0;
  }
  given_.front().batch.records = {};
}

std::uint32_t Uncommitted::take_inputs(wire::LeaseResult& result,
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

std::vector<wire::LeaseResult> Uncommitted::take_one_for_one(Records outputs) {
  std::vector<wire::LeaseResult> results;
  Records rest = std::move(outputs);
  while (!given_.empty()) {
    wire::LeaseResult result;
    std::vector<Attribute> attributes;
    const std::uint32_t count = take_inputs(result, attributes);
    result.outputs.records = rest.slice(0, count);
    rest = rest.slice(count, rest.count - count);
    auto& kept = result.outputs.records.attributes;
    kept.insert(kept.end(), attributes.begin(), attributes.end());
    results.push_back(std::move(result));
  }
  clear();
  return results;
}

wire::LeaseResult Uncommitted::take_together(Records outputs) {
  for (Portion& portion : given_) {
    for (Run& run : portion.batch.runs) {
      run.outputs = 0;
    }
  }
  wire::LeaseResult result;
  std::vector<Attribute> attributes;  // They are of single records.
  (void)take_inputs(result, attributes);
  ENSURE(given_.empty());
  // As a window's, they are the children of its first origin.
  result.outputs.runs.front().outputs = outputs.count;
  result.outputs.records = std::move(outputs);
  clear();
  return result;
}

std::map<std::uint32_t, Portion> Uncommitted::cut(const std::set<std::uint32_t>& cuts) {
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
  clear();
  return parts;
}

void Uncommitted::clear() {
  given_.clear();
  count_ = 0;
  given_bytes_ = 0;
}

}  // namespace leat::node
