#include "monitoring/pages.h"

#include <chrono>
#include <optional>

#include "io/clock.h"
#include "monitoring/exporter.h"

namespace leat::monitoring {

namespace {

std::string metrics_of(const SnapshotBoard& board, const std::string& version) {
  const std::optional<Snapshot> last = board.read();
  if (!last) return metrics_text({}, {.version = version, .age = std::nullopt});
  const Duration age = io::MonotonicClock().now() - last->posted_at;
  return metrics_text(last->status, {.version = version, .age = age});
}

std::string trouble_of(const SnapshotBoard& board) {
  const std::optional<Snapshot> last = board.read();
  if (!last) return "the broker has not begun to serve yet";
  const Duration age = io::MonotonicClock().now() - last->posted_at;
  if (age <= kStatusAgeMax) return "";
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  return "the broker has told nothing for " + std::to_string(seconds) + " s: it hangs";
}

}  // namespace

Pages pages_of(const SnapshotBoard& board, const std::string& version) {
  return {.metrics = [&board, version] { return metrics_of(board, version); },
          .trouble = [&board] { return trouble_of(board); }};
}

}  // namespace leat::monitoring
