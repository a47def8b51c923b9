// What Prometheus reads: the broker's status in its text format. docs/operations.md tells what each
// metric means and what to do about it.
//
// 1. Everything begins with leat_; times are seconds, sizes bytes; what only grows ends in _total.
// 2. Labels are names from pipeline files and command lines, and words from closed lists: as many
//    time series as there are stages on nodes. Never a record, a process or a client.
// 3. The words of a closed list are there from the start, with 0.
// 4. Any status gives text that Prometheus can read: whatever bytes names may hold are escaped.
//
// Pure: the same status gives the same text, in the same order. Any thread.

#pragma once

#include <optional>
#include <string>

#include "core/time.h"
#include "wire/messages.h"

namespace leat::monitoring {

// What a status does not tell of itself.
struct Origin {
  std::string version;          // Of the program.
  std::optional<Duration> age;  // Of the status; none when there is no status yet.
};

[[nodiscard]] std::string metrics_text(const wire::Status& status, const Origin& origin);

}  // namespace leat::monitoring
