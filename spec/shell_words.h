// Splits a command into words as a POSIX shell would, where no shell will run it: quotes and
// backslashes work, and everything that only a shell could carry out is an error with the remedy.
// And the way back: a word as it must be written for a shell.

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

// What a POSIX shell reads as this word, whatever its bytes: as it is where that needs no quotes,
// else in single ones. A zero byte, which no word can have, would end it.
[[nodiscard]] std::string shell_quote(std::string_view word);

// The words with a blank between them.
[[nodiscard]] std::string shell_quote(const std::vector<std::string>& words);

}  // namespace leat::spec
