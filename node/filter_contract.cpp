#include "node/filter_contract.h"

#include <algorithm>
#include <chrono>

#include "core/words.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// A process that was never seen at rest so long hides it.
constexpr Duration kHiddenMax = 10s;
constexpr Duration kHiddenAtWorkMax = 60s;

}  // namespace

WorkQueue::Room FilterContract::room(const Uncommitted& given, const Pace& pace) const {
  WorkQueue::Room room;
  std::uint64_t most = pace.allowance();
  if (stage_.in_flight_max > 0) most = std::min<std::uint64_t>(most, stage_.in_flight_max);
  // What they become should find room, too.
  if (printed_bytes_ > 0) {
    const double fit = static_cast<double>(limits_.queue_bytes_max) / 4 / printed_bytes_;
    most = std::min(most, static_cast<std::uint64_t>(std::max(fit, 1.0)));
  }
  room.records = static_cast<std::uint32_t>(most - std::min<std::uint64_t>(most, given.count()));
  if (given.is_empty()) return room;
  room.producer = given.front().batch.producer;
  const Portion& last = given.back();
  const Run& run = last.batch.runs.back();
  room.next = {last.epoch, last.lease, run.first.plus(run.inputs)};
  return room;
}

Verdict FilterContract::judge(const Uncommitted& given, const Sight& sight) const {
  using Kind = Verdict::Kind;
  const std::string remedy = "; use mode: window, or mode: each if it answers one for one";
  if (sight.rest == Rest::kAtRest) {
    const bool may_commit = given.answers().is_between() && is_proved_;
    return {may_commit ? Kind::kCommit : Kind::kClose, ""};
  }
  const bool is_withheld = sight.rest == Rest::kWithheld;
  // What it does with its first record may take a child its time; what it did once, it may again.
  const Duration most = sight.has_rested ? Duration(kHiddenAtWorkMax) : Duration(kHiddenMax);
  if (!is_withheld && (sight.has_committed || sight.hidden < most)) return {};
  const std::string why =
      sight.reason.empty() ? "it waits otherwise than by reading its standard input" : sight.reason;
  return {Kind::kRefuse, "cannot be seen at rest, which mode filter needs: " + why + remedy};
}

std::optional<wire::Failure> FilterContract::surplus(const Uncommitted& given,
                                                     std::uint32_t /*answers*/,
                                                     std::uint32_t /*owed*/) const {
  // As the broker counts it.
  const std::size_t bytes = given.answers().bytes() + std::size_t{4} * given.answers().count();
  if (bytes <= limits_.queue_bytes_max) return std::nullopt;
  return wire::Failure{.kind = wire::FailureKind::kOversize,
                       .reason = "the tool printed more for " + count_of(given.count(), "record") +
                                 " than limits.queue_bytes (" +
                                 std::to_string(limits_.queue_bytes_max) + ")"};
}

Suspicion FilterContract::suspect(const wire::Failure& why, const Uncommitted& given,
                                  std::size_t record_max) {
  Suspicion suspicion;
  if (given.count() == 1) suspicion.culprit = 0;
  const bool is_sum =
      why.kind == wire::FailureKind::kOversize && given.answers().largest_record() <= record_max;
  // Too much in all is no record's fault: the next process begins with one.
  suspicion.are_suspects = !is_sum;
  return suspicion;
}

Conclusion FilterContract::conclude(const Uncommitted& given, const Ending& ending) {
  const std::string read = "read " + count_of(given.count(), "record");
  if (ending.has_printed_more) {
    return {Conclusion::Kind::kHoldsBack, read + ", slept, and printed more only at end-of-file"};
  }
  if (!given.answers().is_between()) {
    return {Conclusion::Kind::kMismatch,
            read +
                " and rests within a record: it ends them otherwise than its output framing "
                "says; mode: window takes what it prints as it is"};
  }
  if (given.answers().count() > 0) is_proved_ = true;
  return {};
}

std::vector<wire::LeaseResult> FilterContract::results(Uncommitted& given) {
  const auto count = static_cast<double>(std::max(given.count(), 1U));
  printed_bytes_ = static_cast<double>(given.answers().bytes()) / count;
  std::vector<wire::LeaseResult> results;
  results.push_back(given.take_together(given.answers().take(given.answers().count())));
  return results;
}

}  // namespace leat::node
