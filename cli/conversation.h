// Conversation is what a command that asks the broker something runs in: signals, the connection.

#pragma once

#include <memory>
#include <optional>

#include "cli/ask.h"
#include "cli/front.h"
#include "cli/surroundings.h"
#include "cli/trouble.h"
#include "io/process.h"
#include "io/socket.h"

namespace leat::cli {

class Conversation {
 public:
  [[nodiscard]] static Attempt<std::unique_ptr<Conversation>> begin(
      const BrokerArguments& arguments) {
    occupy_standard_error();
    io::prepare_signals();
    auto conversation = std::make_unique<Conversation>();
    Attempt<Front> front = Front::connect(conversation->context_, arguments);
    if (!front) return tl::unexpected(front.error());
    conversation->front_ = std::move(*front);
    return conversation;
  }

  // Without a connection: begin() makes one that has it.
  Conversation() = default;

  template <typename Kind>
  [[nodiscard]] Attempt<Kind> ask(const wire::Message& request) {
    return cli::ask<Kind>(*front_, signals_, request);
  }

  [[nodiscard]] Answers ask_all(const wire::Message& request) {
    return cli::ask_all(*front_, signals_, request);
  }

  // Waits that long. Trouble: interrupted.
  [[nodiscard]] Attempt<void> pause(Duration time) {
    if (sleep_until(clock_.now() + time, signals_)) return {};
    return trouble(ExitCode::kInterrupted, "interrupted");
  }

  [[nodiscard]] Front& front() { return *front_; }

  [[nodiscard]] const Signals& signals() const { return signals_; }

  [[nodiscard]] Instant now() const { return clock_.now(); }

 private:
  Signals signals_;
  io::Context context_;
  std::optional<Front> front_;
  io::MonotonicClock clock_;
};

}  // namespace leat::cli
