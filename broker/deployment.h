// Deployment runs one pipeline: the sessions that feed it, the consumers of what they sent, the
// inlets that work for it, and the moves between them. It decides what is leased where, and what a
// result is worth.
//
// Invariants:
//  (1) Each record at a stage gets one outcome: a result commits whole, or is discarded whole.
//  (2) Beyond queue_bytes_max only the records of each producer's oldest open origin are leased,
//      so that space is bounded and the oldest can always go on.
//  (3) Producers take turns, lease by lease.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/conduct.h"
#include "broker/effects.h"
#include "broker/failings.h"
#include "broker/inlet.h"
#include "broker/outlet.h"
#include "broker/placement.h"
#include "broker/session.h"
#include "broker/tally.h"
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

  Deployment(DeploymentId id, Text text, spec::Pipeline pipeline, Failings::Patience patience);
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

  // The stage that the segment runs.
  [[nodiscard]] const spec::Stage& stage_of(std::size_t segment) const;

  // Whether records that are under way here could go on in the other pipeline.
  [[nodiscard]] bool is_alike(const spec::Pipeline& other) const;

  // Goes on as this version of the pipeline, with its tools started anew, also after a failure.
  // REQUIRES: is_alike(pipeline), or nothing is held.
  void restart(Text text, spec::Pipeline pipeline, Effects& effects, Instant now);

  // Changes how many replicas a stage is to have.
  void scale(std::size_t stage, std::uint32_t replicas, Effects& effects, Instant now);

  // Names of stages that are given nothing until an operator resumes them, also as a new version.
  [[nodiscard]] std::set<std::string>& paused() { return paused_; }

  // ---- Sessions.

  [[nodiscard]] std::map<ProducerId, Session>& sessions() { return sessions_; }

  [[nodiscard]] const std::map<ProducerId, Session>& sessions() const { return sessions_; }

  // Opens a session. REQUIRES: the id is new and no open session has the producer's name.
  Session& open_session(const Session::Opening& opening, Instant now);

  // Forgets a session and what is left of it. Results for it will be discarded.
  void close_session(ProducerId producer);

  // The client is gone: a session that only sends goes on with what was accepted.
  void leave_session(ProducerId producer, Instant now);

  // A consumer is gone.
  void close_consumer(ProducerId consumer);

  // The sessions and consumers that were closed since the last call.
  [[nodiscard]] std::vector<ProducerId> take_ended() { return std::exchange(ended_, {}); }

  [[nodiscard]] Outlet& outlet() { return outlet_; }

  [[nodiscard]] const Outlet& outlet() const { return outlet_; }

  // Whether a producer that is over had results; nothing for one that is not, or was forgotten.
  [[nodiscard]] std::optional<bool> had_results(const std::string& producer) const;

  // ---- Inlets.

  // A node that may have replicas, or has some.
  struct Candidate {
    NodeId node;
    std::string_view peer;
    Seat seat;  // Without the segment's own replicas.
  };

  // Spreads the segment's replicas over these nodes; new inlets get the epochs after `epoch`.
  // Whether that changed anything.
  bool place(std::size_t segment, const std::vector<Candidate>& nodes, std::uint64_t& epoch,
             Effects& effects);

  // The inlets that are to be renewed: too much is under way there for the space that is left, or
  // what went back would come out of order.
  [[nodiscard]] std::vector<std::pair<SegmentId, NodeId>> recalls() const;

  // The inlets that were closed since the last call: their nodes are to be told.
  [[nodiscard]] std::vector<std::pair<SegmentId, NodeId>> take_closed();

  // Closes every inlet, and takes back what was leased.
  void close_inlets(Effects& effects, Instant now);

  [[nodiscard]] Inlet* inlet(SegmentId segment, NodeId node);

  // How many replicas of the segment the node is to have.
  [[nodiscard]] std::uint32_t replicas_at(SegmentId segment, NodeId node) const;
  // Adds to each node how many replicas of all segments it is to have.
  void add_loads(std::map<NodeId, std::uint32_t>& loads) const;
  [[nodiscard]] bool has_inlet_at(NodeId node) const;

  // The order that opens the inlet at its node, or says how many replicas it is to have.
  [[nodiscard]] wire::OpenInlet order(std::size_t segment, const Inlet& inlet) const;

  // The stage cannot work on that node: what it had there goes elsewhere, or waits.
  void give_up_on(SegmentId segment, NodeId node, Failings::Why why, Effects& effects, Instant now);

  [[nodiscard]] Failings& failings() { return failings_; }

  // The segments that fail on whatever they are given, and why; what was set aside there goes back
  // uncharged. Each is to be given up on wherever it is, before anything else is done.
  [[nodiscard]] std::vector<std::pair<SegmentId, std::string>> take_verdicts();

  // The stage has no node left where it has not failed: it says so, once, and nothing is charged.
  void note_failing(std::size_t segment, Effects& effects, Instant now);

  // A node's word on one of its inlets; connects to it when it is new. Whether it must be renewed:
  // a lease was lost on the way to a stage that takes records in order.
  [[nodiscard]] bool report(NodeId node, const std::string& node_name,
                            const wire::InletReport& report, Effects& effects, Instant now);

  // Takes back all that was leased there, and starts a new count.
  void renew_inlet(SegmentId segment, NodeId node, std::uint64_t epoch, Effects& effects,
                   Instant now);

  // Takes back everything that was leased there, and forgets the node's inlets.
  void lose_node(NodeId node, const std::string& name, Ledger::Cause cause, Effects& effects,
                 Instant now);

  // ---- Work.

  // Commits the result, or discards it whole. Either way the node may forget it.
  void finish(const wire::LeaseResult& result, const std::string& node_name, Instant now);

  // Leases what can be leased and delivers what can be delivered.
  void advance(Effects& effects, Instant now);

  // Closes windows by their age.
  void tick(Instant now);

  // When tick() or advance() has something to do though nothing has happened.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  // The pipeline cannot go on; nothing more is leased, and every session is told.
  void fail(std::string reason);

  [[nodiscard]] const std::optional<std::string>& failure_reason() const { return failure_; }

  // `node_names`: of those that are there now.
  // `why` tells why no node may run a stage, if so.
  using WhyNowhere = std::function<std::optional<std::string>(const spec::Stage&)>;
  [[nodiscard]] wire::PipelineStatus status(const std::map<NodeId, std::string>& node_names,
                                            const WhyNowhere& why, Instant now) const;

  // Records that were accepted and are neither with their client nor failed.
  [[nodiscard]] std::uint64_t held_records() const;

  // What the records of all sessions cost, undelivered dead letters included.
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  using InletKey = std::pair<std::size_t, NodeId>;

  // How long several producers may stand still together.
  static constexpr Duration kStandstillTime = std::chrono::seconds(60);
  // What was leased on so many lost nodes runs alone; one more, and it is a dead letter.
  static constexpr std::uint32_t kKillsAlone = 3;

  void set_aside(Session& session, const wire::LeaseResult& result, const std::string& node_name);
  void charge_set_aside(std::size_t segment, Instant now);
  void take_back_set_aside(std::size_t segment);
  void tell_recovered(Effects& effects);
  [[nodiscard]] bool is_paused(std::size_t segment) const;
  // Charges where nothing else is left that could still succeed.
  void charge_idle(Instant now);
  void end_leases(const std::map<LeaseKey, std::uint32_t>& holders);
  [[nodiscard]] bool is_ours(const wire::LeaseResult& result) const;
  // Whether it is no window's, or a whole window's. REQUIRES: is_ours(result).
  [[nodiscard]] bool is_whole(const Session& session, const wire::LeaseResult& result) const;
  // Ends failed records as the YAML says; whether the pipeline goes on.
  bool bury(Session& session, const wire::LeaseResult& result, const std::string& node_name);
  void commit(Session& session, const wire::LeaseResult& result, const std::string& node_name,
              Instant now);
  void count(const Session& session, const wire::LeaseResult& result, const std::string& node_name);
  void discard(Session& session, const wire::LeaseResult& result);
  void take_back_all(const InletKey& key, Ledger::Cause cause, Instant now,
                     const std::string& node_name);
  void take_back(const InletKey& key, std::uint64_t number, Ledger::Cause cause, Instant now,
                 const std::string& node_name);
  void give_back(Session& session, const Leased& leased, const LeaseKey& key, Ledger::Cause cause);
  // Records that killed nodes even when alone become dead letters.
  void bury_killers(Session& session, const Leased& leased, const std::string& node_name,
                    Instant now);

  void close_inlet(const InletKey& key, Effects& effects, Instant now);
  void close_retired(Effects& effects, Instant now);
  // How many replicas each seat is to have, where nodes may be on trial.
  [[nodiscard]] std::vector<std::uint32_t> spread_trials(std::size_t segment,
                                                         const std::vector<Candidate>& nodes,
                                                         const std::vector<Seat>& seats) const;
  [[nodiscard]] bool has_inlet(std::size_t segment) const;
  [[nodiscard]] bool has_leases(std::size_t segment) const;
  void tell_stage_status(const spec::Vertex& vertex, wire::StageStatus& status,
                         const std::map<NodeId, std::string>& node_names, Instant now) const;
  void tell_sink_status(wire::PipelineStatus& status, Instant now) const;
  void finish_taken(Instant now);

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
  void note_back_pressure();
  // Nothing is held back any more: what is counted of it stays.
  void end_holding();
  // Whether the inlet must be empty first, for what is to run alone there. Then it is kept free, if
  // no other of the segment is.
  [[nodiscard]] bool must_empty(const LeaseKey& key);
  // Whether there is more in the lease than its producer's oldest open origin.
  [[nodiscard]] bool may_wait(const Leased& leased) const;
  // Whether nothing can move because windows that are not full take up all the space.
  [[nodiscard]] bool is_at_a_standstill() const;
  void find_standstill(Instant now);
  [[nodiscard]] std::uint64_t waiting_at(std::size_t vertex) const;

  DeploymentId id_;
  Text text_;
  spec::Pipeline pipeline_;
  spec::Plan plan_;
  std::map<ProducerId, Session> sessions_;
  Outlet outlet_;
  std::map<InletKey, Inlet> inlets_;
  std::vector<std::pair<SegmentId, NodeId>> closed_;
  std::vector<ProducerId> ended_;

  Failings failings_;
  std::set<std::string> paused_;
  std::map<std::string, bool> over_;  // Names of producers, not too many: had they results?
  std::deque<std::string> over_in_order_;
  std::vector<Conduct> conducts_;  // One per segment.
  Tally tally_;
  std::vector<ProducerId> last_served_;  // Per vertex: whose turn it was.
  std::size_t bytes_ = 0;                // Held; measured at the start of advance().
  std::size_t letter_bytes_ = 0;         // Of that, dead letters.
  Instant now_;                          // Of the advance() under way.
  std::optional<Instant> standstill_since_;
  Stopwatch back_pressure_;
  std::optional<std::string> failure_;
};

}  // namespace leat::broker
