// What the broker tells of its pipelines and nodes: `leat status` shows it, and the exporter turns
// it into metrics. Counts begin with the deployment and never shrink.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/histogram.h"

namespace leat::wire {

// So many times, of this name.
struct NamedCount {
  std::string name;
  std::uint64_t count = 0;
  friend bool operator==(const NamedCount&, const NamedCount&) = default;
};

// What happened at one stage on one node. The counts outlive the node.
struct StageOnNode {
  std::string node;
  std::uint64_t records_in = 0;  // Records whose outcome this node found.
  std::uint64_t records_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::vector<NamedCount> failed;    // Records by reason: the names of FailureKind.
  std::vector<NamedCount> restarts;  // Processes by cause.
  std::uint64_t retried = 0;         // Records that were tried again.
  std::uint64_t dead_letters = 0;
  std::uint64_t dropped = 0;
  std::uint64_t leased = 0;          // Records there now.
  std::uint32_t replicas = 0;        // That it is to have.
  std::uint32_t replicas_ready = 0;  // Running now.
  std::uint64_t busy_ns = 0;
  Histogram::Counts service;  // Time in the tool per record.
};

struct StageStatus {
  std::string name;
  std::uint32_t replicas = 0;  // Wanted over the whole cluster.
  std::string trouble;         // Why it has not all of them, or fails; else empty.
  bool failing = false;        // It could not work anywhere, and is tried again.
  std::uint64_t waiting = 0;   // Records.
  std::uint64_t waiting_bytes = 0;
  std::uint64_t oldest_ns = 0;     // Age of the oldest record without an outcome here.
  std::uint64_t held_back_ns = 0;  // How long records waited for what comes after the stage.
  Histogram::Counts wait;          // Time per record from its coming to its lease.
  std::vector<StageOnNode> nodes;
  bool paused = false;  // An operator wants it to be given nothing.
};

struct PipelineStatus {
  std::string name;
  // "running", "failing: why", "paused" (all stages), "paused: which", "waiting: why",
  // "held back by sink NAME: why", "failed: why".
  std::string state;
  std::uint64_t queue_bytes = 0;
  std::uint64_t queue_bytes_max = 0;
  std::uint64_t records = 0;    // Accepted, and neither delivered nor failed yet.
  std::uint64_t sessions = 0;   // Of `pipe`.
  std::uint64_t producers = 0;  // Of `send`, those with something left included.
  std::uint64_t consumers = 0;  // Of `recv`.
  std::uint64_t results = 0;    // That wait for a consumer.
  std::uint64_t results_oldest_ns = 0;
  std::uint64_t back_pressure_ns = 0;  // How long some producer with more to send had no credit.
  std::vector<StageStatus> stages;
};

struct NodeStatus {
  std::string name;
  std::string state;  // "up", "joining" or "draining".
  std::uint32_t cores = 0;
  std::uint32_t replicas = 0;
  std::map<std::string, std::string> labels;
};

}  // namespace leat::wire
