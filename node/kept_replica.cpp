#include "node/kept_replica.h"

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

// Under load a commit point comes at least this often.
constexpr Duration kCommitTime = 100ms;
constexpr std::uint64_t kCommitBytes = std::uint64_t{8} << 20;
// What may wait in memory for room in the tool's pipe.
constexpr std::uint64_t kUnacceptedMax = std::uint64_t{512} << 10;
// In mode each a process is fed after so long, whatever is seen of it.
constexpr Duration kProbation = 10s;
constexpr Duration kForever = std::chrono::hours(24 * 365);
// So much of what comes with end-of-file tells enough.
constexpr std::size_t kTestBytesMax = std::size_t{64} << 10;

std::variant<EachContract, FilterContract> contract_for(const Post& post) {
  if (post.stage.mode == spec::Mode::kFilter) return FilterContract(post.stage, post.limits);
  return EachContract(post.stage);
}

}  // namespace

KeptReplica::KeptReplica(Post post, std::uint64_t seed)
    : post_(std::move(post)),
      contract_(contract_for(post_)),
      wear_(post_.stage),
      opening_(post_.stage),
      given_(tool_output(post_.stage)),
      history_(is_filter() && post_.stage.replicas == 1 && !post_.stage.records_max &&
               !post_.stage.age_max),
      stderr_(post_.limits),
      said_(post_.limits),
      pause_(seed) {}

void KeptReplica::advance(Turn& turn, std::uint64_t& next_tool) {
  if (has_ended_) return;
  if (is_retired_ && (given_.is_empty() || stage_failure_)) return end(turn, false);
  if (stage_failure_) return;
  if (!tool_) {
    const bool is_wanted = closing_ == Closing::kLast && turn.queue.has_work(turn.now);
    if (turn.now >= start_at_ || is_wanted) start(turn, next_tool);
    return;
  }
  if (!is_started_) return;
  if (closing_ != Closing::kNo) {
    if (turn.now >= closing_until_) give_up_closing(turn);
    return;
  }
  if (is_on_probation_ && turn.now >= probation_until_) is_on_probation_ = false;
  if (!opening_.is_over() && turn.now - started_at_ >= opening_.timeout()) {
    return fail_at_opening("within " + std::to_string(opening_.timeout() / 1ms) + " ms", turn);
  }
  feed(turn);
  check_timeout(turn);
  const auto look_at = tool_ ? lookout_.next() : std::nullopt;
  if (look_at && turn.now >= *look_at) turn.effects.push_back(lookout_.look(*tool_));
}

void KeptReplica::give_up_closing(Turn& turn) {
  if (closing_ == Closing::kLast) return fail(timeout_failure(*post_.stage.timeout), turn);
  is_test_late_ = true;
  turn.effects.push_back(EndTool{*tool_, true});
  closing_until_ = turn.now + kForever;
}

void KeptReplica::start(Turn& turn, std::uint64_t& next_tool) {
  tool_ = ToolId{++next_tool};
  is_started_ = false;
  closing_ = Closing::kNo;
  way_ = turn.way.now();
  StartTool order = start_order(post_, *tool_);
  connect_output(order, way_, post_.stage.output);
  turn.effects.push_back(std::move(order));
}

void KeptReplica::on(const ToolStarted& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  is_started_ = true;
  pause_.note_start();
  started_at_ = turn.now;
  wear_.start(turn.now);
  // What it prints while it loads is no answer, and its time is no record's. And a filter that
  // loads may look hidden, but one that is fed and works must not.
  is_on_probation_ = true;
  probation_until_ = turn.now + (is_filter() ? kForever : Duration(kProbation));
  plan_look(turn.now);
}

void KeptReplica::on(const ToolStartFailed& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  tool_.reset();
  if (has_ended_) return;
  if (event.is_by_buffering && leave_way(event.reason, turn)) return;
  const std::optional<Instant> again = retry_start(event, post_, pause_, turn);
  if (!again) return fail_stage(event.reason);
  start_at_ = *again;
}

// ---- Feeding.

bool KeptReplica::must_commit_first(Instant now) const {
  if (given_.is_empty()) return false;
  return given_.bytes() >= kCommitBytes || now - given_.since() >= kCommitTime ||
         given_.front().is_suspect || given_.front().is_unterminated;
}

WorkQueue::Room KeptReplica::room(const WorkQueue& queue) {
  WorkQueue::Room room = ask([this](const auto& c) { return c.room(given_, pace_); });
  room.is_empty_handed = given_.is_empty();
  room.bytes = kUnacceptedMax - std::min(kUnacceptedMax, unaccepted_bytes_);
  if (room.bytes == 0) room.records = 0;
  room.records = static_cast<std::uint32_t>(std::min<std::uint64_t>(room.records, wear_.room()));
  if (is_filter()) return room;
  // A process's first record is alone: its rest, or that it shows none, is known then.
  const bool is_alone = !has_committed_ || queue.is_cautious() || post_.stage.in_flight_max == 1;
  if (is_alone) room.records = std::min(room.records, given_.is_empty() ? 1U : 0U);
  return room;
}

bool KeptReplica::may_feed() const {
  return opening_.is_over() && !is_on_probation_ && !is_retired_ && !is_held_ &&
         closing_ == Closing::kNo;
}

bool KeptReplica::is_worn(Instant now) const {
  return tool_ && !is_retired_ && wear_.is_worn(pace_.record_time(), now);
}

void KeptReplica::replay(Turn& turn) {
  has_replayed_ = true;
  for (const Bytes& bytes : history_.pieces()) {
    unaccepted_bytes_ += bytes.size();
    turn.effects.push_back(FeedTool{*tool_, bytes});
    is_replaying_ = true;
    replay_since_ = turn.now;
  }
}

void KeptReplica::feed(Turn& turn) {
  if (may_feed() && !has_replayed_ && turn.queue.has_work(turn.now)) replay(turn);
  while (may_feed() && !is_replaying_ && !must_commit_first(turn.now)) {
    std::optional<Portion> portion = turn.queue.take(room(turn.queue), turn.now);
    if (!portion) break;
    give(std::move(*portion), turn);
  }
  const bool is_looked_at = lookout_.next() || lookout_.is_under_way();
  const bool is_fed = !given_.is_empty() || is_replaying_;
  const bool may_rest = closing_ == Closing::kNo && is_fed && unaccepted_bytes_ == 0;
  if (may_rest && !is_looked_at) plan_look(turn.now);
}

void KeptReplica::give(Portion portion, Turn& turn) {
  const Records& records = portion.batch.records;
  const bool is_unterminated = portion.is_unterminated;
  Bytes bytes = framing::stream_of(records, tool_input(post_.stage));
  if (is_unterminated) bytes = bytes.slice(0, bytes.size() - records.separator.size());
  // Of a langpack tool, what it says from now on is about this record.
  if (post_.stage.langpack) forget_words();
  wear_.feed(records.count, turn.now);
  lookout_.note_fed();
  unaccepted_bytes_ += bytes.size();
  lookout_.cancel();
  if (given_.is_empty()) heard_ = {};
  given_.add(std::move(portion), bytes.size(), turn.now);
  has_complained_ = false;
  history_.note(bytes);
  if (!bytes.empty()) turn.effects.push_back(FeedTool{*tool_, std::move(bytes)});
  if (!is_unterminated) return;
  turn.effects.push_back(CloseStdin{*tool_});
  closing_ = Closing::kLast;
  closing_until_ = turn.now + post_.stage.timeout.value_or(kForever);
}

// ---- What it says.

void KeptReplica::on(const ToolAccepted& event, Turn& /*turn*/) {
  ENSURE(tool_ == event.tool);
  unaccepted_bytes_ -= std::min(unaccepted_bytes_, event.bytes);
}

void KeptReplica::on(const ToolSaid& event, Turn& turn) {
  said_.add(event.bytes);
  if (opening_.is_over()) return;
  (void)opening_.skip(event.bytes);
  if (opening_.is_over()) end_opening(turn.now);
}

void KeptReplica::on(const ToolComplained& event, Turn& turn) {
  stderr_.add(event.bytes);
  has_complained_ = true;
  const bool is_wanted = !given_.is_empty() && given_.front().wants_stderr;
  if (is_wanted) wire::append(heard_, event.bytes, wire::kSaidBytesMax);
  if (opening_.is_over()) return;
  opening_.hear_stderr(event.bytes);
  if (opening_.is_over()) end_opening(turn.now);
}

void KeptReplica::on(const ToolPrinted& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  if (closing_ == Closing::kEnd) {
    if (given_.is_empty()) late_bytes_ += opening_.skip(event.bytes).size();
    return;
  }
  // The opening of a langpack tool is not where its answers come.
  if (opening_.is_over() || post_.stage.langpack) return hear(event.bytes, turn);
  const std::string_view rest = opening_.skip(event.bytes);
  if (opening_.is_too_long()) {
    return fail_at_opening("in " + count_of(Opening::kPreludeBytesMax, "byte"), turn);
  }
  if (!opening_.is_over()) return;
  end_opening(turn.now);
  if (!rest.empty()) hear(rest, turn);
}

void KeptReplica::miss_opening(Turn& turn) {
  // It may lie in its buffer.
  const std::string why =
      quote(post_.stage.argv) + " waits for input and has not printed " + opening_.missing();
  if (!leave_way(why, turn)) return fail_at_opening("and waits for input", turn);
  turn.effects.push_back(EndTool{*tool_, true});
}

void KeptReplica::end_opening(Instant now) {
  lookout_.cancel();
  if (is_on_probation_) plan_look(now);
}

void KeptReplica::fail_at_opening(const std::string& why, Turn& turn) {
  fail_stage_and_end(quote(post_.stage.argv) + " has not printed " + opening_.missing() + " " +
                         why + ": is the key right, and does it flush what it prints?",
                     turn);
}

void KeptReplica::hear_unasked(std::size_t bytes, Turn& turn) {
  const std::string printed = "printed " + count_of(bytes, "byte");
  if (wear_.fed() == 0 && post_.stage.langpack) {
    return fail_stage_and_end(quote(post_.stage.argv) + " wrote " + count_of(bytes, "byte") +
                                  " to its named pipe before it was given a request",
                              turn);
  }
  if (wear_.fed() == 0) {
    return fail_stage_and_end(
        quote(post_.stage.argv) + " " + printed +
            " before it was given a record; mode each needs exactly one output for each input, and "
            "mode filter none without: drop its banner with `prelude: {records: 1}`, keep it with "
            "`keep: true` in there, silence it, or use mode: window",
        turn);
  }
  if (is_filter()) {
    return fail_stage_and_end(quote(post_.stage.argv) + " " + printed +
                                  " after it had come to rest, so mode filter cannot tell what "
                                  "they belong to; use mode: window",
                              turn);
  }
  turn.effects.push_back(Say{"stage '" + post_.stage.name + "': the tool " + printed +
                             " after it had answered everything, and was started anew"});
  fail({.kind = wire::FailureKind::kMismatch, .reason = "it printed unasked"}, turn);
}

void KeptReplica::hear(std::string_view bytes, Turn& turn) {
  Answers& answers = given_.answers();
  if (is_replaying_) return lookout_.cancel();
  if (given_.is_empty() && !answers.is_nothing(bytes)) return hear_unasked(bytes.size(), turn);
  // After end-of-file only the first answer of mode each matters, or that there is one.
  const bool has_last = !is_filter() && closing_ == Closing::kLast && answers.count() > 0;
  const bool is_told =
      !is_filter() && closing_ == Closing::kTest && answers.bytes() > late_bytes_ + kTestBytesMax;
  if (has_last) late_bytes_ += bytes.size();
  if (has_last || is_told) return;
  const std::uint32_t owed = given_.owed();
  const std::uint32_t count = answers.add(bytes);
  if (given_.is_empty()) return;
  lookout_.cancel();
  if (count > 0) has_answered_ = true;
  std::optional<wire::Failure> fault = fault_of_output();
  // What comes with end-of-file answers nothing in mode each; commit_last() takes the first.
  const bool may_be_surplus = is_filter() || closing_ == Closing::kNo;
  if (!fault && may_be_surplus) {
    fault = ask([&](const auto& c) { return c.surplus(given_, count, owed); });
  }
  if (fault) return fail(*std::move(fault), turn);
  if (closing_ == Closing::kNo) learn(count, turn.now);
}

std::optional<wire::Failure> KeptReplica::fault_of_output() const {
  const Answers& answers = given_.answers();
  const bool has_last = !is_filter() && closing_ == Closing::kLast && answers.count() > 0;
  const std::optional<std::string> malformed = answers.malformed();
  if (malformed && !has_last) {
    return wire::Failure{.kind = wire::FailureKind::kMismatch, .reason = *malformed};
  }
  if (answers.largest_record() > printed_record_max(post_)) {
    return wire::Failure{
        .kind = wire::FailureKind::kOversize,
        .reason = "the tool printed a record of more than " + printed_record_limit(post_)};
  }
  // Of one record that is inside alone the record's limit is enough.
  const bool may_be_many = is_filter() || (given_.count() > 1 && closing_ == Closing::kNo);
  if (may_be_many && answers.bytes() > post_.printed_bytes_max) {
    return wire::Failure{.kind = wire::FailureKind::kOversize,
                         .reason = "the tool printed more than " +
                                   std::to_string(post_.printed_bytes_max) +
                                   " bytes at once, for " + count_of(given_.count(), "record")};
  }
  return std::nullopt;
}

void KeptReplica::learn(std::uint32_t answers, Instant now) {
  // Of a filter the time of a cycle is known when it is over.
  if (!is_filter() && answers == 0) return;
  if (!is_filter()) pace_.note(answers, now - given_.last_progress());
  given_.note_progress(now);
}

// ---- Its end.

void KeptReplica::end(Turn& turn, bool kill) {
  has_ended_ = true;
  if (!tool_) return;
  turn.effects.push_back(EndTool{*tool_, kill, post_.stage.grace});
  if (closing_ != Closing::kLast) closing_ = Closing::kEnd;
}

std::optional<Instant> KeptReplica::next_deadline(const WorkQueue& queue, Instant now) const {
  if (has_ended_ || stage_failure_) return std::nullopt;
  std::optional<Instant> next;
  const auto sooner = [&next](Instant at) {
    if (!next || at < *next) next = at;
  };
  if (!tool_) {
    sooner(closing_ == Closing::kLast && queue.has_work(now) ? now : start_at_);
    return next;
  }
  if (!is_started_) return std::nullopt;
  if (closing_ != Closing::kNo) {
    sooner(closing_until_);
    return next;
  }
  if (lookout_.next()) sooner(*lookout_.next());
  if (const auto worn = wear_.worn_at(); worn && *worn > now) sooner(*worn);
  if (!opening_.is_over()) sooner(started_at_ + opening_.timeout());
  if (is_on_probation_) sooner(probation_until_);
  if (const auto since = busy_since(); since && post_.stage.timeout) {
    sooner(*since + *post_.stage.timeout);
  }
  return next;
}

}  // namespace leat::node
