// NodeCore is all that a node decides, as a state machine: when to start a tool and how to feed it,
// what its answers are worth, what to tell the broker and what to keep until the broker is done
// with it. It owns no socket, process or clock: the node's loop does, and carries out the effects
// in order.
//
// Guarantees: a result holds what a tool answered to exactly those records; it is kept, and sent
// again, until the broker says that it is committed or discarded.
//
// Equal sequences of calls return equal effects. Not thread-safe.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/time.h"
#include "node/inlet.h"
#include "node/tool_events.h"
#include "wire/messages.h"

namespace leat::node {

struct Settings {
  std::string name;
  std::uint64_t incarnation = 0;  // Another for each process.
  std::uint32_t cores = 1;
  std::map<std::string, std::string> labels;
  std::uint64_t seed = 0;                  // Of pauses' jitter.
  std::uint32_t broker_silence_beats = 5;  // Then it joins anew.
};

// A message came from the broker's front.
struct BrokerMessage {
  wire::Message message;
};

// A message came to an inlet.
struct InletMessage {
  wire::Message message;
};

// An inlet's socket listens at this address.
struct InletBound {
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::string address;
};

using Event = std::variant<BrokerMessage, InletMessage, InletBound, ToolStarted, ToolStartFailed,
                           ToolPrinted, ToolComplained, ToolAccepted, ToolLooked, ToolEnded>;

class NodeCore {
 public:
  explicit NodeCore(Settings settings);

  // Applies one event. `now` must not go backwards between calls.
  [[nodiscard]] Effects step(const Event& event, Instant now);

  // Does what time asks for; the first call joins. Calling it early or late is harmless.
  [[nodiscard]] Effects tick(Instant now);

  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // Ends all tools and leaves; at once, or after they had end-of-file and their grace.
  enum class Ending { kGraceful, kKill };
  [[nodiscard]] Effects end(Ending ending, Instant now);

  // After end(): whether every tool has come to its end.
  [[nodiscard]] bool is_gone() const;

  // Results that the broker is not done with.
  [[nodiscard]] std::size_t held_results() const { return results_.size(); }

 private:
  struct HeldResult {
    wire::LeaseResult result;
    std::uint64_t sent_at_beat = 0;
  };

  void on(const BrokerMessage& event);
  void on(const InletMessage& event);
  void on(const InletBound& event);
  template <typename ToolEvent>
  void on(const ToolEvent& event);

  void receive(const wire::NodeWelcome& message);
  void receive(const wire::OpenInlet& message);
  void receive(const wire::CloseInlet& message);
  void receive(const wire::ResultsDone& message);
  void receive(const wire::BrokerBeat& message);
  void receive(const wire::Refused& message);
  template <typename Other>
  void receive(const Other& message);

  void join();
  void report();
  void resend_results();
  void push_result(wire::LeaseResult result);
  void forget_broker();
  void advance();
  void tell_credit(Inlet& inlet);
  Effects finish_step();

  Settings settings_;
  Instant now_;
  bool has_started_ = false;
  bool has_ended_ = false;
  bool is_joined_ = false;
  std::uint64_t broker_incarnation_ = 0;
  NodeId id_;
  Duration beat_ = std::chrono::seconds(1);
  Instant next_beat_;
  std::uint64_t beats_ = 0;              // Reports since the welcome.
  std::uint64_t beat_of_last_word_ = 0;  // When the broker was last heard.
  std::uint64_t result_count_ = 0;
  std::uint64_t tool_count_ = 0;
  std::map<SegmentId, std::unique_ptr<Inlet>> inlets_;
  std::vector<std::unique_ptr<Inlet>> leaving_;  // Closed; their tools are coming to their end.
  std::map<std::uint64_t, HeldResult> results_;
  Effects effects_;  // Empty between steps.
};

}  // namespace leat::node
