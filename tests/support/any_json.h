// JSON of every kind, made by chance.

#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace leat::tests {

// One value, with any whitespace within it and none around it.
inline std::string any_json(std::mt19937& random, int depth = 3) {
  const auto below = [&random](std::size_t end) { return random() % end; };
  const auto one_of = [&](const std::vector<std::string>& texts) {
    return texts[below(texts.size())];
  };
  const auto space = [&] { return one_of({"", "", "", " ", "\n", "\t\r\n"}); };
  const auto text = [&] {
    return one_of({R"("")", R"("a")", R"("\"\\\/\b\f\n\r\t")", R"("\u00e9\uD83D")", R"("]}{[,:")",
                   "\"\xc3\xa9\"", R"("a longer text, of more than a few bytes")"});
  };
  const std::size_t kind = below(depth > 0 ? 5 : 3);
  if (kind == 0) return one_of({"true", "false", "null"});
  if (kind == 1) return one_of({"0", "-0", "7", "120", "-1.50", "2e8", "0.0E+10", "31e-2"});
  if (kind == 2) return text();
  std::string items;
  for (std::size_t i = below(4); i > 0; --i) {
    if (kind == 4) items += space() + text() + space() + ":";
    items += space() + any_json(random, depth - 1) + space() + (i > 1 ? "," : "");
  }
  if (items.empty()) items = space();
  return kind == 4 ? "{" + items + "}" : "[" + items + "]";
}

}  // namespace leat::tests
