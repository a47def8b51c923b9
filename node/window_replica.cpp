#include "node/window_replica.h"

#include <algorithm>
#include <utility>

#include "core/ensure.h"
#include "core/words.h"
#include "framing/stream.h"
#include "node/repeat_line.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kStartFailuresMax = 3;
constexpr Duration kPauseMax = 30s;
constexpr Duration kProbation = 100ms;

// Its inputs go into the last run when they follow upon it.
void add_inputs(std::vector<Run>& runs, const Run& run) {
  if (!runs.empty() && runs.back().first.plus(runs.back().inputs) == run.first) {
    runs.back().inputs += run.inputs;
  } else {
    runs.push_back({run.first, run.inputs, 0});
  }
}

// The window's origins in as few runs as they make, without outputs.
std::vector<Run> inputs_of(const WindowWork& work) {
  std::vector<Run> runs;
  for (const Batch& slice : work.slices) {
    for (const Run& run : slice.runs) {
      add_inputs(runs, run);
    }
  }
  return runs;
}

// What execve takes as one argument (MAX_ARG_STRLEN), without the zero byte behind it.
constexpr std::size_t kWordBytesMax = (std::size_t{128} << 10) - 1;

constexpr const char* kRemedy = "; file: true gives it the path of a file that holds the record";

wire::Failure no_argument(const std::string& why) {
  return {.kind = wire::FailureKind::kFraming,
          .reason = "the record cannot be an argument of the tool: " + why};
}

// Why this cannot be the argument of a tool.
std::optional<wire::Failure> check_argument(std::string_view record) {
  if (record.find('\0') == std::string_view::npos) return std::nullopt;
  return no_argument(std::string("it contains a zero byte") + kRemedy);
}

std::optional<wire::Failure> check_words(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word.size() <= kWordBytesMax) continue;
    return no_argument("the word would have " + std::to_string(word.size()) +
                       " bytes, and a system takes at most " + std::to_string(kWordBytesMax) +
                       kRemedy);
  }
  return std::nullopt;
}

// The record of a window of one, as it lies.
Bytes record_of(const WindowWork& work) {
  const Records& records = work.slices.front().records;
  return records.blob.slice(0, records.length(0));
}

// The order to start a tool with its record, or why there is none.
tl::expected<StartTool, wire::Failure> start_order_with(const Post& post, ToolId tool,
                                                        const WindowWork& work) {
  if (work.slices.size() != 1 || work.records() != 1) {
    return tl::unexpected(no_argument("it is a window of " + count_of(work.records(), "record")));
  }
  const Bytes record = record_of(work);
  StartTool order = start_order(post, tool);
  if (post.stage.is_record_in_file) {
    order.file = {record, post.stage.holes};
    return order;
  }
  if (auto wrong = check_argument(record.view())) return tl::unexpected(*std::move(wrong));
  order.argv = spec::fill_holes(post.stage.argv, post.stage.holes, record.view());
  if (auto wrong = check_words(order.argv)) return tl::unexpected(*std::move(wrong));
  return order;
}

}  // namespace

WindowReplica::WindowReplica(Post post, std::uint64_t seed)
    : post_(std::move(post)),
      opening_(post_.stage),
      answers_(post_.stage.output),
      stderr_(post_.limits),
      pause_(seed) {}

void WindowReplica::advance(Turn& turn, WindowQueue& windows, std::uint64_t& next_tool) {
  if (has_ended_) return;
  if (is_retired_ && !work_) return end(turn, false);
  if (stage_failure_) return;
  if (takes_argument()) {
    start_with_record(turn, windows, next_tool);
  } else {
    start_ahead(turn, windows, next_tool);
  }
  check_timeout(turn);
}

void WindowReplica::start_ahead(Turn& turn, WindowQueue& windows, std::uint64_t& next_tool) {
  if (!tool_ && turn.now >= start_at_) {
    tool_ = ToolId{++next_tool};
    turn.effects.push_back(start_order(post_, *tool_));
    return;
  }
  const bool is_proved = !is_on_probation_ || turn.now >= feed_at_;
  const bool may_work = tool_ && is_started_ && !work_ && !retry_ && !is_retired_ && is_proved;
  std::optional<WindowWork> next = may_work ? windows.take(turn.now) : std::nullopt;
  if (next) feed(std::move(*next), turn);
}

void WindowReplica::start_with_record(Turn& turn, WindowQueue& windows, std::uint64_t& next_tool) {
  // What cannot be an argument takes no process.
  while (!tool_ && !retry_ && !is_retired_ && turn.now >= start_at_) {
    work_ = windows.take(turn.now);
    if (!work_) return;
    work_since_ = turn.now;
    const ToolId tool{next_tool + 1};
    auto order = start_order_with(post_, tool, *work_);
    if (!order) {
      give_up(std::move(order.error()), turn);
      continue;
    }
    tool_ = tool;
    ++next_tool;
    turn.effects.push_back(*std::move(order));
  }
}

void WindowReplica::check_timeout(Turn& turn) {
  const bool is_late = work_ && post_.stage.timeout && !killed_for_ &&
                       turn.now - work_since_ >= *post_.stage.timeout;
  if (is_late) {
    killed_for_ = timeout_failure(*post_.stage.timeout);
    turn.effects.push_back(EndTool{*tool_, true});
  }
}

void WindowReplica::feed(WindowWork work, Turn& turn) {
  work_ = std::move(work);
  work_since_ = turn.now;
  if (ended_) return finish(turn);
  for (std::size_t i = 0; i < work_->slices.size(); ++i) {
    const Records& records = work_->slices[i].records;
    const bool is_last = i + 1 == work_->slices.size();
    const std::size_t cut = is_last && work_->is_unterminated ? records.separator.size() : 0;
    Bytes bytes = framing::stream_of(records, post_.stage.input);
    bytes = bytes.slice(0, bytes.size() - cut);
    if (!bytes.empty()) turn.effects.push_back(FeedTool{*tool_, std::move(bytes)});
  }
  turn.effects.push_back(CloseStdin{*tool_});
}

void WindowReplica::on(const ToolStarted& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  is_started_ = true;
  pause_.note_start();
  feed_at_ = turn.now + kProbation;
  if (takes_argument()) turn.effects.push_back(CloseStdin{event.tool});
}

void WindowReplica::on(const ToolStartFailed& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  tool_.reset();
  if (has_ended_) return;
  killed_for_.reset();
  const bool is_by_record = work_ && event.is_by_arguments && !post_.stage.is_record_in_file;
  if (is_by_record) return give_up(no_argument(event.reason + kRemedy), turn);
  // The record that it was to be started with waits for another.
  if (work_) retry_ = std::exchange(work_, std::nullopt);
  const std::optional<Instant> again = retry_start(event, post_, pause_, turn);
  if (!again) return fail_stage(event.reason);
  start_at_ = *again;
}

void WindowReplica::on(const ToolPrinted& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  if (has_ended_ || killed_for_) return;
  (void)answers_.add(opening_.skip(event.bytes));
  killed_for_ = fault_of_output();
  if (!killed_for_) return;
  answers_.clear();
  turn.effects.push_back(EndTool{*tool_, true});
}

std::optional<wire::Failure> WindowReplica::fault_of_output() const {
  const auto oversize = [](std::string reason) {
    return wire::Failure{.kind = wire::FailureKind::kOversize, .reason = std::move(reason)};
  };
  const Limits& limits = post_.limits;
  if (opening_.banner().is_kept() && opening_.is_too_long()) {
    return oversize("the tool printed a prelude of more than " +
                    count_of(Opening::kPreludeBytesMax, "byte"));
  }
  if (const auto most = post_.stage.output_bytes_max; most && answers_.bytes() > *most) {
    return oversize("the tool printed more for one window than tool_limits.output (" +
                    std::to_string(*most) + ")");
  }
  if (const std::optional<std::string> malformed = answers_.malformed()) {
    return wire::Failure{.kind = wire::FailureKind::kMismatch, .reason = *malformed};
  }
  if (answers_.largest_record() > limits.record_bytes_max) {
    return oversize("the tool printed a record of more than limits.record_bytes (" +
                    std::to_string(limits.record_bytes_max) + ")");
  }
  // As the broker counts it.
  const std::size_t bytes = answers_.bytes() + std::size_t{4} * answers_.count();
  if (bytes > limits.queue_bytes_max) {
    return oversize("the tool printed more for one window than limits.queue_bytes (" +
                    std::to_string(limits.queue_bytes_max) + ")");
  }
  if (bytes > post_.printed_bytes_max) {
    return oversize("the tool printed more for one window than " +
                    std::to_string(post_.printed_bytes_max) +
                    " bytes, which is the most: make the window smaller");
  }
  return std::nullopt;
}

void WindowReplica::on(const ToolComplained& event, Turn& /*turn*/) {
  stderr_.add(event.bytes);
  wire::append(heard_, event.bytes, wire::kSaidBytesMax);
}

void WindowReplica::on(const ToolAccepted& /*event*/, Turn& /*turn*/) {}

void WindowReplica::on(const ToolLooked& /*event*/, Turn& /*turn*/) {}

void WindowReplica::on(const ToolEnded& event, Turn& turn) {
  ENSURE(tool_ == event.tool);
  ended_ = event;
  if (work_) return finish(turn);
  if (has_ended_) return clear_process();
  // It ended before it was given a window. One that is content may have needed no input: what it
  // printed is the next window's. One that is not has failed to start.
  const auto& well = post_.stage.exit_codes;
  const bool is_content =
      !event.is_signal && std::find(well.begin(), well.end(), event.status) != well.end();
  if (is_content) return;
  if (++start_failures_ >= kStartFailuresMax) {
    fail_stage(quote(post_.stage.argv) + " " + describe(event) + " before it was given a window, " +
               std::to_string(start_failures_) + " times in a row" +
               limit_met(event, post_.stage, stderr_.text()));
    return clear_process();
  }
  turn.tally.count_restart(failure_of(event, post_.stage, stderr_.text()).kind);
  start_at_ = turn.now + pause_.next(kPauseMax);
  clear_process();
}

void WindowReplica::finish(Turn& turn) {
  const auto& well = post_.stage.exit_codes;
  const bool is_well =
      !ended_->is_signal && std::find(well.begin(), well.end(), ended_->status) != well.end();
  if (killed_for_) {
    fail(*killed_for_, turn);
  } else if (is_well && !opening_.is_over()) {
    fail({.kind = wire::FailureKind::kMismatch,
          .reason = "the tool ended before it had printed its prelude"},
         turn);
  } else if (is_well) {
    succeed(turn);
  } else {
    fail(failure_of(*ended_, post_.stage, stderr_.text()), turn);
  }
  work_.reset();
  clear_process();
}

void WindowReplica::succeed(Turn& turn) {
  const bool is_unterminated = answers_.end_last();
  if (const std::optional<wire::Failure> fault = fault_of_output()) return fail(*fault, turn);
  start_failures_ = 0;
  has_succeeded_ = true;
  is_on_probation_ = false;
  pause_.reset();
  wire::LeaseResult result;
  result.epoch = work_->epoch;
  result.lease = work_->lease;
  result.outputs.producer = work_->slices.front().producer;
  Records outputs = answers_.take(answers_.count());
  if (is_unterminated) {
    outputs.attributes.push_back({outputs.count - 1, 1, std::string(kUnterminated), ""});
  }
  result.outputs.runs = inputs_of(*work_);
  const std::uint64_t inputs = input_count(result.outputs.runs);
  // The window's outputs are the children of its first origin.
  result.outputs.runs.front().outputs = outputs.count;
  result.outputs.records = std::move(outputs);
  const Duration last = std::max<Duration>(turn.now - work_since_, Duration(1));
  const Duration busy = last + std::exchange(wasted_, {});
  result.busy_ns = static_cast<std::uint64_t>(busy.count());
  Histogram service;
  service.add(last / static_cast<Duration::rep>(std::max<std::uint64_t>(inputs, 1)), inputs);
  result.service = service.counts();
  if (work_->wants_stderr) result.said = std::exchange(heard_, {});
  opening_.banner().put_ahead(result);
  turn.results.push_back(std::move(result));
}

void WindowReplica::fail(wire::Failure why, Turn& turn) {
  turn.tally.count_restart(why.kind);
  wasted_ += turn.now - work_since_;
  is_on_probation_ = !has_succeeded_;
  start_at_ = turn.now + pause_.next(100ms);
  ++work_->attempts;
  if (work_->attempts < post_.stage.attempts) {
    const std::uint32_t doublings = std::min(work_->attempts - 1, 10U);
    work_->not_before = turn.now + post_.stage.backoff * (1U << doublings);
    turn.tally.count_retried(work_->records());
    retry_ = std::move(work_);
    return;
  }
  give_up(std::move(why), turn);
}

void WindowReplica::give_up(wire::Failure why, Turn& turn) {
  wire::LeaseResult result;
  result.epoch = work_->epoch;
  result.lease = work_->lease;
  result.outputs.producer = work_->slices.front().producer;
  why.stderr_tail = stderr_.text();
  why.attempts = work_->attempts;
  why.elapsed_ns = static_cast<std::uint64_t>((turn.now - work_since_).count());
  if (why.attempts > 0) why.repeat = line_for(*work_);
  result.outputs.runs = inputs_of(*work_);
  for (const Run& run : result.outputs.runs) {
    why.first = run.first;
    why.inputs = run.inputs;
    result.failures.push_back(why);
  }
  if (work_->wants_stderr) result.said = std::exchange(heard_, {});
  result.busy_ns = static_cast<std::uint64_t>(std::exchange(wasted_, {}).count());
  turn.results.push_back(std::move(result));
  work_.reset();
}

std::string WindowReplica::line_for(const WindowWork& work) const {
  const ToolId tool = tool_.value_or(ToolId{});
  if (!takes_argument()) return repeat_line(start_order(post_, tool), work, post_.stage.input);
  const auto order = start_order_with(post_, tool, work);
  return order ? repeat_line_with_argument(*order) : "";
}

std::optional<Position> WindowReplica::only_record() const {
  if (!work_ || work_->records() != 1) return std::nullopt;
  const auto& slices = work_->slices;
  const auto it = std::find_if(slices.begin(), slices.end(),
                               [](const Batch& slice) { return slice.records.count == 1; });
  return it->runs.front().first;
}

std::optional<WindowWork> WindowReplica::take_retry() {
  return std::exchange(retry_, std::nullopt);
}

void WindowReplica::clear_process() {
  tool_.reset();
  is_started_ = false;
  ended_.reset();
  killed_for_.reset();
  opening_.begin_anew();
  answers_.clear();
  heard_ = {};
  // What the stage failed with is still to be told.
  if (!stage_failure_) stderr_.clear();
}

void WindowReplica::fail_stage(std::string reason) {
  if (!stage_failure_) stage_failure_ = std::move(reason);
}

void WindowReplica::end(Turn& turn, bool kill) {
  has_ended_ = true;
  if (ended_) return clear_process();
  if (tool_) turn.effects.push_back(EndTool{*tool_, kill, post_.stage.grace});
}

std::optional<Instant> WindowReplica::next_deadline(const WindowQueue& windows) const {
  if (has_ended_ || stage_failure_) return std::nullopt;
  if (!tool_ && !takes_argument()) return start_at_;
  std::optional<Instant> next;
  if (work_ && post_.stage.timeout && !killed_for_) next = work_since_ + *post_.stage.timeout;
  const std::optional<Instant> window = windows.next_deadline();
  if (takes_argument()) {
    if (!tool_ && !is_retired_ && window) next = std::max(*window, start_at_);
    return next;
  }
  if (is_started_ && !work_ && window) {
    const Instant at = is_on_probation_ ? std::max(*window, feed_at_) : *window;
    if (!next || at < *next) next = at;
  }
  return next;
}

}  // namespace leat::node
