// What several messages carry: why records failed, dead letters, and a node's word on an inlet.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/ids.h"
#include "core/position.h"
#include "wire/status.h"

namespace leat::wire {

inline constexpr std::uint32_t kVersion = 1;

// Numbers [first, first + count).
struct NumberRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

// Adds the number behind all that are in the ranges, to the last one if it follows that.
void append(std::vector<NumberRange>& ranges, std::uint64_t number);

enum class FailureKind : std::uint8_t {
  kExit,      // The tool exited; `status` is its exit code.
  kSignal,    // A signal ended it; `status` is the signal.
  kTimeout,   // No answer in time.
  kMismatch,  // More or fewer answers than records, or one that is not in the output framing.
  kFraming,   // The record cannot be fed in the tool's framing, or be its argument.
  kOversize,  // The record, or what the tool printed, is above a limit.
  kNodeLost,  // The node died with it, again and again.
  kTool,      // The tool said so in its answer.
};

inline constexpr std::size_t kFailureKinds = 8;

// "exit", "node-lost": the word for it in dead letters, status and metrics.
[[nodiscard]] const char* name_of(FailureKind kind);

// Why a record (or window) got no outputs.
struct Failure {
  Position first;            // Of the origins that share this fate.
  std::uint32_t inputs = 0;  // How many siblings.
  FailureKind kind = FailureKind::kExit;
  std::int32_t status = 0;
  std::uint32_t attempts = 0;  // Made in all.
  std::string reason;          // One sentence.
  std::string stderr_tail;     // The tool's last lines, any bytes.
  // From when the tool was given it, at the last attempt, until that had failed.
  std::uint64_t elapsed_ns = 0;
  std::string repeat;  // A line for a shell that does it again by hand. Empty: there is none.
  friend bool operator==(const Failure&, const Failure&) = default;
};

// A failed record as its client gets it.
struct DeadLetter {
  Failure failure;
  std::string stage;
  std::string node;
  Records records;  // What the stage was given: the record, or all of a window.
};

// What tools said on standard error while they had certain records: the begin of it, any bytes, and
// how many more there were.
struct Said {
  std::string text;
  std::uint64_t bytes_left_out = 0;

  [[nodiscard]] bool is_empty() const { return text.empty() && bytes_left_out == 0; }

  friend bool operator==(const Said&, const Said&) = default;
};

// Of the results of one lease together.
inline constexpr std::size_t kSaidBytesMax = std::size_t{64} << 10;

// Adds what there is room for while the text may have `most` bytes, and counts the rest.
void append(Said& said, std::string_view text, std::size_t most);

// Leaves out what is beyond `most` bytes.
void shorten(Said& said, std::size_t most);

// What a session's client gets of it.
struct StageSaid {
  std::string stage;
  std::string node;
  Said said;
};

// What a tool said on standard error: a line, or how many came too fast to be kept.
struct LogLine {
  std::uint32_t replica = 0;
  std::uint64_t age_ns = 0;  // How long ago, when the node told it.
  std::string record;        // The only one that was inside then: "17"; empty when not just one.
  std::string text;          // Any bytes, without the newline.
  std::uint64_t lines_left_out = 0;
  std::uint64_t bytes_left_out = 0;  // Above 0: these, of any replica, instead of a line.
};

// What a node says of one of its inlets. `leases` are those it was given and still owes a
// committed result for.
struct InletReport {
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::string address;               // Where the broker connects its PUSH socket.
  std::vector<NumberRange> leases;   // Held, ascending.
  std::uint64_t leases_max = 0;      // Credit: the highest lease number that may be sent.
  std::uint32_t replicas = 0;        // That it is to have, as the last OpenInlet said.
  std::uint32_t replicas_ready = 0;  // Running now.
  // Since the inlet was opened, whatever the epoch.
  std::uint64_t retried = 0;         // Records that were tried again.
  std::vector<NamedCount> restarts;  // Processes by cause.
};

}  // namespace leat::wire
