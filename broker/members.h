// Members knows the nodes: who they are, when they were last heard, and whether they may be given
// work. A node may not before its first report has told what it holds.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/result.h"
#include "core/time.h"
#include "wire/messages.h"

namespace leat::broker {

struct Member {
  std::string name;
  std::string peer;  // Where its messages go.
  std::uint64_t incarnation = 0;
  std::uint32_t cores = 0;
  std::map<std::string, std::string> labels;
  Instant last_heard;
  bool is_ready = false;      // It has reported since it was welcomed.
  bool is_draining = false;   // It gets nothing more, and is to be dismissed.
  bool is_dismissed = false;  // It was told so since its last report.
};

class Members {
 public:
  Members(std::uint64_t broker_incarnation, Duration silence_max, std::size_t count_max)
      : broker_incarnation_(broker_incarnation), silence_max_(silence_max), count_max_(count_max) {}

  // Takes a node in; one that is back after a lost connection keeps its id. Refuses another
  // version, no name or one that a living node of another incarnation has, a peer that is another
  // node, and more than `count_max` nodes.
  [[nodiscard]] Result<NodeId> join(const wire::NodeJoin& message, const std::string& peer,
                                    Instant now);

  // The node that speaks as this peer, heard now; none when it has not joined.
  [[nodiscard]] std::optional<NodeId> heard(const std::string& peer, Instant now);

  [[nodiscard]] Member& member(NodeId node) { return members_.at(node); }

  [[nodiscard]] const std::map<NodeId, Member>& all() const { return members_; }

  void remove(NodeId node) { members_.erase(node); }

  // Nobody's silence until now counts.
  void excuse_all(Instant now) {
    for (auto& [id, member] : members_) {
      member.last_heard = now;
    }
  }

  // Those that were silent for too long.
  [[nodiscard]] std::vector<NodeId> silent(Instant now) const;
  [[nodiscard]] std::optional<Instant> next_deadline() const;

 private:
  std::uint64_t broker_incarnation_;
  Duration silence_max_;
  std::size_t count_max_;
  std::uint64_t count_ = 0;  // Of ids given out.
  std::map<NodeId, Member> members_;
};

}  // namespace leat::broker
