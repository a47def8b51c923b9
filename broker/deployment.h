// Deployment runs one version of one pipeline: the sessions that feed it, the inlets that work for
// it, and the moves between them. It decides what is leased where, and what a result is worth.
//
// Invariants:
//  (1) Each record at a stage gets one outcome: a result commits whole, or is discarded whole.
//  (2) Beyond queue_bytes_max only the records of each producer's oldest open origin are leased,
//      so that space is bounded and the oldest can always go on.
//  (3) Producers take turns, lease by lease.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/effects.h"
#include "broker/inlet.h"
#include "broker/session.h"
#include "core/histogram.h"
#include "core/result.h"
#include "spec/plan.h"

namespace leat::broker {

class Deployment {
 public:
  struct Text {
    std::string file;
    std::string directory;
    std::string yaml;
    friend bool operator==(const Text&, const Text&) = default;
  };

  Deployment(DeploymentId id, Text text, spec::Pipeline pipeline);
  // Sessions refer to the plan.
  Deployment(const Deployment&) = delete;
  Deployment& operator=(const Deployment&) = delete;
  Deployment(Deployment&&) = delete;
  Deployment& operator=(Deployment&&) = delete;
  ~Deployment() = default;

  [[nodiscard]] DeploymentId id() const { return id_; }

  [[nodiscard]] const Text& text() const { return text_; }

  [[nodiscard]] const spec::Pipeline& pipeline() const { return pipeline_; }

  [[nodiscard]] const spec::Plan& plan() const { return plan_; }

  // ---- Sessions.

  [[nodiscard]] std::map<ProducerId, Session>& sessions() { return sessions_; }

  // Opens a session. REQUIRES: the id is new and no open session has the producer's name.
  Session& open_session(const Session::Opening& opening, Instant now);

  // Forgets a session and what is left of it. Results for it will be discarded.
  void close_session(ProducerId producer);

  // ---- Inlets.

  // The replicas of a segment that no node has yet.
  [[nodiscard]] std::uint32_t unplaced(std::size_t segment) const;

  // Gives replicas of a segment to a node that has none of it.
  void open_inlet(std::size_t segment, NodeId node, std::uint64_t epoch, std::uint32_t replicas);

  [[nodiscard]] Inlet* inlet(SegmentId segment, NodeId node);

  // The order that opens the inlet at its node.
  [[nodiscard]] wire::OpenInlet order(std::size_t segment, const Inlet& inlet) const;

  // A node's word on one of its inlets; connects to it when it is new. Whether it must be renewed:
  // a lease was lost on the way to a stage that takes records in order.
  [[nodiscard]] bool report(NodeId node, const wire::InletReport& report, Effects& effects,
                            Instant now);

  // Takes back all that was leased there, and starts a new count.
  void renew_inlet(SegmentId segment, NodeId node, std::uint64_t epoch, Effects& effects,
                   Instant now);

  // Takes back everything that was leased there, and forgets the node's inlets.
  void lose_node(NodeId node, const std::string& name, Effects& effects, Instant now);

  // ---- Work.

  // Commits the result, or discards it whole. Either way the node may forget it.
  void finish(const wire::LeaseResult& result, const std::string& node_name, Instant now);

  // Leases what can be leased and delivers what can be delivered.
  void advance(Effects& effects, Instant now);

  // Closes windows by their age.
  void tick(Instant now);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // The pipeline cannot go on; nothing more is leased, and every session is told.
  void fail(std::string reason);

  [[nodiscard]] const std::optional<std::string>& failure_reason() const { return failure_; }

  [[nodiscard]] wire::Status status() const;

  // What the records of all sessions cost, undelivered dead letters included.
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  using InletKey = std::pair<std::size_t, NodeId>;

  // What was leased on so many lost nodes runs alone; one more, and it is a dead letter.
  static constexpr std::uint32_t kKillsAlone = 3;

  struct StageCounts {
    std::uint64_t records_in = 0;
    std::uint64_t records_out = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::uint64_t dead_letters = 0;
    std::uint64_t dropped = 0;
    std::uint64_t busy_ns = 0;
    Histogram service;
  };

  // A failure that waits to be charged: nothing is, while the stage may be the one that fails.
  struct SetAside {
    wire::LeaseResult result;
    std::string node_name;
  };

  // What a segment's tool did lately.
  struct Conduct {
    bool has_started = false;             // A replica, once.
    std::uint32_t failures_in_a_row = 0;  // Of different records, without a success between.
    std::vector<SetAside> set_aside;
    std::uint64_t set_aside_count = 0;  // Origins.
  };

  void set_aside(Session& session, const wire::LeaseResult& result, const std::string& node_name);
  void charge_set_aside(std::size_t segment, Instant now);
  // Charges where nothing else is left that could still succeed.
  void charge_idle(Instant now);
  void end_leases(const std::map<LeaseKey, std::uint32_t>& holders);
  [[nodiscard]] bool is_ours(const wire::LeaseResult& result) const;
  // Whether it is no window's, or a whole window's. REQUIRES: is_ours(result).
  [[nodiscard]] bool is_whole(const Session& session, const wire::LeaseResult& result) const;
  // Ends failed records as the YAML says; whether the pipeline goes on.
  bool bury(Session& session, const wire::LeaseResult& result, const std::string& node_name);
  void commit(Session& session, const wire::LeaseResult& result, Instant now);
  void count(std::size_t stage, const Session& session, const wire::LeaseResult& result);
  void discard(Session& session, const wire::LeaseResult& result);
  void take_back_all(const InletKey& key, Ledger::Cause cause, Instant now,
                     const std::string& node_name);
  void take_back(const InletKey& key, std::uint64_t number, Ledger::Cause cause, Instant now,
                 const std::string& node_name);
  void give_back(Session& session, const Leased& leased, const LeaseKey& key, Ledger::Cause cause);
  // Records that killed nodes even when alone become dead letters.
  void bury_killers(Session& session, const Leased& leased, const std::string& node_name,
                    Instant now);

  void dispatch(Effects& effects);
  bool dispatch_one(std::size_t vertex, Effects& effects);
  [[nodiscard]] Inlet* best_inlet(std::size_t segment, std::uint32_t& records, NodeId& node);
  bool lease_to(std::size_t vertex, Session& session, std::pair<NodeId, Inlet*> to,
                std::uint32_t records, Effects& effects);
  bool fill(wire::Lease& lease, Leased& leased, Session& session, const LeaseKey& key,
            std::uint32_t records);
  bool fill_window(wire::Lease& lease, Leased& leased, Session& session, const LeaseKey& key);
  [[nodiscard]] bool may_lease(const Session& session, const Position& first) const;
  // Whether each segment has had a replica that ran.
  [[nodiscard]] bool are_stages_up();
  void deliver(Effects& effects);
  void update_credits(Effects& effects);
  // Whether nothing can move because windows that are not full take up all the space.
  [[nodiscard]] bool is_at_a_standstill() const;
  void find_standstill(Instant now);
  [[nodiscard]] std::uint64_t waiting_at(std::size_t vertex) const;

  DeploymentId id_;
  Text text_;
  spec::Pipeline pipeline_;
  spec::Plan plan_;
  std::map<ProducerId, Session> sessions_;
  std::map<InletKey, Inlet> inlets_;
  std::vector<Conduct> conducts_;        // One per segment.
  std::vector<StageCounts> counts_;      // One per stage.
  std::vector<ProducerId> last_served_;  // Per vertex: whose turn it was.
  std::size_t bytes_ = 0;                // Held; measured at the start of advance().
  Instant now_;                          // Of the advance() under way.
  std::optional<Instant> standstill_since_;
  std::optional<std::string> failure_;
};

}  // namespace leat::broker
