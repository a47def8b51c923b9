#include "node/tagged_replica.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "core/ensure.h"
#include "core/words.h"
#include "framing/stream.h"
#include "node/reframe.h"
#include "node/uncommitted.h"
#include "spec/plain_text.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// Inside at once where the stage does not say: a tool may work on that many at the same time. More
// only as long as it is 50 ms of work.
constexpr std::uint32_t kInsideMin = 64;
// What may wait in memory for room in the tool's pipe.
constexpr std::uint64_t kUnacceptedMax = std::uint64_t{512} << 10;
// Between restarts that a record may have caused, and between others.
constexpr Duration kPauseAfterRecord = 20ms;
constexpr Duration kPauseMax = 30s;
constexpr Duration kSilenceTime = 10s;
constexpr std::size_t kReasonBytesMax = 4096;
constexpr const char* kAnythingElse = "; does it print anything but frames?";

wire::Failure mismatch(std::string reason) {
  return {.kind = wire::FailureKind::kMismatch, .reason = std::move(reason)};
}

// Its origin within all that is inside: results are per lease, in order.
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

}  // namespace

TaggedReplica::TaggedReplica(Post post, std::uint64_t seed)
    : post_(std::move(post)),
      wear_(post_.stage),
      opening_(post_.stage),
      stderr_(post_.limits),
      pause_(seed),
      splitter_(tool_output(post_.stage)),
      output_(post_.stage.output) {}

void TaggedReplica::advance(Turn& turn, std::uint64_t& next_tool) {
  if (has_ended_) return;
  if (is_retired_ && (inside_.is_empty() || stage_failure_)) return end(turn, false);
  if (stage_failure_) return;
  if (!tool_) {
    if (turn.now >= start_at_) start(turn, next_tool);
    return;
  }
  if (!is_started_) return;
  if (!opening_.is_over()) {
    if (turn.now - started_at_ < opening_.timeout()) return;
    return fail_stage(quote(post_.stage.argv) + " has not printed " + opening_.missing() +
                          " within " + std::to_string(opening_.timeout() / 1ms) +
                          " ms: is the key right, and does it flush what it prints?",
                      turn);
  }
  feed(turn);
  check_timeout(turn);
}

void TaggedReplica::start(Turn& turn, std::uint64_t& next_tool) {
  tool_ = ToolId{++next_tool};
  turn.effects.push_back(start_order(post_, *tool_));
}

void TaggedReplica::on(const ToolStarted& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  is_started_ = true;
  started_at_ = turn.now;
  wear_.start(turn.now);
  pause_.note_start();
}

void TaggedReplica::on(const ToolStartFailed& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  tool_.reset();
  if (has_ended_) return;
  const std::optional<Instant> again = retry_start(event, post_, pause_, turn);
  if (!again) {
    stage_failure_ = event.reason;
    return;
  }
  start_at_ = *again;
}

// ---- Feeding.

WorkQueue::Room TaggedReplica::room() const {
  const std::uint32_t most = post_.stage.in_flight_max > 0
                                 ? post_.stage.in_flight_max
                                 : std::max(kInsideMin, pace_.allowance());
  WorkQueue::Room room;
  const std::uint64_t records =
      std::min<std::uint64_t>(most - std::min<std::uint64_t>(most, inside_.count()), wear_.room());
  room.records = static_cast<std::uint32_t>(records);
  room.bytes = kUnacceptedMax - std::min(kUnacceptedMax, unaccepted_bytes_);
  room.is_empty_handed = inside_.is_empty();
  const bool is_full = room.bytes == 0 || inside_.has_suspect();
  if (is_full) room.records = 0;
  return room;
}

void TaggedReplica::feed(Turn& turn) {
  if (is_retired_ || is_held_) return;
  while (std::optional<Portion> portion = turn.queue.take(room(), turn.now)) {
    give(*std::move(portion), turn);
  }
}

void TaggedReplica::give(Portion portion, Turn& turn) {
  const Records records = portion.batch.records;
  wear_.feed(records.count, turn.now);
  if (inside_.is_empty()) {
    last_progress_ = turn.now;
    busy_since_ = turn.now;
  }
  const std::uint64_t first = inside_.add(std::move(portion), turn.now);
  Bytes bytes = framing::stream_of(encode_frames(records, first), tool_input(post_.stage));
  unaccepted_bytes_ += bytes.size();
  turn.effects.push_back(FeedTool{*tool_, std::move(bytes)});
}

// ---- What it says.

void TaggedReplica::on(const ToolAccepted& event, Turn& /*turn*/) {
  unaccepted_bytes_ -= std::min(unaccepted_bytes_, event.bytes);
}

void TaggedReplica::on(const ToolLooked& /*event*/, Turn& /*turn*/) {}

void TaggedReplica::on(const ToolSaid& event, Turn& turn) {
  on(ToolComplained{event.tool, event.bytes}, turn);
}

void TaggedReplica::on(const ToolComplained& event, Turn& /*turn*/) {
  stderr_.add(event.bytes);
  const Portion* const sole = inside_.sole();
  if (sole != nullptr && sole->wants_stderr) {
    if (heard_of_ != sole->batch.producer) heard_ = {};
    heard_of_ = sole->batch.producer;
    wire::append(heard_, event.bytes, wire::kSaidBytesMax);
  }
  if (!opening_.is_over()) opening_.hear_stderr(event.bytes);
}

void TaggedReplica::on(const ToolPrinted& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  if (has_ended_ || stage_failure_) return;
  const std::string_view frames = opening_.skip(event.bytes);
  if (frames.empty()) return;
  splitter_.split(frames, lengths_, blob_);
  settle(turn);
}

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
  if (fault) return fail(mismatch("the tool's answer " + *fault), std::nullopt, turn);
  blob_.erase(0, at);
  if (const auto& malformed = splitter_.malformed()) {
    return fail(mismatch("what the tool printed is no frame " + framing::to_string(*malformed) +
                         kAnythingElse),
                std::nullopt, turn);
  }
  const std::size_t most =
      std::min<std::size_t>(post_.printed_bytes_max, post_.limits.queue_bytes_max);
  if (splitter_.record_bytes_min() > most) {
    fail(
        {.kind = wire::FailureKind::kOversize,
         .reason = "the tool printed a frame of " + count_of(splitter_.record_bytes_min(), "byte") +
                   ", more than limits.queue_bytes (" + std::to_string(most) +
                   "): does it print anything but frames?"},
        std::nullopt, turn);
  }
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
    const bool may_try_again = answer->status == TaggedStatus::kTryAgain;
    Portion culprit = inside_.take(answer->id);
    note_answers(1, turn.now);
    const Duration took = take_busy(turn.now);
    wasted_ += took;
    why->elapsed_ns = static_cast<std::uint64_t>(took.count());
    why->stderr_tail = stderr_.text();
    if (may_try_again) {
      charge_one(std::move(culprit), *why, turn);
    } else {
      ++culprit.attempts;
      wire::Said heard = take_heard(culprit.batch.producer);
      give_up({post_, *tool_, wasted_, heard}, culprit, *std::move(why), turn);
    }
    return std::nullopt;
  }
  done.push_back({inside_.answer(answer->id), std::move(answer->outputs)});
  return std::nullopt;
}

std::optional<wire::Failure> TaggedReplica::fault_of(const TaggedAnswer& answer) const {
  if (answer.status != TaggedStatus::kDone) {
    const std::string reason =
        answer.outputs.empty() ? "" : spec::one_line(answer.outputs.front(), kReasonBytesMax);
    return wire::Failure{
        .kind = wire::FailureKind::kTool,
        .reason = "the tool answered with an error: " + (reason.empty() ? "no message" : reason)};
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
  FramedRecords records(post_.stage.output);
  for (auto at = done.begin(); at != done.end();) {
    wire::LeaseResult result;
    result.epoch = at->place.epoch;
    result.lease = at->place.lease;
    result.outputs.producer = at->place.producer;
    std::vector<Attribute> attributes;
    const auto first = at;
    for (; at != done.end() && order_of(at->place) == order_of(first->place); ++at) {
      const auto count = static_cast<std::uint32_t>(at->outputs.size());
      append(result.outputs.runs, {at->place.origin, 1, count});
      add_outputs(at->outputs, std::move(at->place.attributes), records, attributes);
    }
    result.outputs.records = records.take();
    result.outputs.records.attributes = std::move(attributes);
    const Duration share = busy * (at - first) / static_cast<Duration::rep>(done.size());
    result.busy_ns = static_cast<std::uint64_t>((share + std::exchange(wasted_, {})).count());
    result.service = std::exchange(service, {}).counts();
    result.said = take_heard(result.outputs.producer);
    turn.results.push_back(std::move(result));
  }
}

// ---- Time.

std::optional<Instant> TaggedReplica::late_at() const {
  if (!post_.stage.timeout || inside_.is_empty()) return std::nullopt;
  const Duration timeout = *post_.stage.timeout;
  const TaggedInside::Oldest oldest = inside_.oldest();
  // One that others overtake has the time that all of them would take one by one.
  const auto ahead = std::min<Duration::rep>(static_cast<Duration::rep>(oldest.ahead),
                                             Duration(24h * 365) / timeout);
  return std::min(last_progress_ + timeout, oldest.since + timeout * ahead);
}

void TaggedReplica::check_timeout(Turn& turn) {
  const std::optional<Instant> late = late_at();
  if (late && turn.now >= *late) {
    const bool is_overtaken = turn.now < last_progress_ + *post_.stage.timeout;
    const auto culprit =
        is_overtaken ? std::optional(inside_.oldest().id) : std::optional<std::uint64_t>();
    return fail(timeout_failure(*post_.stage.timeout), culprit, turn);
  }
  const bool is_silent =
      !inside_.is_empty() && !has_told_silence_ && turn.now - last_progress_ >= kSilenceTime;
  if (!is_silent) return;
  has_told_silence_ = true;
  turn.effects.push_back(
      Say{"stage '" + post_.stage.name + "': " + quote(post_.stage.argv) + " owes " +
          count_of(inside_.count(), "answer") + " for " + std::to_string(kSilenceTime / 1s) +
          " s; does it flush its output behind each frame? `timeout:` ends such a wait"});
}

std::optional<Instant> TaggedReplica::next_deadline(const WorkQueue& /*queue*/, Instant now) const {
  if (has_ended_ || stage_failure_) return std::nullopt;
  if (!tool_) return start_at_;
  if (!is_started_) return std::nullopt;
  std::optional<Instant> next = late_at();
  const auto sooner = [&next](Instant at) {
    if (!next || at < *next) next = at;
  };
  if (!opening_.is_over()) sooner(started_at_ + opening_.timeout());
  if (const auto worn = wear_.worn_at(); worn && *worn > now) sooner(*worn);
  if (!inside_.is_empty() && !has_told_silence_) sooner(last_progress_ + kSilenceTime);
  return next;
}

// ---- Its end.

void TaggedReplica::end(Turn& turn, bool kill) {
  has_ended_ = true;
  if (tool_) turn.effects.push_back(EndTool{*tool_, kill, post_.stage.grace});
}

void TaggedReplica::on(const ToolEnded& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  if (!has_ended_ && !stage_failure_) died(event, turn);
  drop_process(turn.now);
}

void TaggedReplica::died(const ToolEnded& event, Turn& turn) {
  stage_failure_ =
      deaths_.note(event, post_, stderr_.text(), wear_.fed() > 0, inside_.count() == 1);
  if (stage_failure_) return;
  wire::Failure why = failure_of(event, post_.stage, stderr_.text());
  if (!event.closed.empty()) {
    why = mismatch("the tool closed " + event.closed + " before its input ended");
  }
  turn.tally.count_restart(why.kind);
  if (!event.is_signal && event.status == 0) why.reason += " before its input ended";
  blame(std::move(why), std::nullopt, turn);
}

void TaggedReplica::fail(wire::Failure why, std::optional<std::uint64_t> culprit, Turn& turn) {
  turn.effects.push_back(EndTool{*tool_, true});
  turn.tally.count_restart(why.kind);
  blame(std::move(why), culprit, turn);
  drop_process(turn.now);
}

void TaggedReplica::blame(wire::Failure why, std::optional<std::uint64_t> culprit, Turn& turn) {
  if (inside_.is_empty()) return;
  why.stderr_tail = stderr_.text();
  why.elapsed_ns = static_cast<std::uint64_t>((turn.now - last_progress_).count());
  wasted_ += take_busy(turn.now);
  pace_.drop_service();
  if (!culprit && inside_.count() == 1) culprit = inside_.oldest().id;
  std::optional<Portion> known;
  if (culprit) known = inside_.take(*culprit);
  if (known) turn.queue.clear_suspicion();
  // Back to the queue's front, the last first; with the culprit before all, which it was given
  // with.
  std::vector<Portion> rest = inside_.take_all();
  for (auto part = rest.rbegin(); part != rest.rend(); ++part) {
    part->is_suspect = part->attempts > 0 || !known;
    turn.queue.push_front(std::move(*part));
  }
  if (known) charge_one(*std::move(known), why, turn);
}

void TaggedReplica::charge_one(Portion culprit, const wire::Failure& why, Turn& turn) {
  const ProducerId producer = culprit.batch.producer;
  wire::Said heard = take_heard(producer);
  const Charged at{post_, tool_.value_or(ToolId{}), wasted_, heard};
  if (charge(at, std::move(culprit), why, turn)) deaths_.note_culprit();
}

wire::Said TaggedReplica::take_heard(ProducerId producer) {
  return heard_of_ == producer ? std::exchange(heard_, {}) : wire::Said{};
}

void TaggedReplica::drop_process(Instant now) {
  start_at_ = now + pause_.next(wear_.fed() > 0 ? kPauseAfterRecord : kPauseMax);
  tool_.reset();
  is_started_ = false;
  pace_.begin_anew();
  wear_.forget_process();
  opening_.begin_anew();
  splitter_.reset();
  blob_.clear();
  lengths_.clear();
  unaccepted_bytes_ = 0;
  heard_ = {};
  // What the stage failed with is still to be told.
  if (!stage_failure_) stderr_.clear();
}

void TaggedReplica::fail_stage(std::string reason, Turn& turn) {
  stage_failure_ = std::move(reason);
  turn.effects.push_back(EndTool{*tool_, true});
}

std::optional<Position> TaggedReplica::only_record() const {
  if (inside_.count() != 1) return std::nullopt;
  return inside_.oldest().origin;
}

}  // namespace leat::node
