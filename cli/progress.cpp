#include "cli/progress.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "core/histogram.h"

namespace leat::cli {

namespace {

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) {
    text.insert(i - 3, ",");
  }
  return text;
}

double seconds(Duration duration) {
  return std::max(std::chrono::duration<double>(duration).count(), 1e-9);
}

std::string per_second(std::uint64_t records, Duration elapsed) {
  return with_commas(static_cast<std::uint64_t>(static_cast<double>(records) / seconds(elapsed)));
}

// "850 ns", "12 us", "3.4 ms", "5.6 s".
std::string short_time(Duration duration) {
  struct Unit {
    double ns;
    const char* name;
  };

  constexpr std::array<Unit, 4> kUnits = {{{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}}};
  const auto ns = static_cast<double>(duration.count());
  for (const Unit& unit : kUnits) {
    if (ns < unit.ns) continue;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), ns / unit.ns < 10 ? "%.1f %s" : "%.0f %s", ns / unit.ns,
                  unit.name);
    return text.data();
  }
  return "-";
}

std::string clock_time(double seconds_left) {
  const auto all = static_cast<std::uint64_t>(seconds_left + 0.5);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%llu:%02llu", static_cast<unsigned long long>(all / 60),
                static_cast<unsigned long long>(all % 60));
  return text.data();
}

using Row = std::vector<std::string>;

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

}  // namespace

std::string progress_line(const Standing& standing) {
  std::string line = with_commas(standing.records_out) + " of " + with_commas(standing.records_in) +
                     " records, " + per_second(standing.records_out, standing.elapsed) + "/s";
  if (standing.share) {
    line += ", " + std::to_string(static_cast<int>(*standing.share * 100)) + " %";
    const bool is_telling = *standing.share > 0.001 && *standing.share < 1;
    const double left =
        seconds(standing.elapsed) * (1 - *standing.share) / std::max(*standing.share, 1e-6);
    if (is_telling) line += ", " + clock_time(left) + " left";
  }
  if (standing.failed > 0) line += ", " + with_commas(standing.failed) + " failed";
  return line;
}

std::string summary_table(const wire::Status& status, Duration elapsed) {
  std::vector<Row> rows = {
      {"stage", "in", "out", "records/s", "p50", "p99", "failed", "restarts", "replicas"}};
  for (const wire::StageStatus& stage : status.stages) {
    Histogram service;
    service.merge(stage.service);
    rows.push_back({stage.name, with_commas(stage.records_in), with_commas(stage.records_out),
                    per_second(stage.records_in, elapsed), short_time(service.quantile(0.5)),
                    short_time(service.quantile(0.99)),
                    with_commas(stage.dead_letters + stage.dropped), with_commas(stage.restarts),
                    std::to_string(stage.replicas)});
  }
  return layout(rows);
}

}  // namespace leat::cli
