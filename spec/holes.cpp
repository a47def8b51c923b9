#include "spec/holes.h"

#include <utility>

#include "core/ensure.h"

namespace leat::spec {

namespace {

constexpr std::string_view kHole = "{}";
constexpr std::string_view kEscaped = "{{}}";

}  // namespace

std::vector<Hole> cut_holes(std::vector<std::string>& words) {
  std::vector<Hole> holes;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string plain;
    std::string_view rest = words[i];
    while (!rest.empty()) {
      const bool is_escaped = rest.starts_with(kEscaped);
      const bool is_hole = !is_escaped && rest.starts_with(kHole);
      if (is_hole) holes.push_back({i, plain.size()});
      plain += is_escaped ? kHole : rest.substr(0, is_hole ? kHole.size() : 1);
      rest.remove_prefix(is_escaped ? kEscaped.size() : is_hole ? kHole.size() : 1);
    }
    words[i] = std::move(plain);
  }
  return holes;
}

std::vector<std::string> fill_holes(const std::vector<std::string>& words,
                                    const std::vector<Hole>& holes, std::string_view text) {
  std::vector<std::string> filled = words;
  // From the last on, so that the places of those before stay.
  for (auto hole = holes.rbegin(); hole != holes.rend(); ++hole) {
    ENSURE(hole->word < words.size());
    filled[hole->word].replace(hole->at, kHole.size(), text);
  }
  return filled;
}

}  // namespace leat::spec
