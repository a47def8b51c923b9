// Every message that processes exchange, as values. docs/protocol.md tells their meaning for who
// writes a client in another language; wire/codec.h turns them into frames and back.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/batch.h"
#include "core/histogram.h"
#include "core/ids.h"
#include "core/position.h"

namespace leat::wire {

inline constexpr std::uint32_t kVersion = 1;

// ---- What several messages carry.

// Numbers [first, first + count).
struct NumberRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

enum class FailureKind : std::uint8_t {
  kExit,      // The tool exited; `status` is its exit code.
  kSignal,    // A signal ended it; `status` is the signal.
  kTimeout,   // No answer in time.
  kMismatch,  // More or fewer answers than records.
  kFraming,   // The record cannot be fed in the tool's framing.
  kOversize,  // The record, or what the tool printed, is above record_bytes_max.
  kNodeLost,  // The node died with it, again and again.
};

// Why a record (or window) got no outputs.
struct Failure {
  Position first;            // Of the origins that share this fate.
  std::uint32_t inputs = 0;  // How many siblings.
  FailureKind kind = FailureKind::kExit;
  std::int32_t status = 0;
  std::uint32_t attempts = 0;  // Made in all.
  std::string reason;          // One sentence.
  std::string stderr_tail;     // The tool's last lines, any bytes.
  friend bool operator==(const Failure&, const Failure&) = default;
};

// A failed record as its client gets it.
struct DeadLetter {
  Failure failure;
  std::string stage;
  std::string node;
  Records records;  // What the stage was given: the record, or all of a window.
};

// What a node says of one of its inlets. `leases` are those it was given and still owes a
// committed result for.
struct InletReport {
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::string address;               // Where the broker connects its PUSH socket.
  std::vector<NumberRange> leases;   // Held, ascending.
  std::uint64_t leases_max = 0;      // Credit: the highest lease number that may be sent.
  std::uint32_t replicas_ready = 0;  // Running now.
  std::uint64_t restarts = 0;        // Since the inlet opened.
};

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
  std::uint32_t replicas = 0;
};

struct CloseInlet {
  SegmentId segment;
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
};

// ---- Client to broker.

struct Deploy {
  std::uint32_t version = kVersion;
  std::string file;  // For messages.
  std::string directory;
  std::string spec_text;
};

// Opens a session, or takes it up again after a lost connection: same producer and pipeline, a
// higher epoch.
struct OpenSession {
  std::uint32_t version = kVersion;
  std::string pipeline;
  std::string producer;  // A name that no other open session of the pipeline has.
  std::uint64_t epoch = 0;
  std::uint64_t taken = 0;  // Deliveries that the client has.
};

struct Submit {
  ProducerId producer;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;  // Of the first record; the others follow without gaps.
  Records records;
};

struct EndOfInput {
  ProducerId producer;
  std::uint64_t epoch = 0;
  std::uint64_t total = 0;  // Records submitted in all.
};

// The client has all deliveries up to this one, and is alive. With a beat it asks for the state.
struct Taken {
  ProducerId producer;
  std::uint64_t epoch = 0;
  std::uint64_t delivery = 0;
  std::uint64_t beat = 0;  // Counts from 1; 0 asks nothing.
};

struct CloseSession {
  ProducerId producer;
  std::uint64_t epoch = 0;
};

struct StatusRequest {
  std::string pipeline;
};

// ---- Broker to client.

struct Deployed {
  DeploymentId deployment;
  std::string pipeline;
};

// Cumulative: what was accepted and how far the client may go. Answers OpenSession and Submit, and
// comes whenever there is new credit.
struct SessionState {
  ProducerId producer;
  std::uint64_t epoch = 0;
  std::uint64_t next_sequence = 0;  // All before are accepted.
  std::uint64_t bytes_max = 0;      // Credit: total bytes of records that may be submitted.
  bool has_end = false;             // The end of the input is accepted.
  std::uint64_t deliveries = 0;     // Made so far.
  std::uint64_t beat = 0;           // Of the Taken that asked; 0: nobody did.
};

struct Delivery {
  ProducerId producer;
  std::uint64_t epoch = 0;
  std::uint64_t number = 0;  // Counts from 1 per session.
  Batch outputs;
  std::vector<DeadLetter> dead_letters;
  std::uint64_t dropped = 0;  // Records that the YAML asked to drop, since the last delivery.
  bool is_last = false;       // Everything submitted is settled and delivered.
};

// The session is over without its end: the pipeline failed, was removed, or the broker gave up.
struct SessionFailed {
  std::string producer;
  std::string reason;
};

struct Refused {
  std::string what;    // The message's kind, or the thing named in it.
  std::string reason;  // One sentence with the remedy.
};

struct StageStatus {
  std::string name;
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t dropped = 0;
  std::uint64_t waiting = 0;
  std::uint64_t leased = 0;
  std::uint32_t replicas = 0;
  std::uint32_t replicas_ready = 0;
  std::uint64_t restarts = 0;
  std::uint64_t busy_ns = 0;
  Histogram::Counts service;
};

struct Status {
  std::string pipeline;
  std::string state;  // "running", or why not.
  std::uint64_t queue_bytes = 0;
  std::uint64_t queue_bytes_max = 0;
  std::vector<StageStatus> stages;
};

using Message =
    std::variant<NodeJoin, NodeReport, InletCredit, StageFailed, NodeLeave, NodeWelcome, OpenInlet,
                 CloseInlet, ResultsDone, BrokerBeat, Lease, LeaseResult, Deploy, OpenSession,
                 Submit, EndOfInput, Taken, CloseSession, StatusRequest, Deployed, SessionState,
                 Delivery, SessionFailed, Refused, Status>;

}  // namespace leat::wire
