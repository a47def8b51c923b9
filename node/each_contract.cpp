#include "node/each_contract.h"

#include <algorithm>
#include <chrono>

#include "core/words.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// A tool that owes answers is looked at when it pauses so long, then less and less often.
constexpr Duration kOwingPause = 1ms;
constexpr Duration kOwingPauseMax = 50ms;
// One that has answered all is expected to rest at once.
constexpr Duration kRestPause = 20us;
constexpr Duration kRestPauseMax = 1ms;
// After so long without it, a tool that was never seen at rest is taken to hide it.
constexpr Duration kRestWait = 100ms;

}  // namespace

WorkQueue::Room EachContract::room(const Uncommitted& given, const Pace& pace) const {
  WorkQueue::Room room;
  const std::uint32_t most = stage_.in_flight_max > 0
                                 ? std::min(stage_.in_flight_max, pace.allowance())
                                 : pace.allowance();
  room.records = most - std::min(most, given.owed());
  if (!given.is_empty()) room.producer = given.front().batch.producer;
  return room;
}

Duration EachContract::look_pause(const Uncommitted& given, std::optional<Duration> last) {
  const bool is_owing = given.owed() > 0;
  // Everything given is answered, and nothing more may be given now: it rests at once, or soon.
  if (!last) return is_owing ? Duration(kOwingPause) : Duration(0);
  const Duration least = is_owing ? kOwingPause : kRestPause;
  const Duration most = is_owing ? kOwingPauseMax : kRestPauseMax;
  return std::clamp(*last * 2, least, most);
}

Verdict EachContract::judge(const Uncommitted& given, const Sight& sight) {
  using Kind = Verdict::Kind;
  const bool is_complete = given.owed() == 0 && given.answers().is_between();
  if (sight.rest == Rest::kAtRest) return {is_complete ? Kind::kCommit : Kind::kClose, ""};
  // A tool that waits in some other way than reading never looks at rest; one that once did is
  // waited for, and so is one that works.
  if (is_complete && sight.waited >= kRestWait && !sight.has_rested) is_rest_hidden_ = true;
  const bool is_hidden = sight.rest == Rest::kWaiting && is_rest_hidden_ && !sight.has_rested;
  const bool is_unseeable = sight.rest == Rest::kUnseeable || sight.rest == Rest::kWithheld;
  if (is_complete && (is_unseeable || is_hidden)) return {Kind::kCommit, ""};
  return {};
}

std::optional<wire::Failure> EachContract::surplus(const Uncommitted& given, std::uint32_t answers,
                                                   std::uint32_t owed) {
  if (answers <= owed) return std::nullopt;
  return wire::Failure{
      .kind = wire::FailureKind::kMismatch,
      .reason = "the tool answered " + count_of(given.answers().count(), "record") + " for " +
                std::to_string(given.count()) +
                "; mode each needs exactly one output for each input: use mode: filter or mode: "
                "window if it prints more or fewer"};
}

Suspicion EachContract::suspect(const wire::Failure& why, const Uncommitted& given,
                                std::size_t record_max) {
  using Kind = wire::FailureKind;
  const Answers& answers = given.answers();
  // An answer that is too large is none.
  const std::uint32_t fit = std::min(answers.count(), answers.first_larger_than(record_max));
  const std::uint32_t answered = std::min(fit, given.count());
  // After a surplus or a missing answer nobody can say which answers are right, nor when a tool
  // dies that seems to have answered all.
  const bool is_unsound = why.kind == Kind::kMismatch || answered == given.count();
  Suspicion suspicion{.sound = is_unsound ? 0 : answered};
  if (given.count() == 1) suspicion.culprit = 0;
  // Too much in all is no record's fault: one by one they will do.
  const bool is_sum = answers.largest_record() <= record_max;
  const bool is_oversize = why.kind == Kind::kOversize;
  suspicion.needs_caution = why.kind == Kind::kMismatch || (is_oversize && is_sum);
  const bool is_first_unanswered = why.kind == Kind::kTimeout || (is_oversize && !is_sum);
  if (is_first_unanswered && answered < given.count()) suspicion.culprit = answered;
  return suspicion;
}

Conclusion EachContract::conclude(const Uncommitted& given, const Ending& ending) {
  const std::string read = "read " + count_of(given.count(), "record");
  if (ending.has_printed_more) {
    return {Conclusion::Kind::kHoldsBack, read + ", slept, and gave an answer only at end-of-file"};
  }
  const std::uint32_t answered = std::min(given.answers().count(), given.count());
  return {Conclusion::Kind::kMismatch,
          read + ", answered " + std::to_string(answered) +
              " and waits for more: it drops records, or ends them otherwise than its output "
              "framing says; mode: filter and mode: window suit tools that do not answer one for "
              "one"};
}

std::vector<wire::LeaseResult> EachContract::results(Uncommitted& given) {
  return given.take_one_for_one(given.answers().take(given.count()));
}

}  // namespace leat::node
