// What the user sees while records are on their way.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/time.h"

namespace leat::cli {

struct Standing {
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t failed = 0;
  std::optional<double> share;  // Of the input that was read, 0 to 1, where its size is known.
  Duration elapsed{};
};

// "12,345 of 13,000 records, 6,789/s, 45 %, 0:12 left, 3 failed".
[[nodiscard]] std::string progress_line(const Standing& standing);

// The line on standard error: on a terminal one that changes, else one after another.
class ProgressLine {
 public:
  ProgressLine();

  void show(const Standing& standing);

  // Takes it off the terminal: before something else is said.
  void clear();

  [[nodiscard]] bool is_on_terminal() const { return is_on_terminal_; }

 private:
  bool is_on_terminal_;
  bool is_shown_ = false;
};

}  // namespace leat::cli
