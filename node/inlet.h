// Inlet is one segment's place on a node: the leases it was given, the replicas that work them off,
// and what it still owes the broker for them.
//
// Invariants:
//  (1) Every origin of a lease of the present epoch gets into exactly one result.
//  (2) A lease is held until all its origins have results and the broker is done with these.
//  (3) At most kLeasesPerReplica leases are held for each replica, give or take those under way
//      and those that the broker was told it may send.

#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/reframe.h"
#include "node/replicas.h"

namespace leat::node {

class Inlet {
 public:
  struct Opening {
    SegmentId segment;
    std::uint64_t epoch = 0;
    std::uint32_t replicas = 0;  // At first.
    bool is_ordered = false;     // Works leases off in the order of their numbers.
    std::uint64_t seed = 0;
    std::string spec_text;  // To see whether an order is for the same.
    std::string directory;
  };

  Inlet(Opening opening, spec::Pipeline pipeline, std::size_t stage);
  // Replicas refer to the pipeline.
  Inlet(const Inlet&) = delete;
  Inlet& operator=(const Inlet&) = delete;
  Inlet(Inlet&&) = delete;
  Inlet& operator=(Inlet&&) = delete;
  ~Inlet() = default;

  // Whether the order is for this inlet, perhaps with other replicas or another epoch.
  [[nodiscard]] bool is_for(const wire::OpenInlet& order) const;

  // The broker starts a new count of leases; what it leased before and no tool has is dropped.
  void renew(std::uint64_t epoch);

  // For a broker that counts this node anew, what went wrong before is no news.
  void forget_counts() { tally_ = Tally(); }

  // From now on there are to be so many replicas.
  void resize(std::uint32_t replicas);

  // Takes a lease in; one of another epoch, or that is here already, is ignored.
  void take(wire::Lease lease, Effects& effects, Instant now);

  // The broker is done with a result for this lease.
  void result_done(std::uint64_t epoch, std::uint64_t lease);

  // The broker has numbered leases up to here.
  void note_sent(std::uint64_t number) { highest_seen_ = std::max(highest_seen_, number); }

  // Lets the replicas work. Results come without their node and number.
  std::vector<wire::LeaseResult> advance(Effects& effects, Instant now, std::uint64_t& next_tool);

  // Hands an event to the replica that has the tool; whether there is one.
  template <typename ToolEvent>
  bool dispatch(const ToolEvent& event, Effects& effects, Instant now) {
    Turn turn{queue_, effects, results_, tally_, way_, now};
    return replicas_.dispatch(event, turn);
  }

  void end(Effects& effects, Instant now, bool kill);

  // The inlet cannot work, for another reason than its tools.
  void fail(std::string reason);

  // Why the stage cannot work, if it cannot. What was first stays.
  [[nodiscard]] std::optional<wire::StageFailed> failure() const;

  [[nodiscard]] bool has_told_failure() const { return has_told_failure_; }

  void set_told_failure() { has_told_failure_ = true; }

  [[nodiscard]] wire::InletReport report() const;

  // What its tools said last on standard error.
  [[nodiscard]] wire::NodeLogs logs(std::string reply_to, Instant now) const;

  // Never less than what the broker was told.
  [[nodiscard]] std::uint64_t leases_max() const;

  // Leases that the broker is not done with.
  [[nodiscard]] std::size_t held_leases() const { return held_.size(); }

  [[nodiscard]] std::optional<Instant> next_deadline(Instant now) const;

  // Whether every process has come to its end.
  [[nodiscard]] bool is_gone() const { return replicas_.are_gone(); }

  [[nodiscard]] const Opening& opening() const { return opening_; }

  void set_address(std::string address) { address_ = std::move(address); }

  // Whether all replicas run and the broker was not told so yet.
  [[nodiscard]] bool is_newly_ready() const;

  void set_told_ready() { has_told_ready_ = true; }

  // Credit that the broker was told of.
  [[nodiscard]] std::uint64_t told_leases_max() const { return told_leases_max_; }

  void set_told_leases_max(std::uint64_t told) { told_leases_max_ = told; }

 private:
  using LeaseKey = std::pair<std::uint64_t, std::uint64_t>;  // Epoch, number.

  struct Held {
    std::uint64_t inputs_left = 0;   // Without a result.
    std::uint64_t results_open = 0;  // That the broker is not done with.
    std::size_t said_bytes = 0;      // In its results: at most wire::kSaidBytesMax.
  };

  void work_off(const wire::Lease& lease, Instant now);
  void take_records(const wire::Lease& lease, Instant now);
  void take_window(const wire::Lease& lease);
  void refuse_window(const wire::Lease& lease, const std::string& reason);
  // What a kept tool reads.
  [[nodiscard]] Reframed input_of(const Batch& slice) const;
  // One result for all of them.
  void refuse(const wire::Lease& lease, const Batch& slice,
              const std::vector<Reframed::Refusal>& refused);
  void note_results(std::vector<wire::LeaseResult>& results);

  Opening opening_;
  spec::Pipeline pipeline_;
  const spec::Stage& stage_;
  std::string address_;
  WorkQueue queue_;
  WindowQueue windows_;
  Replicas replicas_;
  Tally tally_;
  OutputWay way_;
  std::optional<std::string> failure_;      // By fail().
  std::vector<wire::LeaseResult> results_;  // Not collected yet.
  std::map<LeaseKey, Held> held_;
  std::uint64_t highest_seen_ = 0;
  std::uint64_t next_lease_ = 1;                // For a stage that takes records in order.
  std::map<std::uint64_t, wire::Lease> early_;  // There: leases that overtook the next.
  std::uint64_t told_leases_max_ = 0;
  bool has_told_failure_ = false;
  bool has_told_ready_ = false;
};

}  // namespace leat::node
