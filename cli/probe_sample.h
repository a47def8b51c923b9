// The sample that `leat probe` gives a tool: some records of what the user has.
//
// Pure. Values; any thread.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framing/framing.h"

namespace leat::cli {

inline constexpr std::size_t kSampleBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kSampleRecordsMax = 1000;

// How a stream lies in records.
struct Cut {
  std::vector<std::size_t> ends;  // Of each record that is whole: where the next one begins.
  bool is_clean = false;          // The last one's end is the stream's.
};

// Of framing `whole`, all is one record. REQUIRES: framing::check(framing) is well.
[[nodiscard]] Cut cut(const framing::Framing& framing, std::string_view stream);

// How many records a stream of nothing but whole ones has; none where it is none.
[[nodiscard]] std::optional<std::size_t> count_exactly(const framing::Framing& framing,
                                                       std::string_view stream);

// At most so many records, whole ones; a last one that lacks its terminator gets it. Empty when the
// stream's first record is not whole. REQUIRES: records_max > 0.
[[nodiscard]] std::string take_records(const framing::Framing& framing, std::string_view stream,
                                       std::size_t records_max);

// The records, each without its terminator.
[[nodiscard]] std::vector<std::string> records_of(const framing::Framing& framing,
                                                  std::string_view stream);

// The records in another order and then in their own, which gives away a tool to which it matters
// in which window a record is: all is sorted in no direction, and each window of so many begins
// with the last record of the one before. There are two windows at the least.
struct Shuffled {
  std::string stream;
  std::size_t window_records = 0;
};

// REQUIRES: the stream has a record.
[[nodiscard]] Shuffled shuffle(const framing::Framing& framing, std::string_view stream);

}  // namespace leat::cli
