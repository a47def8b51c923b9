// The part of TaggedReplica that makes results of what its process prints.

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "core/utf8.h"
#include "core/words.h"
#include "node/reframe.h"
#include "node/tagged_replica.h"
#include "node/uncommitted.h"
#include "spec/plain_text.h"

namespace leat::node {

namespace {

constexpr std::size_t kReasonBytesMax = 4096;
// Each may have words of the tool with it, and a message has its limit.
constexpr std::size_t kFailuresPerResult = 64;
constexpr const char* kAnythingElse = "; does it print anything but frames?";

wire::Failure mismatch(std::string reason) {
  return {.kind = wire::FailureKind::kMismatch, .reason = std::move(reason)};
}

// Results are per lease, in order.
auto order_of(const TaggedInside::Place& place) {
  return std::tie(place.epoch, place.lease, place.producer);
}

// Adds a record's outputs, and what is known of the record, which then is known of them.
void add_outputs(const std::vector<std::string_view>& outputs, std::vector<Attribute> known,
                 FramedRecords& records, std::vector<Attribute>& attributes) {
  if (outputs.empty()) return;
  for (Attribute& attribute : known) {
    attribute.first = records.count();
    attribute.count = static_cast<std::uint32_t>(outputs.size());
    attributes.push_back(std::move(attribute));
  }
  for (const std::string_view output : outputs) {
    records.add(output);
  }
}

// What the tool says is wrong. Any bytes.
std::string reason_of(const TaggedAnswer& answer) {
  if (answer.outputs.empty()) return "no message";
  const std::string_view text = answer.outputs.front();
  const std::string reason = is_utf8(text) ? spec::one_line(text, kReasonBytesMax)
                                           : std::string(text.substr(0, kReasonBytesMax));
  return reason.empty() ? "no message" : reason;
}

}  // namespace

void TaggedReplica::settle(Turn& turn) {
  std::vector<Done> done;
  std::size_t at = 0;
  std::optional<std::string> fault;
  for (const std::uint32_t length : std::exchange(lengths_, {})) {
    fault = take_frame(std::string_view(blob_).substr(at, length), done, turn);
    if (fault) break;
    at += length;
  }
  push_results(std::move(done), turn);
  if (fault) return refuse_output(mismatch("the tool's answer " + *fault), turn);
  blob_.erase(0, at);
  if (const auto& malformed = splitter_.malformed()) {
    return refuse_output(mismatch("what the tool printed is no frame " +
                                  framing::to_string(*malformed) + kAnythingElse),
                         turn);
  }
  const std::size_t most =
      std::min<std::size_t>(post_.printed_bytes_max, post_.limits.queue_bytes_max);
  if (splitter_.record_bytes_min() <= most) return;
  refuse_output(
      {.kind = wire::FailureKind::kOversize,
       .reason = "the tool printed a frame of " + count_of(splitter_.record_bytes_min(), "byte") +
                 ", more than limits.queue_bytes (" + std::to_string(most) + ")" + kAnythingElse},
      turn);
}

void TaggedReplica::refuse_output(wire::Failure why, Turn& turn) {
  if (inside_.is_empty()) {
    turn.effects.push_back(Say{"stage '" + post_.stage.name + "': " + why.reason +
                               ": it had answered everything, and is started anew"});
  }
  fail(std::move(why), std::nullopt, turn);
}

std::optional<std::string> TaggedReplica::take_frame(std::string_view frame,
                                                     std::vector<Done>& done, Turn& turn) {
  Result<TaggedAnswer> answer = decode_answer_frame(frame);
  if (!answer) return answer.error().message + kAnythingElse;
  if (!inside_.has(answer->id)) {
    return "has the id " + std::to_string(answer->id) +
           ", which no record has that it was given and has not answered";
  }
  if (std::optional<wire::Failure> why = fault_of(*answer)) {
    take_failure(answer->id, answer->status, *std::move(why), done, turn);
  } else {
    done.push_back({inside_.answer(answer->id), std::move(answer->outputs), {}});
  }
  return std::nullopt;
}

void TaggedReplica::take_failure(std::uint64_t id, TaggedStatus status, wire::Failure why,
                                 std::vector<Done>& done, Turn& turn) {
  Portion culprit = inside_.take(id);
  note_answers(1, turn.now);
  const Duration took = take_busy(turn.now);
  why.elapsed_ns = static_cast<std::uint64_t>(took.count());
  why.stderr_tail = stderr_.text();
  wasted_ += took;
  if (status == TaggedStatus::kTryAgain) {
    charge_one(std::move(culprit), std::move(why), turn);
    return;
  }
  ++culprit.attempts;
  // One that the tool calls failed says nothing of the tool, and goes with the others.
  if (status == TaggedStatus::kDone) return give_up(here(), culprit, std::move(why), turn);
  describe(here(), culprit, why);
  done.push_back(
      {{culprit.epoch, culprit.lease, culprit.batch.producer, why.first, {}}, {}, std::move(why)});
}

std::optional<wire::Failure> TaggedReplica::fault_of(const TaggedAnswer& answer) const {
  if (answer.status != TaggedStatus::kDone) {
    return wire::Failure{.kind = wire::FailureKind::kTool,
                         .reason = "the tool answered with an error: " + reason_of(answer)};
  }
  for (const std::string_view output : answer.outputs) {
    if (output.size() > printed_record_max(post_)) {
      return wire::Failure{
          .kind = wire::FailureKind::kOversize,
          .reason = "the tool printed a record of more than " + printed_record_limit(post_)};
    }
    if (output_.carries(output)) continue;
    return mismatch("the tool's output cannot be handed on: in the stage's output framing, " +
                    framing::to_string(post_.stage.output) + ", " +
                    framing::refusal(post_.stage.output, output));
  }
  return std::nullopt;
}

// ---- Results.

Duration TaggedReplica::take_busy(Instant now) {
  return now - std::exchange(busy_since_, now);
}

void TaggedReplica::note_answers(std::size_t count, Instant now) {
  pace_.note(static_cast<std::uint32_t>(count), now - last_progress_);
  last_progress_ = now;
  has_answered_ = true;
  deaths_.note_start();
  pause_.reset();
}

void TaggedReplica::push_results(std::vector<Done> done, Turn& turn) {
  if (done.empty()) return;
  note_answers(done.size(), turn.now);
  std::sort(done.begin(), done.end(), [](const Done& a, const Done& b) {
    return std::tuple_cat(order_of(a.place), std::tie(a.place.origin)) <
           std::tuple_cat(order_of(b.place), std::tie(b.place.origin));
  });
  const Duration busy = std::max<Duration>(take_busy(turn.now), Duration(1));
  Histogram service = pace_.take_service();
  for (auto at = done.begin(); at != done.end();) {
    const auto first = at;
    std::size_t failures = 0;
    const auto joins = [&](const Done& one) {
      failures += one.failure ? 1U : 0U;
      return order_of(one.place) == order_of(first->place) && failures <= kFailuresPerResult;
    };
    at = std::find_if_not(first, done.end(), joins);
    wire::LeaseResult result = make_result({first, at});
    const Duration share = busy * (at - first) / static_cast<Duration::rep>(done.size());
    result.busy_ns = static_cast<std::uint64_t>((share + std::exchange(wasted_, {})).count());
    result.service = std::exchange(service, {}).counts();
    result.said = std::exchange(heard_, {});
    turn.results.push_back(std::move(result));
  }
}

wire::LeaseResult TaggedReplica::make_result(std::span<Done> done) {
  wire::LeaseResult result;
  result.epoch = done.front().place.epoch;
  result.lease = done.front().place.lease;
  result.outputs.producer = done.front().place.producer;
  FramedRecords records(post_.stage.output);
  std::vector<Attribute> attributes;
  for (Done& one : done) {
    const auto count = static_cast<std::uint32_t>(one.outputs.size());
    append(result.outputs.runs, {one.place.origin, 1, count});
    add_outputs(one.outputs, std::move(one.place.attributes), records, attributes);
    if (one.failure) result.failures.push_back(*std::move(one.failure));
  }
  result.outputs.records = records.take();
  result.outputs.records.attributes = std::move(attributes);
  return result;
}

}  // namespace leat::node
