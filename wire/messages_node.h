// The messages between broker and nodes, control and data, as values.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/batch.h"
#include "core/histogram.h"
#include "wire/parts.h"

namespace leat::wire {

// ---- Node to broker, control.

struct NodeJoin {
  std::uint32_t version = kVersion;
  std::string name;               // Unique in the cluster.
  std::uint64_t incarnation = 0;  // Of the node's process.
  std::uint32_t cores = 0;
  std::map<std::string, std::string> labels;
};

// Heartbeat, inventory and credit in one. The first after a welcome comes before any new lease.
struct NodeReport {
  std::uint64_t number = 0;  // Counts from 1 after each welcome.
  std::vector<InletReport> inlets;
};

// Credit that rose since the last report.
struct InletCredit {
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::uint64_t leases_max = 0;
};

struct StageFailed {
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::string stage;
  std::string reason;  // One sentence, the operating system's words included.
  std::string stderr_tail;
};

struct NodeLeave {};

// Answers LogsWanted.
struct NodeLogs {
  std::string reply_to;  // As it was in the question.
  std::string pipeline;
  std::string stage;
  std::vector<LogLine> lines;  // The last that the tools said on standard error.
};

// ---- Broker to node, control.

struct NodeWelcome {
  std::uint32_t version = kVersion;
  std::uint64_t incarnation = 0;  // Of the broker.
  NodeId node;
  std::string results_address;  // Where the node connects its PUSH socket.
  std::uint32_t beat_ms = 0;    // How often to report.
};

struct OpenInlet {
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::string spec_text;  // The pipeline's YAML.
  std::string directory;
  std::uint32_t replicas = 0;  // Here. For an inlet that is open: as many as there shall be now.
  bool ordered = false;        // Works leases off in the order of their numbers, by one replica.
};

struct CloseInlet {
  SegmentId segment;
};

// The node was drained: nothing is left for it to do, and it may end.
struct Dismissed {};

// Asks for what the tools of a segment said last on standard error.
struct LogsWanted {
  SegmentId segment;
  std::string reply_to;  // Any bytes.
};

// These results were committed or discarded: the node may forget them.
struct ResultsDone {
  std::vector<NumberRange> results;
};

// How far the broker has numbered the leases of an inlet: what is up to there and not at the node
// was lost on the way or is about to come.
struct InletBeat {
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::uint64_t sent = 0;  // The highest lease number so far.
};

struct BrokerBeat {
  std::uint64_t number = 0;  // Of the report that it answers.
  std::vector<InletBeat> inlets;
};

// ---- Broker to inlet, and node to the broker's results, data.

struct Lease {
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;  // Counts from 1 per inlet and epoch.
  bool window = false;       // All of it is one window.
  bool alone = false;        // Suspected of killing nodes: nothing else runs beside it.
  // At least one, all runs one for one. The window of a producer that has no records is one slice
  // of one run with 1 input and 0 outputs.
  std::vector<Batch> slices;
  bool wants_stderr = false;  // Its results are to have what the tool said.
};

struct LeaseResult {
  NodeId node;
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::uint64_t lease = 0;
  std::uint64_t number = 0;       // Counts from 1 per welcomed node.
  Batch outputs;                  // Its runs' inputs are what this result settles.
  std::vector<Failure> failures;  // Of inputs among the runs, whose outputs are 0.
  std::uint64_t busy_ns = 0;      // Tool time spent.
  Histogram::Counts service;      // Time per record.
  Said said;                      // Where the lease wants it: on standard error, meanwhile.
};

}  // namespace leat::wire
