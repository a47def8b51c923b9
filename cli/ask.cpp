#include "cli/ask.h"

#include <optional>

#include "clients/cpp/request_core.h"

namespace leat::cli {

namespace {

// One request on its way.
class Question {
 public:
  Question(Front& front, const wire::Message& request)
      : front_(front), core_({.request = request, .silence_max = front.arguments().patience}) {}

  Answers run(const Signals& signals) {
    carry_out(core_.start(clock_.now()));
    io::WaitSet waits;
    while (!core_.is_over() && !answers_.trouble) {
      turn(waits, signals);
    }
    answers_.was_repeated = core_.sent_count() > 1;
    return std::move(answers_);
  }

 private:
  void turn(io::WaitSet& waits, const Signals& signals) {
    waits.clear();
    const std::size_t at_signals = waits.add(signals.fd(), POLLIN);
    front_.watch(waits);
    std::optional<Duration> patience;
    if (const std::optional<Instant> next = core_.next_deadline()) patience = *next - clock_.now();
    if (front_.serve()) patience = Duration(0);
    waits.wait(patience);
    if (waits.is_ready(at_signals) && signals.came()) {
      answers_.trouble = Trouble{ExitCode::kInterrupted, "interrupted"};
      return;
    }
    while (std::optional<Result<wire::Message>> message = front_.receive()) {
      if (!*message) {
        answers_.trouble = Trouble{ExitCode::kBroker, message->error().message};
        return;
      }
      carry_out(core_.receive(**message, clock_.now()));
    }
    carry_out(core_.tick(clock_.now()));
  }

  void carry_out(const client::RequestEffects& effects) {
    for (const client::RequestEffect& effect : effects) {
      std::visit([this](const auto& e) { order(e); }, effect);
    }
  }

  void order(const client::SendToBroker& effect) { front_.send(effect.message); }

  void order(const client::Answer& effect) { answers_.messages.push_back(effect.message); }

  void order(const client::Finish& /*effect*/) {}

  void order(const client::Fail& effect) {
    if (effect.kind != client::Fail::Kind::kUnreachable) {
      answers_.trouble = Trouble{ExitCode::kBroker, effect.reason};
    } else if (answers_.messages.empty()) {
      answers_.trouble = front_.unreachable(front_.arguments().patience);
    } else {
      answers_.trouble = Trouble{ExitCode::kBroker, "the broker fell silent: " + effect.reason};
    }
  }

  Front& front_;
  client::RequestCore core_;
  io::MonotonicClock clock_;
  Answers answers_;
};

}  // namespace

Answers ask_all(Front& front, const Signals& signals, const wire::Message& request) {
  return Question(front, request).run(signals);
}

bool sleep_until(Instant then, const Signals& signals) {
  const io::MonotonicClock clock;
  io::WaitSet waits;
  const std::size_t at_signals = waits.add(signals.fd(), POLLIN);
  for (Instant now = clock.now(); now < then; now = clock.now()) {
    waits.wait(then - now);
    if (waits.is_ready(at_signals) && signals.came()) return false;
  }
  return true;
}

}  // namespace leat::cli
