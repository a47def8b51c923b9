// The tools that hold their output back however it is connected, and their own flag against that.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leat::spec {

// What the command runs, without its folder. REQUIRES: argv is not empty.
[[nodiscard]] std::string_view program_of(const std::vector<std::string>& argv);

// The words that make this program flush each record; none where no such flag is known, or needed.
[[nodiscard]] std::vector<std::string> flush_flag(const std::vector<std::string>& argv);

}  // namespace leat::spec
