// What the user sees while a pipe runs, and at its end.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/time.h"
#include "wire/messages.h"

namespace leat::cli {

struct Standing {
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t failed = 0;
  std::optional<double> share;  // Of the input that was read, 0 to 1, where its size is known.
  Duration elapsed{};
};

// "12,345 records, 6,789/s, 45 %, 0:12 left, 3 failed".
[[nodiscard]] std::string progress_line(const Standing& standing);

// A table: stage, records in and out, records/s, p50 and p99 of the service time, failed, replicas.
[[nodiscard]] std::string summary_table(const wire::Status& status, Duration elapsed);

}  // namespace leat::cli
