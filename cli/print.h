// What a command was asked for, on standard output.

#pragma once

#include <string>

#include "cli/trouble.h"

namespace leat::cli {

// All of it, however long its reader takes. Trouble: it cannot be written.
[[nodiscard]] Attempt<void> print(const std::string& text);

}  // namespace leat::cli
