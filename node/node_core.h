// NodeCore is all that a node decides, as a state machine: when to start a tool and how to feed it,
// what its answers are worth, what to tell the broker and what to keep until the broker is done
// with it. It owns no socket, process or clock: the node's loop does, and carries out the effects
// in order.
//
// Guarantees: a result holds what a tool answered to exactly those records; it is kept, and sent
// again, until the broker says that it is committed or discarded. While the broker is silent the
// tools stay warm, and go on with what they have; what belongs to a broker that was started anew
// is dropped.
//
// Equal sequences of calls return equal effects. Not thread-safe.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/repetition.h"
#include "core/time.h"
#include "node/inlet.h"
#include "node/node_events.h"
#include "wire/messages.h"

namespace leat::node {

struct Settings {
  std::string name;
  std::uint64_t incarnation = 0;  // Another for each process.
  std::uint32_t cores = 1;
  std::map<std::string, std::string> labels;
  std::uint64_t seed = 0;                  // Of pauses' jitter.
  std::uint32_t broker_silence_beats = 5;  // Then it joins anew.
  // The broker's address, for messages. Empty: it is in this process, and its coming no news.
  std::string broker;
  Duration broker_patience = std::chrono::seconds(5);  // Then its silence is told.
};

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

  // Whether the broker has nothing more for the node, which then has ended as by a graceful end().
  [[nodiscard]] bool is_dismissed() const { return is_dismissed_; }

  // After its end: whether every tool has come to its own.
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
  void on(const InletBindFailed& event);
  template <typename ToolEvent>
  void on(const ToolEvent& event);

  void receive(const wire::NodeWelcome& message);
  void receive(const wire::OpenInlet& message);
  void receive(const wire::CloseInlet& message);
  void receive(const wire::Dismissed& message);
  void receive(const wire::LogsWanted& message);
  void receive(const wire::ResultsDone& message);
  void receive(const wire::BrokerBeat& message);
  void receive(const wire::Refused& message);
  template <typename Other>
  void receive(const Other& message);

  void join();
  void answer_silence();
  void open(const wire::OpenInlet& message);
  // The same inlet with another epoch, or other replicas.
  void change(Inlet& inlet, const wire::OpenInlet& message);
  void refuse(const wire::OpenInlet& message, std::string stage, std::string reason);
  void begin_end(Ending ending);
  Inlet* find(SegmentId segment);
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
  bool is_dismissed_ = false;
  bool is_joined_ = false;
  Instant heard_at_;               // The broker's last word, or the start.
  Instant reconnected_at_;         // Not before that.
  bool has_told_silence_ = false;  // Since then.
  std::string told_refusal_;       // Why it could not join, as it was told; since the last welcome.
  Repetition ignored_;             // Messages at inlets that are no leases.
  std::uint64_t broker_incarnation_ = 0;
  NodeId id_;
  Duration beat_ = std::chrono::seconds(1);
  Duration join_pause_{};                // Before it is tried again.
  Instant next_beat_;                    // Or attempt to join.
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
