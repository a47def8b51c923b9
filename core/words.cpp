#include "core/words.h"

namespace leat {

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t i = text.size(); i > 3; i -= 3) {
    text.insert(i - 3, ",");
  }
  return text;
}

std::string count_of(std::uint64_t n, const char* what) {
  return with_commas(n) + " " + what + (n == 1 ? "" : "s");
}

}  // namespace leat
