// Numbers, durations and sizes as the YAML writes them, and back for messages. Total.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/time.h"

namespace leat::spec {

// Both included.
template <typename T>
struct Range {
  T min;
  T max;
};

// The errors of all three read "found X, expected Y".

// Decimal digits without a leading zero: "010" is refused, because YAML reads it as 8.
[[nodiscard]] Result<std::uint64_t> parse_count(std::string_view text, Range<std::uint64_t> range);

// A whole number and a unit: us, ms, s, m, h.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text, Range<Duration> range);

// A whole number of bytes, or one with a unit: B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB,
// TiB (powers of 1024).
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text, Range<std::uint64_t> range);

// In the largest unit that leaves a whole number, as the functions above read it.
[[nodiscard]] std::string duration_text(Duration duration);
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace leat::spec
