// Tally counts what went wrong at an inlet since it was opened, in whichever of its replicas.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/ensure.h"
#include "wire/messages.h"

namespace leat::node {

// Causes of a restart that are no wire::FailureKind.
inline constexpr const char* kBuffering = "buffering";  // It held answers back to end-of-file.
inline constexpr const char* kStart = "start";          // The system had no room for a process.

class Tally {
 public:
  // A process is started in another's place. REQUIRES: the cause is one of those in restarts().
  void count_restart(const std::string& cause) {
    const auto known = restarts_.find(cause);
    ENSURE(known != restarts_.end());
    ++known->second;
  }

  void count_restart(wire::FailureKind kind) { count_restart(wire::name_of(kind)); }

  // An attempt with these records failed, and there is another.
  void count_retried(std::uint64_t records) { retried_ += records; }

  [[nodiscard]] std::uint64_t retried() const { return retried_; }

  // Every cause there is, in the order of the names.
  [[nodiscard]] std::vector<wire::NamedCount> restarts() const {
    std::vector<wire::NamedCount> counts;
    counts.reserve(restarts_.size());
    for (const auto& [cause, count] : restarts_) {
      counts.push_back({cause, count});
    }
    return counts;
  }

 private:
  std::uint64_t retried_ = 0;
  std::map<std::string, std::uint64_t> restarts_ = {{kBuffering, 0}, {"exit", 0},   {"mismatch", 0},
                                                    {"oversize", 0}, {"signal", 0}, {kStart, 0},
                                                    {"timeout", 0}};
};

}  // namespace leat::node
