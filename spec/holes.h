// Places in a command for a record: `{}` in a word. `{{}}` stands for a `{}` that is none.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace leat::spec {

// `{}` lies at byte `at` of this word.
struct Hole {
  std::size_t word = 0;
  std::size_t at = 0;
  friend bool operator==(const Hole&, const Hole&) = default;
};

// Those of the words, in order; each `{{}}` becomes `{}`.
[[nodiscard]] std::vector<Hole> cut_holes(std::vector<std::string>& words);

// The words with the text in place of each hole. REQUIRES: the holes are those of the words.
[[nodiscard]] std::vector<std::string> fill_holes(const std::vector<std::string>& words,
                                                  const std::vector<Hole>& holes,
                                                  std::string_view text);

}  // namespace leat::spec
