// Parts that the replicas of both modes share: what a turn may touch, the last lines that a tool
// wrote to standard error, and the pause before a restart.

#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/limits.h"
#include "core/time.h"
#include "node/output_way.h"
#include "node/tally.h"
#include "node/tool_events.h"
#include "node/work_queue.h"
#include "spec/pipeline_spec.h"
#include "wire/messages.h"

namespace leat::node {

// What a replica works with during one turn.
struct Turn {
  WorkQueue& queue;
  Effects& effects;
  std::vector<wire::LeaseResult>& results;  // Node, segment and number are filled in by the inlet.
  Tally& tally;
  OutputWay& way;
  Instant now;
};

// Where a replica belongs.
struct Post {
  const spec::Stage& stage;
  const Limits& limits;
  std::string directory;
  SegmentId segment;
  std::uint32_t index = 0;  // Of the replica at its inlet, from 0.
  std::string pipeline;
  // Of what a tool printed: uncommitted, or for one window. A message carries no more than 2 GiB.
  std::size_t printed_bytes_max = std::size_t{1} << 30;
};

[[nodiscard]] StartTool start_order(const Post& post, ToolId tool);

// Connects its standard output so; not kAuto. `output` is its framing.
void connect_output(StartTool& order, spec::Buffering buffering, const framing::Framing& output);

// The last lines, bounded in number and bytes. Adding costs no more than copying what may stay.
class StderrTail {
 public:
  explicit StderrTail(const Limits& limits) : limits_(limits) {}

  void add(std::string_view bytes);

  [[nodiscard]] bool is_empty() const { return bytes_.empty(); }

  [[nodiscard]] std::string text() const;

  void clear() { bytes_.clear(); }

 private:
  const Limits& limits_;
  std::string bytes_;  // Up to twice as many as may stay, so that they are moved seldom.
};

// How long to wait before the next start, each time by up to a quarter more or less.
class RestartPause {
 public:
  explicit RestartPause(std::uint64_t seed) : random_(seed) {}

  // After a death: nothing at first, then 10 ms, doubling up to `most`. Success resets it.
  [[nodiscard]] Duration next(Duration most);

  void reset() { deaths_ = 0; }

  // After a start for which the system had no room: 100 ms, doubling up to 10 s. Nothing when it
  // was tried again so often that there is no hope.
  [[nodiscard]] std::optional<Duration> next_start();

  void note_start() { failed_starts_ = 0; }

  [[nodiscard]] std::uint32_t failed_starts() const { return failed_starts_; }

 private:
  [[nodiscard]] Duration vary(Duration pause);

  std::mt19937_64 random_;
  std::uint32_t deaths_ = 0;
  std::uint32_t failed_starts_ = 0;  // In a row.
};

// A process could not be made: when to try again, or nothing when the stage has failed.
[[nodiscard]] std::optional<Instant> retry_start(const ToolStartFailed& event, const Post& post,
                                                 RestartPause& pause, Turn& turn);

// What makes this tool flush each record, as far as it is known; else what does so for many.
[[nodiscard]] std::string flush_remedy(const std::vector<std::string>& argv);

// The command line as a shell would need it, shortened.
[[nodiscard]] std::string quote(const std::vector<std::string>& argv);

// "exited with status 3", "was ended by signal 9 (SIGKILL)".
[[nodiscard]] std::string describe(const ToolEnded& end);

[[nodiscard]] wire::Failure timeout_failure(Duration timeout);

// Why a tool ended, as the wire says it; with the limit that it met, as far as that can be known.
[[nodiscard]] wire::Failure failure_of(const ToolEnded& end, const spec::Stage& stage,
                                       std::string_view stderr_tail);

// "; perhaps for tool_limits.memory (1GiB)", or nothing.
[[nodiscard]] std::string limit_met(const ToolEnded& end, const spec::Stage& stage,
                                    std::string_view stderr_tail);

// What a printed record may have, and the limit's name with it: "tool_limits.output (1000)".
[[nodiscard]] std::size_t printed_record_max(const Post& post);
[[nodiscard]] std::string printed_record_limit(const Post& post);

}  // namespace leat::node
