#include "cli/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include <unistd.h>

#include "cli/say.h"
#include "cli/table.h"
#include "core/words.h"

namespace leat::cli {

namespace {

std::string clock_time(double seconds_left) {
  const auto all = static_cast<std::uint64_t>(std::llround(seconds_left));
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%llu:%02llu", static_cast<unsigned long long>(all / 60),
                static_cast<unsigned long long>(all % 60));
  return text.data();
}

}  // namespace

std::string progress_line(const Standing& standing) {
  std::string line = with_commas(standing.records_out) + " of " + with_commas(standing.records_in) +
                     " records, " + per_second(standing.records_out, standing.elapsed) + "/s";
  if (standing.share) {
    line += ", " + std::to_string(static_cast<int>(*standing.share * 100)) + " %";
    const bool is_telling = *standing.share > 0.001 && *standing.share < 1;
    const double elapsed = std::chrono::duration<double>(standing.elapsed).count();
    const double left = elapsed * (1 - *standing.share) / std::max(*standing.share, 1e-6);
    if (is_telling) line += ", " + clock_time(left) + " left";
  }
  if (standing.failed > 0) line += ", " + with_commas(standing.failed) + " failed";
  return line;
}

ProgressLine::ProgressLine() : is_on_terminal_(::isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(const Standing& standing) {
  const std::string line = progress_line(standing);
  say_plainly(is_on_terminal_ ? "\r\033[K" + line : line + "\n");
  is_shown_ = is_on_terminal_;
}

void ProgressLine::clear() {
  if (std::exchange(is_shown_, false)) say_plainly("\r\033[K");
}

}  // namespace leat::cli
