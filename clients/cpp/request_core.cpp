#include "clients/cpp/request_core.h"

#include <algorithm>
#include <string_view>

#include "core/ensure.h"
#include "wire/codec.h"

namespace leat::client {

namespace {

bool is_done_for(const wire::Message& request, const wire::Done& done) {
  const bool is_order = std::holds_alternative<wire::Scale>(request) ||
                        std::holds_alternative<wire::Pause>(request) ||
                        std::holds_alternative<wire::Drain>(request) ||
                        std::holds_alternative<wire::Remove>(request) ||
                        std::holds_alternative<wire::LogsRequest>(request);
  return is_order && done.what == wire::kind_name(request);
}

// Whether the message answers the request; Logs are looked at by themselves.
bool is_answer(const wire::Message& request, const wire::Message& message) {
  if (const auto* const done = std::get_if<wire::Done>(&message)) {
    return is_done_for(request, *done);
  }
  return (std::holds_alternative<wire::Deploy>(request) &&
          std::holds_alternative<wire::Deployed>(message)) ||
         (std::holds_alternative<wire::StatusRequest>(request) &&
          std::holds_alternative<wire::Status>(message)) ||
         (std::holds_alternative<wire::Describe>(request) &&
          std::holds_alternative<wire::Description>(message));
}

}  // namespace

RequestCore::RequestCore(Settings settings) : settings_(std::move(settings)) {
  const wire::Message& request = settings_.request;
  ENSURE(std::holds_alternative<wire::Deploy>(request) ||
         std::holds_alternative<wire::StatusRequest>(request) ||
         std::holds_alternative<wire::Describe>(request) ||
         is_done_for(request, {.what = wire::kind_name(request)}));
}

RequestEffects RequestCore::start(Instant now) {
  gives_up_ = now + settings_.silence_max;
  next_send_ = now + settings_.resend;
  send();
  return finish_step();
}

void RequestCore::send() {
  ++sent_count_;
  effects_.emplace_back(SendToBroker{settings_.request});
}

RequestEffects RequestCore::receive(const wire::Message& message, Instant now) {
  if (is_over_) return {};
  take(message);
  if (!effects_.empty()) gives_up_ = now + settings_.silence_max;
  return finish_step();
}

void RequestCore::take(const wire::Message& message) {
  if (const auto* const refused = std::get_if<wire::Refused>(&message)) {
    is_over_ = true;
    effects_.emplace_back(Fail{Fail::Kind::kRefused, refused->reason});
    return;
  }
  if (const auto* const logs = std::get_if<wire::Logs>(&message)) return take_logs(*logs);
  if (!is_answer(settings_.request, message)) return;
  if (!std::holds_alternative<wire::LogsRequest>(settings_.request)) {
    effects_.emplace_back(Answer{message});
    effects_.emplace_back(Finish{});
    is_over_ = true;
    return;
  }
  // The answer to the same question asked again tells nothing new.
  if (logs_expected_) return;
  logs_expected_ = std::get<wire::Done>(message).count;
  effects_.emplace_back(Answer{message});
  finish_if_complete();
}

void RequestCore::take_logs(const wire::Logs& logs) {
  if (!std::holds_alternative<wire::LogsRequest>(settings_.request)) return;
  // A node that has not the stage any more says so without its name, for each that it was asked of.
  const bool is_of_nothing = logs.stage.empty();
  const std::string stage =
      is_of_nothing ? std::to_string(++nameless_logs_[logs.node]) : "stage " + logs.stage;
  if (!logs_seen_.emplace(stage, logs.node).second) return;
  effects_.emplace_back(Answer{logs});
  finish_if_complete();
}

void RequestCore::finish_if_complete() {
  if (!logs_expected_ || logs_seen_.size() < *logs_expected_) return;
  is_over_ = true;
  effects_.emplace_back(Finish{});
}

RequestEffects RequestCore::tick(Instant now) {
  if (is_over_) return {};
  if (now >= gives_up_) {
    is_over_ = true;
    const std::string came = std::to_string(logs_seen_.size()) + " of " +
                             std::to_string(logs_expected_.value_or(0)) + " answers came";
    effects_.emplace_back(Fail{Fail::Kind::kUnreachable, logs_expected_ ? came : "no answer came"});
    return finish_step();
  }
  if (now >= next_send_) {
    next_send_ = now + settings_.resend;
    send();
  }
  return finish_step();
}

std::optional<Instant> RequestCore::next_deadline() const {
  if (is_over_) return std::nullopt;
  return std::min(next_send_, gives_up_);
}

RequestEffects RequestCore::finish_step() {
  return std::exchange(effects_, {});
}

}  // namespace leat::client
