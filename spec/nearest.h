// Finds the word that somebody who mistyped may have meant.

#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace leat::spec {

// The known word with the fewest edits (a letter inserted, removed, replaced, or two neighbours
// swapped), if that is at most one edit for every three letters; the first of equals.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> known);

}  // namespace leat::spec
