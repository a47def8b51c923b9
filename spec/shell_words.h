// Splits a command into words as a POSIX shell would, where no shell will run it: quotes and
// backslashes work, and everything that only a shell could carry out is an error with the remedy.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace leat::spec {

// At least one word. '#' begins no comment. Errors read "found X, expected Y": for a quote that is
// not closed, and for what a shell would expand or do: variables, substitutions, patterns, a tilde
// at a word's begin, pipes, redirections, several commands, assignments before the program.
[[nodiscard]] Result<std::vector<std::string>> shell_words(std::string_view command);

}  // namespace leat::spec
