// The messages between clients and broker, as values.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/batch.h"
#include "wire/parts.h"

namespace leat::wire {

// ---- Client to broker.

struct Deploy {
  std::uint32_t version = kVersion;
  std::string file;  // For messages.
  std::string directory;
  std::string spec_text;
};

enum class SessionUse : std::uint8_t {
  kPipe,     // Submits, and gets its own results.
  kSend,     // Submits; the results wait for consumers.
  kReceive,  // A consumer: gets what others sent.
};

// Opens a session, or takes it up again after a lost connection: same producer and pipeline, a
// higher epoch.
struct OpenSession {
  std::uint32_t version = kVersion;
  std::string pipeline;
  std::string producer;  // A name that no other open session of the pipeline has.
  std::uint64_t epoch = 0;
  std::uint64_t taken = 0;  // Deliveries that the client has.
  SessionUse use = SessionUse::kPipe;
  std::string group;  // kReceive: consumers of one group share what comes; each group gets all.
  std::string from;   // kReceive: of this producer only, and over when that is over; else empty.
  bool wants_stderr = false;  // kPipe: also what its tools say on standard error.
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
  std::string pipeline;  // Empty: all.
};

// Asks what a pipeline is made of.
struct Describe {
  std::string pipeline;
};

struct Scale {
  std::string pipeline;
  std::string stage;
  std::uint32_t replicas = 0;
};

// The stage is given nothing more, or goes on.
struct Pause {
  std::string pipeline;
  std::string stage;  // Empty: all.
  bool is_paused = false;
};

// Gives the node nothing more; when it has finished what it has, it is dismissed.
struct Drain {
  std::string node;
};

struct Remove {
  std::string pipeline;
  bool drop = false;  // Even if records are in it.
};

struct LogsRequest {
  std::string pipeline;
  std::string stage;  // Empty: all.
};

// ---- Broker to client.

struct Deployed {
  DeploymentId deployment;
  std::string pipeline;
  std::string changes;  // What is new, a line each; empty when nothing is.
};

// As it was deployed.
struct Description {
  std::string file;
  std::string directory;
  std::string spec_text;
};

// What was asked for by Scale, Pause, Drain, Remove or LogsRequest is done, or under way.
struct Done {
  std::string what;         // The message's kind.
  std::uint64_t count = 0;  // Remove: records dropped. LogsRequest: how many Logs will come.
};

// What the tools of a stage on one node said last on standard error.
struct Logs {
  std::string pipeline;
  std::string stage;
  std::string node;
  std::vector<LogLine> lines;
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
  std::string from;          // kReceive: whose these are.
  Batch outputs;
  std::vector<DeadLetter> dead_letters;
  std::uint64_t dropped = 0;    // Records that the YAML asked to drop, since the last delivery.
  bool is_last = false;         // Everything that the producer submitted is settled and delivered.
  std::vector<StageSaid> said;  // Where the session wants it: on standard error, since the last.
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

struct Status {
  std::vector<PipelineStatus> pipelines;
  std::vector<NodeStatus> nodes;
};

}  // namespace leat::wire
