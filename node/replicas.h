// Replicas are the tools that work for one inlet: as many as are wanted, in whatever state each is.
//
// Invariants:
//  (1) A surplus replica takes nothing new, finishes what it has inside and ends its process. While
//      something waits the last ones are no surplus, even when none is wanted.
//  (2) Where order matters a replica comes only when the one before it is gone.
//  (3) A process that is due to be renewed works until its successor can: then it is retired, and
//      the successor is fed; where order matters, only when nothing is inside the other any more.
//  (4) No two have the same index, which the tool knows as LEAT_REPLICA.

#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "node/kept_replica.h"
#include "node/stderr_log.h"
#include "node/tagged_replica.h"
#include "node/window_replica.h"

namespace leat::node {

class Replicas {
 public:
  struct Plan {
    std::uint32_t wanted = 0;
    bool is_ordered = false;
    std::uint64_t seed = 0;
  };

  struct Failure {
    std::string reason;
    std::string stderr_tail;
  };

  // Each gets the post with an index of its own. They start with advance().
  Replicas(Post post, Plan plan) : post_(std::move(post)), plan_(plan) {}

  void resize(std::uint32_t wanted) { plan_.wanted = wanted; }

  [[nodiscard]] std::uint32_t wanted() const { return plan_.wanted; }

  // Adds and retires as the plan says, and lets each work.
  void advance(Turn& turn, WindowQueue& windows, std::uint64_t& next_tool);

  // Hands an event to the replica that has the tool; whether there is one.
  template <typename ToolEvent>
  bool dispatch(const ToolEvent& event, Turn& turn) {
    for (Place& place : places_) {
      if (std::visit([](auto& r) { return r.tool(); }, place.replica) != event.tool) continue;
      if constexpr (std::is_same_v<ToolEvent, ToolComplained>) {
        keep(event.bytes, place, StderrLog::Stream::kError, turn.now);
      } else if constexpr (std::is_same_v<ToolEvent, ToolSaid>) {
        keep(event.bytes, place, StderrLog::Stream::kOutput, turn.now);
      }
      std::visit([&](auto& r) { r.on(event, turn); }, place.replica);
      return true;
    }
    return false;
  }

  void end(Turn& turn, bool kill);

  // Why the stage cannot work, if it cannot. What was first stays.
  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }

  // Those that run, without the surplus.
  [[nodiscard]] std::uint32_t ready() const;

  // Whether every process has come to its end.
  [[nodiscard]] bool are_gone() const;

  // What they said on standard error, and where their answers come another way on standard
  // output.
  [[nodiscard]] const StderrLog& log() const { return log_; }

  [[nodiscard]] std::optional<Instant> next_deadline(const WorkQueue& queue,
                                                     const WindowQueue& windows, Instant now) const;

 private:
  struct Place {
    std::uint32_t index = 0;
    bool is_retired = false;
    bool is_spare = false;                      // Another still works in its place:
    std::optional<std::uint32_t> successor_of;  // That of this index. Until it is let in.
    std::variant<KeptReplica, TaggedReplica, WindowReplica> replica;
  };

  // Logs what it said.
  void keep(std::string_view bytes, const Place& place, StderrLog::Stream stream, Instant now);
  void adjust(bool has_work);
  Place& add();
  // Starts successors of what is due, and lets in those that can work.
  void renew(Instant now);
  void let_in(Place& successor);
  void work(Turn& turn, WindowQueue& windows, std::uint64_t& next_tool);
  // Whether there was one.
  bool forget_the_gone();
  void find_failure();

  Post post_;
  Plan plan_;
  std::list<Place> places_;
  std::uint64_t count_ = 0;  // Made so far.
  StderrLog log_;
  std::optional<Failure> failure_;
};

}  // namespace leat::node
