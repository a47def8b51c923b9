// StderrLog keeps the last that the tools of an inlet said on standard error, and on a standard
// output that is not for answers: lines of any bytes, each behind the number of its replica, as
// "[0] cannot open the model".
//
// At its limit the oldest lines go. Lines of replicas that are gone stay.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "node/tool_events.h"

namespace leat::node {

class StderrLog {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{64} << 10;
  // Of a longer line the end is kept.
  static constexpr std::size_t kLineBytesMax = std::size_t{4} << 10;

  enum class Stream : std::uint8_t { kError, kOutput };

  // Who says something. What one stream says goes into no line of another.
  struct Speaker {
    std::uint32_t replica = 0;
    Stream stream = Stream::kError;
    auto operator<=>(const Speaker&) const = default;
  };

  // What this process of the replica said. A line that the process before it did not end is ended.
  void add(Speaker speaker, ToolId tool, std::string_view bytes);

  // All lines, each with its newline; those that are not ended yet come last.
  [[nodiscard]] std::string text() const;

 private:
  struct Unended {
    ToolId tool;
    std::string text;  // Without the number.
    bool is_cut = false;
  };

  void end_line(Speaker speaker, Unended& line);
  // `newest` stays, whatever else goes.
  void make_room(Speaker newest);

  std::deque<std::string> lines_;
  std::map<Speaker, Unended> unended_;
  std::size_t bytes_ = 0;  // Of lines_.
};

}  // namespace leat::node
