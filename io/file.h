// Small files, read whole.

#pragma once

#include <cstddef>
#include <string>

#include "core/result.h"

namespace leat::io {

// An error names the path and says in the operating system's words what is wrong: not there, a
// directory, not readable, larger than `bytes_max`.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

}  // namespace leat::io
