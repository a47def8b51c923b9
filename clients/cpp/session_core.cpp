#include "clients/cpp/session_core.h"

#include <algorithm>
#include <utility>

#include "core/ensure.h"
#include "wire/codec.h"

namespace leat::client {

SessionCore::SessionCore(Settings settings) : settings_(std::move(settings)) {
  if (!settings_.resumption) return;
  ENSURE(settings_.use == wire::SessionUse::kReceive);
  epoch_ = settings_.resumption->epoch;
  handed_over_ = taken_ = settings_.resumption->taken;
  is_last_handed_over_ = settings_.resumption->has_last;
  is_resuming_ = epoch_ > 1;
}

Effects SessionCore::start(Instant now) {
  ENSURE(state_ == State::kNew);
  next_beat_ = now + settings_.beat;
  if (settings_.deploy) {
    state_ = State::kDeploying;
    send(*settings_.deploy);
  } else {
    state_ = State::kOpening;
    open_session();
  }
  return finish_step();
}

void SessionCore::open_session() {
  ++opens_sent_;
  send(wire::OpenSession{.pipeline = settings_.pipeline,
                         .producer = settings_.producer,
                         .epoch = epoch_,
                         .taken = taken_,
                         .use = settings_.use,
                         .group = settings_.group,
                         .from = settings_.from,
                         .wants_stderr = settings_.wants_stderr});
}

void SessionCore::reopen() {
  ++epoch_;
  opens_sent_ = 0;
  state_ = State::kOpening;
  // What was handed over and not taken comes again and is known by its number.
  open_session();
}

void SessionCore::begin_anew(const std::string& reason) {
  is_resuming_ = false;
  stale_refusals_ = opens_sent_ - 1;
  epoch_ = 1;
  handed_over_ = taken_ = taken_at_beat_ = 0;
  effects_.push_back(BeginAnew{reason});
  open_session();
}

Effects SessionCore::receive(const wire::Message& message, Instant /*now*/) {
  silent_beats_ = 0;
  if (state_ != State::kOver) std::visit([this](const auto& m) { on(m); }, message);
  return finish_step();
}

void SessionCore::on(const wire::Deployed& message) {
  if (state_ != State::kDeploying) return;
  settings_.pipeline = message.pipeline;
  state_ = State::kOpening;
  open_session();
}

void SessionCore::on(const wire::SessionState& message) {
  if (message.epoch != epoch_) return;
  is_resuming_ = false;
  beat_answered_ = std::max(beat_answered_, message.beat);
  if (taken_beat_ > 0 && message.beat >= taken_beat_) confirmed_ = taken_at_beat_;
  const bool is_foreign =
      settings_.use != wire::SessionUse::kReceive &&
      (message.next_sequence > next_sequence_ || (message.has_end && !has_end_));
  if (is_foreign) {
    return fail(Fail::Kind::kRefused, "producer '" + settings_.producer + "' has submitted " +
                                          std::to_string(message.next_sequence) +
                                          " records before: give it another name");
  }
  producer_ = message.producer;
  bytes_max_ = std::max(bytes_max_, message.bytes_max);
  accepted_ = std::max(accepted_, message.next_sequence);
  is_end_accepted_ = is_end_accepted_ || message.has_end;
  drop_accepted();
  if (is_ending()) {
    if (end_beat_ == 0) return begin_end(state_);
    // What goes on to have a session after it was to be closed: only an input can end and stay.
    const bool may_stay = settings_.use == wire::SessionUse::kSend || has_taken_all();
    if (message.beat >= end_beat_ && may_stay) confirm_end();
    return;
  }
  const State before = std::exchange(state_, State::kOpen);
  repair(message, before);
  finish_if_due();
}

void SessionCore::drop_accepted() {
  while (!kept_.empty() && kept_.front().sequence + kept_.front().records.count <= accepted_) {
    kept_.pop_front();
  }
}

void SessionCore::repair(const wire::SessionState& message, State before) {
  const bool answers_beat = message.beat == beats_ && message.beat > 0;
  // By the answer to a beat all that was sent before it has arrived, or never will.
  const bool has_lost_input = answers_beat && message.next_sequence < sequence_at_beat_;
  const bool has_lost_end = answers_beat && had_end_at_beat_ && !message.has_end;
  if (before == State::kOpening || has_lost_input || has_lost_end) resend();
  // Some may be on their way behind this; a repeated one does no harm. A sender gets none.
  const bool may_get_some = settings_.use != wire::SessionUse::kSend;
  if (answers_beat && may_get_some && message.deliveries > handed_over_) reopen();
}

void SessionCore::resend() {
  for (const Kept& kept : kept_) {
    send(wire::Submit{producer_, epoch_, kept.sequence, kept.records});
  }
  if (has_end_ && !is_end_accepted_) send(wire::EndOfInput{producer_, epoch_, next_sequence_});
}

void SessionCore::on(const wire::Delivery& message) {
  const bool is_ours = state_ == State::kOpen && message.epoch == epoch_;
  if (!is_ours || message.number <= handed_over_) return;
  if (message.number > handed_over_ + 1) return reopen();
  handed_over_ = message.number;
  // To a consumer of all producers it only tells that one of them is over.
  const bool follows_all = settings_.use == wire::SessionUse::kReceive && settings_.from.empty();
  is_last_handed_over_ = message.is_last && !follows_all;
  effects_.push_back(HandOver{message});
}

void SessionCore::on(const wire::SessionFailed& message) {
  if (message.producer != settings_.producer) return;
  if (state_ == State::kClosing || has_taken_all()) return confirm_end();
  fail(Fail::Kind::kPipelineFailed, message.reason);
}

void SessionCore::on(const wire::Refused& message) {
  if (stale_refusals_ > 0 && state_ == State::kOpening) {
    --stale_refusals_;
    return;
  }
  // The session is not there any more, which is what was wanted.
  if (is_ending() || has_taken_all()) return confirm_end();
  if (is_resuming_ && state_ == State::kOpening) return begin_anew(message.reason);
  fail(Fail::Kind::kRefused, message.reason);
}

void SessionCore::on(const wire::Status& message) {
  effects_.push_back(ShowStatus{message});
}

template <typename Other>
void SessionCore::on(const Other& /*message*/) {}

bool SessionCore::is_ending() const {
  return state_ == State::kFinishing || state_ == State::kClosing;
}

bool SessionCore::has_taken_all() const {
  return is_last_handed_over_ && taken_ == handed_over_;
}

void SessionCore::finish_if_due() {
  const bool has_sent_all = settings_.use == wire::SessionUse::kSend && is_end_accepted_;
  if (state_ != State::kOpen || (!has_sent_all && !has_taken_all())) return;
  begin_end(State::kFinishing);
}

void SessionCore::begin_end(State state) {
  state_ = state;
  // The answer to the last beat of the first round.
  end_beat_ = beats_ + (has_taken_all() ? 1 : 2);
  tell_end();
}

// Once the last delivery is taken the broker closes the session by itself. Closing has no answer:
// the beat before it brings the last standing, and one behind it shows that it has arrived.
void SessionCore::tell_end() {
  taken_at_beat_ = taken_;
  send(wire::Taken{producer_, epoch_, taken_, ++beats_});
  taken_beat_ = beats_;
  if (has_taken_all()) return;
  send(wire::CloseSession{producer_, epoch_});
  send(wire::Taken{producer_, epoch_, taken_, ++beats_});
}

void SessionCore::confirm_end() {
  if (state_ != State::kClosing) effects_.push_back(Finish{});
  state_ = State::kOver;
  is_end_confirmed_ = true;
}

void SessionCore::fail(Fail::Kind kind, std::string reason) {
  if (state_ == State::kOver) return;
  state_ = State::kOver;
  effects_.push_back(Fail{kind, std::move(reason)});
}

bool SessionCore::may_submit() const {
  return state_ == State::kOpen && settings_.use != wire::SessionUse::kReceive && !has_end_ &&
         submitted_bytes_ < bytes_max_;
}

std::uint64_t SessionCore::credit() const {
  return bytes_max_ - std::min(bytes_max_, submitted_bytes_);
}

Effects SessionCore::submit(Records records, Instant /*now*/) {
  ENSURE(may_submit() && records.count > 0);
  send(wire::Submit{producer_, epoch_, next_sequence_, records});
  submitted_bytes_ += records.bytes();
  const std::uint64_t sequence = next_sequence_;
  next_sequence_ += records.count;
  kept_.push_back({sequence, std::move(records)});
  return finish_step();
}

Effects SessionCore::end(Instant /*now*/) {
  ENSURE(!has_end_ && settings_.use != wire::SessionUse::kReceive);
  has_end_ = true;
  if (state_ == State::kOpen) send(wire::EndOfInput{producer_, epoch_, next_sequence_});
  return finish_step();
}

Effects SessionCore::took(std::uint64_t delivery, Instant /*now*/) {
  ENSURE(delivery <= handed_over_);
  taken_ = std::max(taken_, delivery);
  if (state_ != State::kOpen) return finish_step();
  finish_if_due();
  if (state_ != State::kOpen) return finish_step();
  const bool asks = settings_.resumption && beat_answered_ == beats_;
  asks ? send_beat() : send(wire::Taken{producer_, epoch_, taken_, 0});
  return finish_step();
}

void SessionCore::send_beat() {
  sequence_at_beat_ = next_sequence_;
  had_end_at_beat_ = has_end_;
  taken_at_beat_ = taken_;
  send(wire::Taken{producer_, epoch_, taken_, ++beats_});
  taken_beat_ = beats_;
}

Effects SessionCore::close(Instant now) {
  if (state_ == State::kClosing || state_ == State::kOver) return finish_step();
  silent_beats_ = 0;
  next_beat_ = now + settings_.beat;
  const State before = std::exchange(state_, State::kClosing);
  if (before == State::kOpen || before == State::kFinishing) begin_end(State::kClosing);
  // Opening: the broker may have opened it, and its answer is on the way.
  if (before == State::kNew || before == State::kDeploying) state_ = State::kOver;
  return finish_step();
}

Effects SessionCore::ask_status(Instant /*now*/) {
  if (state_ == State::kOpen) send(wire::StatusRequest{settings_.pipeline});
  return finish_step();
}

Effects SessionCore::tick(Instant now) {
  if (state_ == State::kOver || now < next_beat_) return finish_step();
  next_beat_ = now + settings_.beat;
  ++silent_beats_;
  const std::uint64_t patience =
      state_ == State::kClosing ? kCloseBeats : settings_.broker_silence_beats;
  if (silent_beats_ > patience) {
    suffer_silence();
    return finish_step();
  }
  if (state_ == State::kDeploying) send(*settings_.deploy);
  if (state_ == State::kOpening) open_session();
  if (is_ending() && end_beat_ > 0) tell_end();
  if (state_ == State::kOpen) send_beat();
  return finish_step();
}

void SessionCore::suffer_silence() {
  // A pipe that has all its results needs no broker any more.
  const bool has_pipe_all = settings_.use == wire::SessionUse::kPipe && has_taken_all();
  if (state_ == State::kClosing || has_pipe_all) {
    confirm_end();
    is_end_confirmed_ = false;
    return;
  }
  fail(Fail::Kind::kUnreachable,
       "the broker was not heard for " + std::to_string(settings_.broker_silence_beats) + " beats");
}

std::optional<Instant> SessionCore::next_deadline() const {
  if (state_ == State::kOver || state_ == State::kNew) return std::nullopt;
  return next_beat_;
}

Effects SessionCore::finish_step() {
  return std::exchange(effects_, {});
}

}  // namespace leat::client
