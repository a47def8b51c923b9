// Counts as words of a sentence, for everything that is told to people.

#pragma once

#include <cstdint>
#include <string>

namespace leat {

// "12,345".
[[nodiscard]] std::string with_commas(std::uint64_t number);

// "1 record", "2 records".
[[nodiscard]] std::string count_of(std::uint64_t n, const char* what);

}  // namespace leat
