// What the structs of wire/messages.h state beyond the types of their fields, as predicates: the
// decoder refuses what breaks one. Each is total and takes time proportional to what it is given,
// or n log n.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/batch.h"
#include "core/histogram.h"
#include "wire/messages.h"

namespace leat::wire {

// Numbers of records, leases, deliveries, and all in positions are below this, so that a sum of
// one and a u32 never wraps.
inline constexpr std::uint64_t kNumberEnd = std::uint64_t{1} << 63;

// `count` siblings from `first` on have numbers below kNumberEnd.
[[nodiscard]] bool has_room(const Position& first, std::uint64_t count);

// Its inputs have room; its outputs are not too deep.
[[nodiscard]] bool is_sound(const Run& run);

// Ascending, none overlaps another or lies below one of its origins.
[[nodiscard]] bool is_ascending(const std::vector<Run>& runs);

// Ascending, none empty, none overlaps another.
[[nodiscard]] bool is_ascending(const std::vector<NumberRange>& ranges);

// Ascending buckets that exist, none empty.
[[nodiscard]] bool is_sound(const Histogram::Counts& counts);

[[nodiscard]] std::uint64_t outputs_of(const std::vector<Run>& runs);

// Has at least one run, and one input for one output in each.
[[nodiscard]] bool is_one_for_one(const Batch& slice);

[[nodiscard]] bool are_one_for_one(const std::vector<Batch>& slices);

// All of one producer and one for one; or a single input without outputs, which stands for the end
// of a producer that has no records.
[[nodiscard]] bool is_window(const std::vector<Batch>& slices);

// Every failed input is among the runs that have no outputs, and none fails twice. REQUIRES: the
// runs are ascending and sound, and the failures' inputs have room.
[[nodiscard]] bool are_among(const std::vector<Failure>& failures, const std::vector<Run>& runs);

}  // namespace leat::wire
