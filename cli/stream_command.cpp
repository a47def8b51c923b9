#include "cli/stream_command.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "cli/status_text.h"
#include "core/words.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;

constexpr Duration kProgressTime = 500ms;
// When nothing has moved for so long the broker is asked why.
constexpr Duration kStillTime = 5s;
constexpr Duration kLookTime = 500ms;
constexpr int kMessagesPerTurn = 32;

const char* interruption(wire::SessionUse use) {
  switch (use) {
    case wire::SessionUse::kPipe:
      return "interrupted; what was not written yet is lost";
    case wire::SessionUse::kSend:
      return "interrupted";
    case wire::SessionUse::kReceive:
      return "interrupted; what was not written yet waits for the next consumer";
  }
  return "interrupted";
}

}  // namespace

StreamCommand::StreamCommand(Options options, Front& front)
    : options_(std::move(options)),
      front_(front),
      session_(options_.session),
      failed_(options_.session.pipeline, std::move(options_.letters),
              [this](const std::string& what) { tell(what); }) {}

ExitCode StreamCommand::run(const Signals& signals) {
  started_ = now_ = clock_.now();
  next_progress_ = started_ + kProgressTime;
  next_look_ = started_ + kLookTime;
  still_since_ = started_;
  failed_.end_at(signals.fd());
  options_.words.end_at(signals.fd());
  carry_out(session_.start(started_));
  io::WaitSet waits;
  while (!session_.is_over() && !is_abandoned_) {
    turn(waits, signals);
  }
  // Closed, it is not taken up again.
  if (options_.file && session_.is_end_confirmed()) keep(options_.file->end());
  tell_outcome();
  return code_.value_or(ExitCode::kInterrupted);
}

void StreamCommand::turn(io::WaitSet& waits, const Signals& signals) {
  const Watched watched = watch(waits, signals);
  waits.wait(patience());
  now_ = clock_.now();
  const auto is_ready = [&waits](std::optional<std::size_t> place) {
    return place && waits.is_ready(*place);
  };
  if (is_ready(watched.signals) && signals.came()) interrupt();
  // Nothing to write, and yet it is ready: its reader went away.
  if (!code_ && is_ready(watched.output)) {
    watched.is_only_looking ? lose_reader() : write_output();
  }
  receive();
  if (!code_ && is_ready(watched.input)) read_input();
  if (!code_) submit();
  carry_out(session_.tick(now_));
  if (!code_ && options_.file) keep(options_.file->tick(now_));
  if (!code_ && now_ >= next_progress_) show_progress();
  if (!code_ && now_ >= next_look_) look_why();
}

void StreamCommand::look_why() {
  next_look_ = now_ + kLookTime;
  const std::uint64_t moved = session_.accepted_count() + deliveries_;
  if (moved != std::exchange(moved_, moved) || session_.submitted_count() == 0) still_since_ = now_;
  if (now_ - still_since_ >= kStillTime - kLookTime) carry_out(session_.ask_status(now_));
}

void StreamCommand::tell_state() {
  // A filter that drops all moves nothing, but finishes records.
  const std::optional<std::uint64_t> before = std::exchange(finished_, finished_count(*status_));
  if (before && before != finished_) still_since_ = now_;
  if (code_ || now_ - still_since_ < kStillTime) return;
  const std::string state = waiting_state(*status_);
  const std::string told = std::exchange(told_state_, state);
  // Of a stage that fails the state counts the seconds until it is tried again.
  const bool still_fails = state.starts_with("failing") && told.starts_with("failing");
  if (state == told || still_fails || state.empty()) return;
  tell("pipeline '" + status_->name + "': " + state);
}

StreamCommand::Watched StreamCommand::watch(io::WaitSet& waits, const Signals& signals) const {
  waits.clear();
  Watched watched{.signals = waits.add(signals.fd(), POLLIN)};
  front_.watch(waits);
  const bool reads = options_.input && options_.input->wants_more() && session_.may_submit();
  if (!code_ && reads) watched.input = waits.add(STDIN_FILENO, POLLIN);
  if (!code_ && options_.output) {
    watched.is_only_looking = options_.output->is_empty();
    watched.output = waits.add(options_.output->fd(), watched.is_only_looking ? short{0} : POLLOUT);
  }
  return watched;
}

std::optional<Duration> StreamCommand::patience() {
  if (front_.serve()) return Duration(0);
  std::optional<Instant> next = session_.next_deadline();
  if (options_.shows_progress || options_.shows_summary) {
    next = next ? std::min(*next, next_progress_) : next_progress_;
  }
  if (!code_) next = next ? std::min(*next, next_look_) : next_look_;
  const std::optional<Instant> sync = options_.file ? options_.file->next_deadline() : std::nullopt;
  if (sync) next = next ? std::min(*next, *sync) : sync;
  if (!next) return std::nullopt;
  return *next - clock_.now();
}

void StreamCommand::receive() {
  for (int i = 0; i < kMessagesPerTurn && !session_.is_over(); ++i) {
    const std::optional<Result<wire::Message>> message = front_.receive();
    if (!message) return;
    if (!*message) return give_up(ExitCode::kBroker, message->error().message);
    carry_out(session_.receive(**message, now_));
    if (options_.file) options_.file->confirm(session_.confirmed());
  }
}

void StreamCommand::read_input() {
  Input& input = *options_.input;
  if (!input.wants_more() || !session_.may_submit()) return;
  if (const Result<void> read = input.read(); !read) {
    return give_up(ExitCode::kPipelineFailed, read.error().message);
  }
  for (const InputCutter::Oversize& oversize : input.take_oversize()) {
    const Result<void> kept = failed_.add_oversize(oversize, options_.record_bytes_max);
    if (!kept) return give_up_keeping(kept.error());
  }
  // What was read before is worked off as at any end.
  if (const std::optional<std::string> malformed = input.malformed()) {
    is_input_broken_ = true;
    tell(*malformed);
  }
}

void StreamCommand::submit() {
  if (!options_.input) return;
  while (session_.may_submit()) {
    std::optional<Records> records = options_.input->take(session_.credit());
    if (!records) break;
    carry_out(session_.submit(std::move(*records), now_));
  }
  if (options_.input->is_done() && !has_told_end_) {
    has_told_end_ = true;
    carry_out(session_.end(now_));
  }
}

void StreamCommand::write_output() {
  const Result<std::optional<std::uint64_t>> done = options_.output->write();
  if (!done && done.error().code == Errc::kUnavailable) return lose_reader();
  if (!done) {
    return give_up(ExitCode::kPipelineFailed,
                   "standard output cannot be written to: " + done.error().message);
  }
  if (*done) carry_out(session_.took(**done, now_));
  if (is_leaving_ && options_.output->is_empty()) {
    give_up(ExitCode::kInterrupted, interruption(use()));
  }
}

void StreamCommand::lose_reader() {
  give_up(ExitCode::kInterrupted, "the reader of standard output went away after " +
                                      std::to_string(options_.output->written_records()) +
                                      " records");
}

void StreamCommand::carry_out(const client::Effects& effects) {
  for (const client::Effect& effect : effects) {
    std::visit([this](const auto& e) { order(e); }, effect);
  }
}

void StreamCommand::order(const client::SendToBroker& effect) {
  const auto* const opening = std::get_if<wire::OpenSession>(&effect.message);
  if (opening != nullptr && options_.file) {
    keep(options_.file->open_session(opening->epoch));
    if (options_.file->has_failed()) return;
  }
  front_.send(effect.message);
}

void StreamCommand::order(const client::HandOver& effect) {
  // What is not taken is somebody else's.
  if (code_ || is_leaving_) return;
  ++deliveries_;
  if (const Result<void> kept = failed_.add(effect.delivery); !kept) {
    return give_up_keeping(kept.error());
  }
  if (!effect.delivery.said.empty()) progress_.clear();
  if (const Result<void> written = options_.words.add(effect.delivery); !written) {
    return give_up_keeping(written.error());
  }
  // The status of a pipeline that is over could not be asked for.
  if (effect.delivery.is_last && options_.shows_summary) {
    last_delivery_ = effect.delivery;
    carry_out(session_.ask_status(now_));
    return;
  }
  hand_to_output(effect.delivery);
}

void StreamCommand::hand_to_output(const wire::Delivery& delivery) {
  if (options_.file) return keep(options_.file->add(delivery, now_));
  options_.output->add(delivery);
  write_output();
}

void StreamCommand::keep(const ResultFile::Kept& kept) {
  if (!kept && code_) {
    code_ = ExitCode::kPipelineFailed;
    return tell(kept.error().message);
  }
  if (!kept) return give_up(ExitCode::kPipelineFailed, kept.error().message);
  if (*kept) carry_out(session_.took(**kept, now_));
}

void StreamCommand::order(const client::BeginAnew& effect) {
  if (options_.file && options_.file->sink().delivery() == 0) return;
  tell(effect.reason);
  if (options_.file) {
    tell(options_.file->path() +
         " goes on with a new session; what others of the group took meanwhile, or a broker that "
         "ended had in memory, is not in it");
  }
}

void StreamCommand::order(const client::Finish& /*effect*/) {
  if (code_) return;
  code_ = failed_.count() > 0 ? ExitCode::kRecordsFailed : ExitCode::kWell;
  if (is_input_broken_) code_ = ExitCode::kPipelineFailed;
}

void StreamCommand::order(const client::Fail& effect) {
  switch (effect.kind) {
    case client::Fail::Kind::kRefused:
      return give_up(ExitCode::kBroker, effect.reason);
    case client::Fail::Kind::kPipelineFailed:
      return give_up(ExitCode::kPipelineFailed, effect.reason);
    case client::Fail::Kind::kUnreachable: {
      const Duration silence = options_.session.beat * options_.session.broker_silence_beats;
      return give_up(ExitCode::kBroker, front_.unreachable(silence).message);
    }
  }
}

void StreamCommand::order(const client::ShowStatus& effect) {
  for (const wire::PipelineStatus& pipeline : effect.status.pipelines) {
    if (pipeline.name == session_.pipeline()) status_ = pipeline;
  }
  tell_state();
  if (code_ || !last_delivery_) return;
  hand_to_output(*std::exchange(last_delivery_, std::nullopt));
}

void StreamCommand::interrupt() {
  if (code_ || is_leaving_) {
    is_abandoned_ = true;
    return;
  }
  // A delivery that was written in part would come to the next consumer as a whole.
  if (options_.output && use() == wire::SessionUse::kReceive) {
    options_.output->drop_unstarted();
    is_leaving_ = !options_.output->is_empty();
  }
  if (!is_leaving_) give_up(ExitCode::kInterrupted, interruption(use()));
}

void StreamCommand::give_up(ExitCode code, const std::string& reason) {
  if (code_) return;
  code_ = code;
  tell(reason);
  if (options_.file) keep(options_.file->flush());
  carry_out(session_.close(now_));
}

void StreamCommand::give_up_keeping(const Error& error) {
  const bool is_interrupted = error.code == Errc::kUnavailable;
  give_up(is_interrupted ? ExitCode::kInterrupted : ExitCode::kPipelineFailed, error.message);
}

void StreamCommand::tell(const std::string& what) {
  progress_.clear();
  say(what);
}

void StreamCommand::show_progress() {
  next_progress_ = now_ + kProgressTime;
  if (options_.shows_summary) carry_out(session_.ask_status(now_));
  if (!options_.shows_progress) return;
  Standing standing;
  standing.records_in = options_.input->count();
  standing.records_out =
      options_.output ? options_.output->written_records() : session_.accepted_count();
  standing.failed = failed_.count();
  standing.elapsed = now_ - started_;
  if (const std::optional<double> read = options_.input->share()) {
    // What was read and is not written yet is still to be done.
    const auto done =
        static_cast<double>(standing.records_out + failed_.count() + failed_.dropped());
    const auto cut = static_cast<double>(std::max<std::uint64_t>(standing.records_in, 1));
    standing.share = std::min(1.0, *read * std::min(1.0, done / cut));
  }
  progress_.show(standing);
}

void StreamCommand::tell_outcome() {
  progress_.clear();
  if (options_.shows_summary && status_) {
    say_plainly(summary_table(*status_, clock_.now() - started_));
  }
  const bool was_cut_short = use() == wire::SessionUse::kSend && code_ != ExitCode::kWell &&
                             code_ != ExitCode::kRecordsFailed;
  if (was_cut_short) {
    say(count_of(session_.accepted_count(), "record") +
        " of the input accepted; they are done as long as that broker lives, for it keeps them in "
        "memory");
  }
  failed_.tell_outcome();
  if (options_.words.bytes_left_out() > 0) {
    say(count_of(options_.words.bytes_left_out(), "byte") +
        " of what the tools said on standard error were too much to be kept");
  }
}

}  // namespace leat::cli
