// StderrLog keeps the last that the tools of an inlet said on standard error: lines of any bytes,
// each with its time, its replica and, where it can be told, the record that was inside.
//
// Of what comes faster than kLinesPerSecond or kBytesPerSecond the rest of the second is only
// counted, at the price of a look for newlines. At kBytesMax the oldest lines go. Lines of replicas
// that are gone stay.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/position.h"
#include "core/time.h"
#include "node/tool_events.h"
#include "wire/parts.h"

namespace leat::node {

class StderrLog {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{64} << 10;
  // Of a longer line the end is kept.
  static constexpr std::size_t kLineBytesMax = std::size_t{4} << 10;
  static constexpr std::uint64_t kLinesPerSecond = 1000;
  static constexpr std::uint64_t kBytesPerSecond = std::uint64_t{1} << 20;

  // Who speaks, and when.
  struct Speaker {
    std::uint32_t replica = 0;
    ToolId tool;
    std::optional<Position> record;  // The only one inside.
    Instant now;
  };

  // What this process of the replica said. A line that the process before it did not end is ended.
  void add(const Speaker& speaker, std::string_view bytes);

  // All lines; those that are not ended yet come last, and then what was left out since.
  [[nodiscard]] std::vector<wire::LogLine> lines(Instant now) const;

 private:
  struct Line {
    std::uint32_t replica = 0;
    Instant at;  // When its last bytes came.
    std::optional<Position> record;
    std::string text;
    std::uint64_t lines_left_out = 0;  // Then it stands for these, and has no text.
    std::uint64_t bytes_left_out = 0;
  };

  struct Unended {
    ToolId tool;
    Line line;
    bool is_cut = false;       // Its begin is gone.
    bool is_left_out = false;  // All of it is, up to its newline.
  };

  void begin_period(Instant now);
  [[nodiscard]] bool is_over_rate() const;
  // The begin of `bytes` that is only counted.
  [[nodiscard]] std::size_t leave_out(Unended& line, const Speaker& speaker,
                                      std::string_view bytes);
  void extend(Unended& line, const Speaker& speaker, std::string_view part);
  void end_line(Unended& line);
  void push(Line line);
  // `newest` stays, whatever else goes.
  void make_room(std::uint32_t newest);

  std::deque<Line> lines_;
  std::map<std::uint32_t, Unended> unended_;  // By replica.
  std::size_t bytes_ = 0;                     // Of lines_, with kLineCost each.
  std::size_t unended_bytes_ = 0;
  // The present second, or the last in which something was said.
  Instant period_since_;
  std::uint64_t period_lines_ = 0;
  std::uint64_t period_bytes_ = 0;
  Line left_out_;  // In it.
};

}  // namespace leat::node
