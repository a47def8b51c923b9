#include "cli/table.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <span>

#include "core/words.h"

namespace leat::cli {

namespace {

struct Unit {
  double size;
  const char* name;
};

// In the largest unit that the value reaches, with two digits at the least.
std::string in_units(double value, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (value < unit.size) continue;
    const double n = value / unit.size;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), n < 10 && unit.size > 1 ? "%.1f %s" : "%.0f %s", n,
                  unit.name);
    return text.data();
  }
  return "-";
}

}  // namespace

std::string layout(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      text += (i == 0 ? "" : "  ") + (i == 0 ? row[i] + padding : padding + row[i]);
    }
    text += '\n';
  }
  return text;
}

std::string short_time(Duration duration) {
  constexpr std::array<Unit, 4> kUnits = {{{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}}};
  return in_units(static_cast<double>(duration.count()), kUnits);
}

std::string short_size(std::uint64_t bytes) {
  constexpr std::array<Unit, 4> kUnits = {{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "B"}}};
  return bytes == 0 ? "0 B" : in_units(static_cast<double>(bytes), kUnits);
}

std::string per_second(std::uint64_t records, Duration elapsed) {
  const double seconds = std::max(std::chrono::duration<double>(elapsed).count(), 1e-9);
  return with_commas(static_cast<std::uint64_t>(static_cast<double>(records) / seconds));
}

}  // namespace leat::cli
