#include "node/tagged_replica.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/ensure.h"
#include "core/words.h"
#include "framing/stream.h"
#include "node/reframe.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

// Inside at once where the stage does not say: a tool may work on that many at the same time. More
// only as long as it is 50 ms of work.
constexpr std::uint32_t kInsideMin = 64;
// What may wait in memory for room in the tool's pipe.
constexpr std::uint64_t kUnacceptedMax = std::uint64_t{512} << 10;
// A process is fed after so long, whatever is seen of it.
constexpr Duration kProbation = 10s;

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
  if (!opening_.is_over() && turn.now - started_at_ >= opening_.timeout()) {
    return fail_at_opening("within " + std::to_string(opening_.timeout() / 1ms) + " ms", turn);
  }
  if (is_on_probation_ && turn.now >= probation_until_) is_on_probation_ = false;
  feed(turn);
  check_timeout(turn);
  const auto look_at = tool_ ? lookout_.next() : std::nullopt;
  if (look_at && turn.now >= *look_at) turn.effects.push_back(lookout_.look(*tool_));
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
  // The time that it takes to load is no record's, nor is its death meanwhile.
  is_on_probation_ = true;
  probation_until_ = turn.now + kProbation;
  plan_look(turn.now);
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
  const Portion* const front = inside_.front();
  if (front != nullptr && front->wants_stderr) room.producer = front->batch.producer;
  const bool is_full = room.bytes == 0 || inside_.has_suspect();
  if (is_full) room.records = 0;
  return room;
}

void TaggedReplica::feed(Turn& turn) {
  const bool may_feed =
      opening_.is_over() && !is_on_probation_ && !is_let_out_ && !is_retired_ && !is_held_;
  while (may_feed) {
    std::optional<Portion> portion = turn.queue.take(room(), turn.now);
    if (!portion) break;
    give(*std::move(portion), turn);
  }
  const bool is_looked_at = lookout_.next() || lookout_.is_under_way();
  const bool may_rest = is_ready() && !is_let_out_ && !inside_.is_empty() && unaccepted_bytes_ == 0;
  if (may_rest && !is_looked_at) plan_look(turn.now);
}

void TaggedReplica::give(Portion portion, Turn& turn) {
  const Records records = portion.batch.records;
  wear_.feed(records.count, turn.now);
  lookout_.cancel();
  if (inside_.is_empty()) {
    last_progress_ = turn.now;
    busy_since_ = turn.now;
    heard_ = {};
  }
  const std::uint64_t first = inside_.add(std::move(portion), turn.now);
  Bytes bytes = framing::stream_of(encode_frames(records, first), tool_input(post_.stage));
  unaccepted_bytes_ += bytes.size();
  turn.effects.push_back(FeedTool{*tool_, std::move(bytes)});
}

// ---- What is heard and seen of it.

void TaggedReplica::on(const ToolAccepted& event, Turn& /*turn*/) {
  unaccepted_bytes_ -= std::min(unaccepted_bytes_, event.bytes);
}

void TaggedReplica::on(const ToolSaid& event, Turn& turn) {
  on(ToolComplained{event.tool, event.bytes}, turn);
}

void TaggedReplica::on(const ToolComplained& event, Turn& /*turn*/) {
  stderr_.add(event.bytes);
  const Portion* const front = inside_.front();
  const bool is_wanted = front != nullptr && front->wants_stderr;
  if (is_wanted) wire::append(heard_, event.bytes, wire::kSaidBytesMax);
  if (!opening_.is_over()) opening_.hear_stderr(event.bytes);
}

void TaggedReplica::on(const ToolPrinted& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  if (has_ended_) late_bytes_ += opening_.skip(event.bytes).size();
  if (has_ended_ || stage_failure_) return;
  lookout_.cancel();
  if (is_on_probation_) plan_look(turn.now);
  const std::string_view frames = opening_.skip(event.bytes);
  if (frames.empty()) return;
  if (wear_.fed() == 0) {
    return fail_stage(quote(post_.stage.argv) + " printed " + count_of(frames.size(), "byte") +
                          " before it was given a record; in mode tagged standard output is for "
                          "answers alone: print to standard error, or pass over the lines before "
                          "the first answer with `ready: {stdout: PATTERN}`",
                      turn);
  }
  splitter_.split(frames, lengths_, blob_);
  settle(turn);
}

void TaggedReplica::plan_look(Instant now) {
  // In time for who has to start; one that works is left alone.
  constexpr Duration kWorkPause = 50ms;
  lookout_.plan(now, is_on_probation_ ? patient_pause(lookout_.pause()) : kWorkPause);
}

void TaggedReplica::on(const ToolLooked& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  if (has_ended_ || stage_failure_ || is_let_out_ || !lookout_.take(event)) return;
  const Sight sight = lookout_.see(event, has_answered_, turn.now);
  if (!opening_.is_over() || is_on_probation_) return look_before_feeding(sight, turn);
  if (inside_.is_empty()) return lookout_.cancel();
  // A moment, in which more may come.
  constexpr Duration kHeldBackTime = 200ms;
  if (sight.rested >= kHeldBackTime) return let_out(turn);
  plan_look(turn.now);
}

void TaggedReplica::look_before_feeding(const Sight& sight, Turn& turn) {
  if (!opening_.is_over()) {
    const bool is_waiting = sight.rest == Rest::kAtRest && opening_.is_on_stdout();
    if (is_waiting) return fail_at_opening("and waits for input", turn);
    return plan_look(turn.now);
  }
  if (!seems_started(sight, was_unanswered_)) return plan_look(turn.now);
  is_on_probation_ = false;
  deaths_.note_start();
  lookout_.cancel();
}

void TaggedReplica::fail_at_opening(const std::string& why, Turn& turn) {
  fail_stage(quote(post_.stage.argv) + " has not printed " + opening_.missing() + " " + why +
                 ": is the key right, and does it flush what it prints?",
             turn);
}

std::optional<Position> TaggedReplica::only_record() const {
  if (inside_.count() != 1) return std::nullopt;
  return inside_.oldest().origin;
}

std::optional<Instant> TaggedReplica::next_deadline(const WorkQueue& /*queue*/, Instant now) const {
  if (has_ended_ || stage_failure_) return std::nullopt;
  if (!tool_) return start_at_;
  if (!is_started_) return std::nullopt;
  std::optional<Instant> next = late_at();
  const auto sooner = [&next](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (!opening_.is_over()) sooner(started_at_ + opening_.timeout());
  if (is_on_probation_) sooner(probation_until_);
  if (const auto worn = wear_.worn_at(); worn && *worn > now) sooner(worn);
  sooner(lookout_.next());
  if (!inside_.is_empty() && !has_told_silence_) sooner(silence_at());
  return next;
}

}  // namespace leat::node
