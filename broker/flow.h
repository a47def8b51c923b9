// Flow is what one producer has in one deployment's graph: which records are open where, and which
// origins are settled at each vertex. It knows nothing of nodes or clients.
//
// Settled: an origin is settled at a vertex when all that it will ever have there has its outcome.
// Records come to a vertex in any order; whoever needs the producer's order asks next_in_order(),
// which waits for settling alone. The producer's end is an origin of its own, number `total`: it is
// settled at the sink when everything is over.
//
// Invariants:
//  (1) A record is open at one vertex for each edge that it went along, until its outcome.
//  (2) What is settled at a vertex never becomes open there.
//  (3) Settling needs nobody's permission, and no room.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "broker/ledger.h"
#include "core/coverage.h"
#include "spec/plan.h"

namespace leat::broker {

// A window that is full, fixed before it is leased.
struct FormedWindow {
  std::vector<Range> ranges;  // In order. For a producer without a record, its end alone.
  std::uint64_t records = 0;
  std::size_t bytes = 0;    // Of the records with their terminators.
  std::size_t cost = 0;     // Of holding them.
  std::uint32_t kills = 0;  // Nodes that were lost while they had it.
};

class Flow {
 public:
  // What may be leased or delivered next at a vertex: the first `count` siblings from `first` on.
  struct Ready {
    Position first;
    const Ledger::Entry* entry;
  };

  // Both must outlive the flow.
  Flow(const spec::Pipeline& pipeline, const spec::Plan& plan);

  // Takes the producer's next records. REQUIRES: no end yet.
  void submit(const Records& records, Instant now);

  // The producer has no more.
  void end(Instant now);

  [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }

  [[nodiscard]] bool has_end() const { return has_end_; }

  // Whether every input of these runs is open at the vertex, each named once.
  [[nodiscard]] bool is_open(std::size_t vertex, const std::vector<Run>& runs) const;

  // The same, and none of them is set aside.
  [[nodiscard]] bool is_undecided(std::size_t vertex, const std::vector<Run>& runs) const;

  // Whether the runs' inputs are those of one window, fixed at this vertex, no more and no fewer.
  [[nodiscard]] bool is_window(std::size_t vertex, const std::vector<Run>& runs) const;

  // Ends the runs' inputs with these outputs, on every edge at once. Which leases held how many of
  // them. REQUIRES: is_open(vertex, outputs.runs).
  std::map<LeaseKey, std::uint32_t> commit(std::size_t vertex, const Batch& outputs, Instant now);

  // Takes the runs' inputs from their leases and keeps them from the queue, until their failure is
  // charged. As commit().
  std::map<LeaseKey, std::uint32_t> set_aside(std::size_t vertex, const std::vector<Run>& runs);

  // Puts what was set aside back into the queue, uncharged.
  void take_back_aside(std::size_t vertex, const std::vector<Run>& runs);

  // The next that waits at the vertex; at an ordered one only when all before it has come.
  [[nodiscard]] std::optional<Ready> next_ready(std::size_t vertex) const;

  // The next full window of a window stage.
  [[nodiscard]] const FormedWindow* next_window(std::size_t vertex) const;

  // Leases the next window: its records by range. REQUIRES: there is one.
  [[nodiscard]] FormedWindow lease_window(std::size_t vertex, const LeaseKey& key);

  // Takes a leased window back, whole; the next to go. Nothing when it has had its outcome.
  void return_window(std::size_t vertex, FormedWindow window, const LeaseKey& key);

  // When a window closes by its age.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  void tick(Instant now);

  // Whether nothing will come to the vertex any more, and the producer's end has reached it.
  [[nodiscard]] bool has_all_arrived(std::size_t vertex) const;

  // How many of the producer's records, from its first on, are settled at the sink.
  [[nodiscard]] std::uint64_t settled_count() const;

  // How many of them have nothing to be done: they are settled, or wait for company in a window
  // with all that became of them.
  [[nodiscard]] std::uint64_t idle_count() const;

  // The sequence number of the oldest record that is open anywhere, and does not wait for company
  // in a window.
  [[nodiscard]] std::optional<std::uint64_t> oldest_open() const;

  [[nodiscard]] Ledger& ledger(std::size_t vertex) { return places_[vertex].ledger; }

  [[nodiscard]] const Ledger& ledger(std::size_t vertex) const { return places_[vertex].ledger; }

  // The cost of what waits for company, in windows that are not full.
  [[nodiscard]] std::size_t forming_bytes() const;

  // What all open records cost.
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Place {
    Coverage settled;
    Ledger ledger;
    FormedWindow forming;                     // Window stages: not full yet.
    Instant forming_since;                    // When its first record was ready.
    std::map<Position, FormedWindow> formed;  // Full, by first origin, waiting for a lease.
    // All that are fixed and open, by first origin.
    std::map<Position, std::vector<Range>> fixed;
    bool has_formed_any = false;
    bool is_end_passed = false;  // The producer's end may settle here.
  };

  [[nodiscard]] bool is_window_stage(std::size_t vertex) const;
  [[nodiscard]] const spec::Window& window_of(std::size_t vertex) const;
  [[nodiscard]] bool has_all_before(std::size_t vertex, const Position& position) const;
  [[nodiscard]] std::uint64_t arrived_from(std::size_t vertex, const Position& first,
                                           std::uint64_t count) const;
  void settle(std::size_t vertex, const Position& first, std::uint64_t count);
  void settle_siblings(std::size_t vertex, const Position& first, std::uint64_t count);
  // They are settled at the vertex; if that is new, the next ones may be able to settle.
  void note_settled(std::size_t vertex, const Position& first, std::uint64_t count);
  void form_windows(std::size_t vertex, Instant now);
  bool grow_window(std::size_t vertex, Instant now);
  void close_window(std::size_t vertex);
  void pass_end(std::size_t vertex, Instant now);
  void form_all_windows(Instant now);

  const spec::Pipeline& pipeline_;
  const spec::Plan& plan_;
  std::vector<Place> places_;  // One per vertex.
  std::uint64_t next_sequence_ = 0;
  bool has_end_ = false;
};

}  // namespace leat::broker
