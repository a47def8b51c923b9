// Where coreutils keep the library by which stdbuf makes a program's standard output line-buffered
// or unbuffered: preloaded by the dynamic linker, told by _STDBUF_O=L or _STDBUF_O=0. Programs that
// are linked statically, or do their own buffering (perl, python3, mawk), take no notice.

#pragma once

#include <string>
#include <string_view>

#include "core/result.h"

namespace leat::io {

// Absolute. Looks beside the stdbuf that is first in `path` (as in the variable PATH), where that
// installation keeps it, and then in the usual places; starts nothing. Errc::kNotFound.
[[nodiscard]] Result<std::string> find_stdbuf_library(std::string_view path);

}  // namespace leat::io
