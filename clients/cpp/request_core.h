// RequestCore asks the broker one thing, as a state machine without sockets and clock: it sends the
// request, again when no answer comes, and tells the answers or why there are none.
//
// A request may arrive twice, so only what does no harm twice is asked by it: Deploy,
// StatusRequest, Describe, Scale, Pause, Drain, LogsRequest; and Remove, whose asker must know that
// a second one is refused when the first has done it: sent_count() tells whether that may be so.
//
// Equal sequences of calls return equal effects. Not thread-safe.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "clients/cpp/session_core.h"
#include "core/time.h"
#include "wire/messages.h"

namespace leat::client {

// An answer. Only a LogsRequest has several: Done, and then the Logs that it counts, each once.
struct Answer {
  wire::Message message;
};

// Finish follows the last answer. Fail: the broker refuses, or was silent for too long.
using RequestEffect = std::variant<SendToBroker, Answer, Finish, Fail>;
using RequestEffects = std::vector<RequestEffect>;

class RequestCore {
 public:
  struct Settings {
    wire::Message request;
    Duration silence_max = std::chrono::seconds(5);  // Then it has failed.
    Duration resend = std::chrono::seconds(1);
  };

  // REQUIRES: the request is one of those named above.
  explicit RequestCore(Settings settings);

  [[nodiscard]] RequestEffects start(Instant now);

  // A message came from the broker. What does not belong to the request is ignored.
  [[nodiscard]] RequestEffects receive(const wire::Message& message, Instant now);

  [[nodiscard]] RequestEffects tick(Instant now);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] bool is_over() const { return is_over_; }

  [[nodiscard]] std::uint64_t sent_count() const { return sent_count_; }

 private:
  void take(const wire::Message& message);
  void take_logs(const wire::Logs& logs);
  void finish_if_complete();
  void send();
  RequestEffects finish_step();

  Settings settings_;
  bool is_over_ = false;
  std::uint64_t sent_count_ = 0;
  Instant next_send_;
  Instant gives_up_;  // Later with every answer.
  // LogsRequest: how many will come, and which came.
  std::optional<std::uint64_t> logs_expected_;
  std::set<std::pair<std::string, std::string>> logs_seen_;  // Stage and node.
  std::map<std::string, std::uint64_t> nameless_logs_;       // By node: answers without a stage.
  RequestEffects effects_;                                   // Empty between calls.
};

}  // namespace leat::client
