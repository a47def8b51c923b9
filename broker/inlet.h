// Inlet is the broker's account of one segment on one node: which leases are there, how many more
// may go, and how long things take. Pure accounting; Deployment decides.
//
// Invariants:
//  (1) Lease numbers count from 1 without gaps within an epoch, and never exceed the credit.
//  (2) A lease is held as long as an origin of it is open under it, and not longer.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/flow.h"
#include "core/time.h"
#include "wire/messages.h"

namespace leat::broker {

// What a lease covers.
struct Leased {
  ProducerId producer;
  std::size_t vertex = 0;
  std::vector<Range> ranges;
  std::optional<FormedWindow> window;  // A window is given back whole.
  std::uint64_t open = 0;              // Origins without an outcome that are held under it.
  Instant since;                       // When it was sent.
  Duration expected{};
  std::uint32_t missed = 0;  // Reports that did not list it in time.
  bool is_alone = false;
};

class Inlet {
 public:
  Inlet(std::uint64_t epoch, std::uint32_t replicas) : epoch_(epoch), replicas_(replicas) {}

  // Takes in the node's word. The leases that were missing twice, a second and more after they
  // were sent: they never arrived.
  [[nodiscard]] std::vector<std::uint64_t> report(const wire::InletReport& report, Instant now);

  // The node takes leases up to this number. Credit never shrinks.
  void credit(std::uint64_t leases_max) {
    last_report_.leases_max = std::max(last_report_.leases_max, leases_max);
  }

  // What was counted before the epoch began.
  void keep_counts(const Inlet& before) {
    last_report_.retried = before.last_report_.retried;
    last_report_.restarts = before.last_report_.restarts;
    rounds_lost_ = before.rounds_lost_;
  }

  // Leases were lost on the way again and again, and none ever arrived.
  [[nodiscard]] bool is_unreachable() const { return rounds_lost_ >= kRoundsLostMax; }

  // No more leases before the next epoch: something went back into the queue that would now come
  // out of order.
  void freeze() { is_frozen_ = true; }

  [[nodiscard]] bool is_frozen() const { return is_frozen_; }

  // No more leases before it is empty: the next one must run alone. Else others, of which there may
  // always be some, would keep it waiting for ever.
  void reserve() { is_reserved_ = true; }

  [[nodiscard]] bool is_reserved() const { return is_reserved_; }

  // Whether another lease may go there now.
  [[nodiscard]] bool has_room() const;

  // How many records make a lease here, when `waiting` wait: about 20 ms of work, less when they
  // are few and slow, so that every replica gets some; one while nothing is measured.
  [[nodiscard]] std::uint32_t lease_records(std::uint64_t waiting) const;

  // When a lease of n records would be finished, from now; unmeasured work counts as nothing.
  [[nodiscard]] Duration expected_finish(std::uint32_t n) const;

  // The number that the next lease gets.
  [[nodiscard]] std::uint64_t next_number() const { return next_number_; }

  void lease(Leased leased);

  // Origins of a lease got their outcome, or went back to the queue.
  void ended(std::uint64_t number, std::uint64_t count);

  // Learns from a result: `bytes` of outputs.
  void measure(std::uint64_t records, Duration busy, std::size_t bytes);

  // How many records' outputs are expected to fit into so many bytes; at least 1.
  [[nodiscard]] std::uint32_t fit(std::size_t bytes) const;

  [[nodiscard]] const std::map<std::uint64_t, Leased>& leases() const { return leases_; }

  // Forgets a lease; what it covered.
  [[nodiscard]] Leased take_back(std::uint64_t number);

  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }

  // How many there are to be. With none it retires: it gets no more leases, and is to be closed
  // when it has no more.
  [[nodiscard]] std::uint32_t replicas() const { return replicas_; }

  void set_replicas(std::uint32_t replicas) { replicas_ = replicas; }

  [[nodiscard]] bool has_retired() const { return replicas_ == 0 && leases_.empty(); }

  [[nodiscard]] const wire::InletReport& last_report() const { return last_report_; }

  // Whether the node has told where it listens.
  [[nodiscard]] bool is_open() const { return !last_report_.address.empty(); }

 private:
  static constexpr std::uint32_t kRoundsLostMax = 3;

  std::uint64_t epoch_;
  std::uint32_t replicas_;
  std::uint64_t next_number_ = 1;
  bool is_frozen_ = false;
  bool is_reserved_ = false;       // Until the next lease.
  std::uint32_t rounds_lost_ = 0;  // Reports that missed leases, since one arrived.
  wire::InletReport last_report_;
  std::map<std::uint64_t, Leased> leases_;
  Duration expected_total_{};
  // Moving averages; nothing before the first result.
  std::optional<double> record_ns_;
  std::optional<double> record_bytes_;  // Of outputs.
};

}  // namespace leat::broker
