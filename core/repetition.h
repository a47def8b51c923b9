// Repetition tells of what others can cause as often as they like: at most once a second, and how
// often it was.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "core/time.h"

namespace leat {

class Repetition {
 public:
  // It happened again.
  void note(std::string what) {
    ++count_;
    last_ = std::move(what);
  }

  // What is to be said now, if anything.
  [[nodiscard]] std::optional<std::string> due(Instant now) {
    const bool is_early = said_at_ && now - *said_at_ < std::chrono::seconds(1);
    if (count_ == 0 || is_early) return std::nullopt;
    said_at_ = now;
    const std::uint64_t count = std::exchange(count_, 0);
    return count == 1 ? last_ : last_ + " (and " + std::to_string(count - 1) + " more such)";
  }

 private:
  std::uint64_t count_ = 0;  // Since the last word.
  std::string last_;
  std::optional<Instant> said_at_;
};

}  // namespace leat
