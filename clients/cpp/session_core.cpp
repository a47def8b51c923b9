#include "clients/cpp/session_core.h"

#include <algorithm>
#include <utility>

#include "core/ensure.h"
#include "wire/codec.h"

namespace leat::client {

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
  send(wire::OpenSession{.pipeline = settings_.pipeline,
                         .producer = settings_.producer,
                         .epoch = epoch_,
                         .taken = taken_});
}

void SessionCore::reopen() {
  ++epoch_;
  state_ = State::kOpening;
  // What was handed over and not taken comes again and is known by its number.
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
  const bool was_opening = state_ == State::kOpening;
  state_ = State::kOpen;
  producer_ = message.producer;
  bytes_max_ = std::max(bytes_max_, message.bytes_max);
  while (!kept_.empty() &&
         kept_.front().sequence + kept_.front().records.count <= message.next_sequence) {
    kept_.pop_front();
  }
  const bool answers_beat = message.beat == beats_ && message.beat > 0;
  // By the answer to a beat all that was sent before it has arrived, or never will.
  const bool has_lost_input = answers_beat && message.next_sequence < sequence_at_beat_;
  const bool has_lost_end = answers_beat && had_end_at_beat_ && !message.has_end;
  if (was_opening || has_lost_input || has_lost_end) resend(message.next_sequence);
  if (answers_beat && message.deliveries > handed_over_) {
    // Some may be on their way behind this; a repeated one does no harm.
    reopen();
  }
}

void SessionCore::resend(std::uint64_t accepted) {
  for (const Kept& kept : kept_) {
    if (kept.sequence < accepted) continue;
    send(wire::Submit{producer_, epoch_, kept.sequence, kept.records});
  }
  if (has_end_) send(wire::EndOfInput{producer_, epoch_, next_sequence_});
}

void SessionCore::on(const wire::Delivery& message) {
  const bool is_ours = state_ == State::kOpen && message.epoch == epoch_;
  if (!is_ours || message.number <= handed_over_) return;
  if (message.number > handed_over_ + 1) return reopen();
  handed_over_ = message.number;
  is_last_handed_over_ = message.is_last;
  effects_.push_back(HandOver{message});
}

void SessionCore::on(const wire::SessionFailed& message) {
  if (message.producer == settings_.producer) fail(Fail::Kind::kPipelineFailed, message.reason);
}

void SessionCore::on(const wire::Refused& message) {
  fail(Fail::Kind::kRefused, message.reason);
}

void SessionCore::on(const wire::Status& message) {
  effects_.push_back(ShowStatus{message});
}

template <typename Other>
void SessionCore::on(const Other& /*message*/) {}

void SessionCore::fail(Fail::Kind kind, std::string reason) {
  if (state_ == State::kOver) return;
  state_ = State::kOver;
  effects_.push_back(Fail{kind, std::move(reason)});
}

bool SessionCore::may_submit() const {
  return state_ == State::kOpen && !has_end_ && submitted_bytes_ < bytes_max_;
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
  ENSURE(!has_end_);
  has_end_ = true;
  if (state_ == State::kOpen) send(wire::EndOfInput{producer_, epoch_, next_sequence_});
  return finish_step();
}

Effects SessionCore::took(std::uint64_t delivery, Instant /*now*/) {
  ENSURE(delivery <= handed_over_);
  taken_ = std::max(taken_, delivery);
  if (state_ == State::kOpen) send(wire::Taken{producer_, epoch_, taken_, 0});
  if (is_last_handed_over_ && taken_ == handed_over_ && state_ != State::kOver) {
    state_ = State::kOver;
    effects_.push_back(Finish{});
  }
  return finish_step();
}

Effects SessionCore::close(Instant /*now*/) {
  if (state_ == State::kOpen) send(wire::CloseSession{producer_, epoch_});
  state_ = State::kOver;
  return finish_step();
}

Effects SessionCore::ask_status(Instant /*now*/) {
  if (state_ == State::kOpen) send(wire::StatusRequest{settings_.pipeline});
  return finish_step();
}

Effects SessionCore::tick(Instant now) {
  if (state_ == State::kOver || now < next_beat_) return finish_step();
  next_beat_ = now + settings_.beat;
  if (++silent_beats_ > settings_.broker_silence_beats) {
    fail(Fail::Kind::kUnreachable, "the broker was not heard for " +
                                       std::to_string(settings_.broker_silence_beats) + " beats");
    return finish_step();
  }
  if (state_ == State::kDeploying) send(*settings_.deploy);
  if (state_ == State::kOpening) open_session();
  if (state_ == State::kOpen) {
    sequence_at_beat_ = next_sequence_;
    had_end_at_beat_ = has_end_;
    send(wire::Taken{producer_, epoch_, taken_, ++beats_});
  }
  return finish_step();
}

std::optional<Instant> SessionCore::next_deadline() const {
  if (state_ == State::kOver || state_ == State::kNew) return std::nullopt;
  return next_beat_;
}

Effects SessionCore::finish_step() {
  return std::exchange(effects_, {});
}

}  // namespace leat::client
