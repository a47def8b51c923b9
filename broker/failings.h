// Failings knows on which nodes the segments of a deployment cannot work, why, and when each is
// tried there again: after 100 ms at first, twice as much after each further failure, up to 30 s,
// by up to a quarter more or less. A stage that has no other node left is failing until it has
// worked again.
//
// Invariants:
//  (1) A segment that is failing has a node where it failed.
//  (2) What is not tried again bars its node until clear().

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/time.h"

namespace leat::broker {

class Failings {
 public:
  using Key = std::pair<std::size_t, NodeId>;  // A segment on a node.

  enum class Patience { kTriesAgain, kForGood };

  // What shows that it works again.
  enum class Proof {
    kReady,  // It could not start: all its replicas run, and there is nothing for them to do.
    kResult  // It started, and failed nevertheless: only a result.
  };

  struct Why {
    std::string node_name;
    std::string reason;
    Proof proof = Proof::kReady;
  };

  Failings(DeploymentId deployment, Patience patience)
      : deployment_(deployment), patience_(patience) {}

  [[nodiscard]] Patience patience() const { return patience_; }

  // It failed there, once more.
  void add(const Key& key, Why why, Instant now);

  // Whether anything failed since the last call.
  [[nodiscard]] bool take_news() { return std::exchange(has_news_, false); }

  // It works there, so the segment is not failing.
  void forget(const Key& key);

  // Whether anything that had failed has worked since the last call.
  [[nodiscard]] bool take_proved() { return std::exchange(is_any_proved_, false); }

  // All its replicas run there, and none has anything to do: it works when that lasts. A tool that
  // dies by itself mostly does so sooner.
  void seen_ready(const Key& key, Instant now);
  void seen_busy(const Key& key);

  // The node is gone.
  void forget_node(NodeId node);

  void clear();

  // Whether it failed there, and has not worked since.
  [[nodiscard]] bool has(const Key& key) const { return entries_.contains(key); }

  [[nodiscard]] bool has_any(std::size_t segment) const;

  // Whether it may not be there now.
  [[nodiscard]] bool bars(const Key& key) const;

  // Whether it is to show there that it works again.
  [[nodiscard]] bool is_on_trial(const Key& key) const { return has(key) && !bars(key); }

  // Lets what is due be tried again. Whether anything was.
  bool release_due(Instant now);

  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // The segment has no node left where it has not failed. Whether that is news.
  // REQUIRES: has_any(segment).
  bool begin(std::size_t segment) { return failing_.insert(segment).second; }

  [[nodiscard]] bool is_failing(std::size_t segment) const { return failing_.contains(segment); }

  [[nodiscard]] bool is_any_failing() const { return !failing_.empty(); }

  // The segments that were failing and have worked since the last call.
  [[nodiscard]] std::vector<std::size_t> take_recovered() { return std::exchange(recovered_, {}); }

  // Where it failed, why, and what comes next: "node 'a': not found; tried again in 3 s; ...".
  [[nodiscard]] std::string reasons(std::size_t segment, Instant now) const;

 private:
  struct Entry {
    Why why;
    std::uint32_t tries = 0;
    std::optional<Instant> due;  // When it is tried again; nothing while it is.
  };

  // Whether it is a proof for the segment that it runs.
  [[nodiscard]] bool is_proved_by_running(std::size_t segment) const;
  [[nodiscard]] Duration pause(const Key& key, std::uint32_t tries) const;
  [[nodiscard]] std::string outlook(const Entry& entry, Instant now) const;

  DeploymentId deployment_;
  Patience patience_;
  std::map<Key, Entry> entries_;
  std::map<Key, Instant> ready_since_;  // Also of nodes that came when it was failing already.
  std::set<std::size_t> failing_;
  std::vector<std::size_t> recovered_;
  bool has_news_ = false;
  bool is_any_proved_ = false;
};

}  // namespace leat::broker
