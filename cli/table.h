// Numbers, times and tables as a person reads them.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/time.h"

namespace leat::cli {

using Row = std::vector<std::string>;

// One line for each row; the first column flush left, the others flush right. REQUIRES: at least
// one row, all of one length.
[[nodiscard]] std::string layout(const std::vector<Row>& rows);

// "850 ns", "12 us", "3.4 ms", "5.6 s"; "-" for none.
[[nodiscard]] std::string short_time(Duration duration);

// "850 B", "3.4 kB", "12 MB".
[[nodiscard]] std::string short_size(std::uint64_t bytes);

// As a rate over the time: "1,234".
[[nodiscard]] std::string per_second(std::uint64_t records, Duration elapsed);

}  // namespace leat::cli
