#include "node/blame.h"

#include <algorithm>
#include <utility>

#include "node/reframe.h"
#include "node/repeat_line.h"

namespace leat::node {

namespace {

constexpr std::uint32_t kStartFailuresMax = 3;
// Ends with status 0 that no record is to blame for.
constexpr std::uint32_t kContentedEndsMax = 2;

}  // namespace

std::optional<std::string> Deaths::note(const ToolEnded& end, const Post& post,
                                        const std::string& stderr_tail, bool was_fed,
                                        bool has_culprit) {
  // One that a record makes end is blamed on it; one that ends again and again without a culprit
  // does not read on until end-of-file.
  const bool is_content = !end.is_signal && end.status == 0;
  if (is_content && !has_culprit && ++contented_ends_ >= kContentedEndsMax) {
    return quote(post.stage.argv) +
           " exited with status 0 before its input ended; modes each, filter and tagged need a "
           "tool that reads on until end-of-file: use mode: window if this one does not";
  }
  if (was_fed || ++start_failures_ < kStartFailuresMax) return std::nullopt;
  return quote(post.stage.argv) + " " + describe(end) + " before it read a record, " +
         std::to_string(start_failures_) + " times in a row" +
         limit_met(end, post.stage, stderr_tail);
}

bool charge(const Charged& at, Portion culprit, wire::Failure why, Turn& turn) {
  ++culprit.attempts;
  const spec::Stage& stage = at.post.stage;
  if (culprit.attempts >= stage.attempts) {
    give_up(at, culprit, std::move(why), turn);
    return true;
  }
  const std::uint32_t doublings = std::min(culprit.attempts - 1, 10U);
  turn.tally.count_retried(1);
  culprit.is_suspect = true;
  culprit.not_before = turn.now + stage.backoff * (1U << doublings);
  turn.queue.push_front(std::move(culprit));
  return false;
}

void describe(const Charged& at, const Portion& culprit, wire::Failure& why) {
  why.first = culprit.batch.runs.front().first;
  why.inputs = 1;
  why.attempts = culprit.attempts;
  why.repeat = repeat_line(start_order(at.post, at.tool), culprit, at.post.stage);
}

void give_up(const Charged& at, const Portion& culprit, wire::Failure why, Turn& turn) {
  describe(at, culprit, why);
  wire::LeaseResult result;
  result.epoch = culprit.epoch;
  result.lease = culprit.lease;
  result.outputs.producer = culprit.batch.producer;
  result.outputs.runs.push_back({why.first, 1, 0});
  result.failures.push_back(std::move(why));
  result.said = std::exchange(at.heard, {});
  result.busy_ns = static_cast<std::uint64_t>(std::exchange(at.wasted, {}).count());
  turn.results.push_back(std::move(result));
}

}  // namespace leat::node
