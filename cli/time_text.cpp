#include "cli/time_text.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace leat::cli {

std::string time_text(std::chrono::system_clock::time_point at) {
  const auto second = std::chrono::floor<std::chrono::seconds>(at);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at - second).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(second);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> date{};
  std::strftime(date.data(), date.size(), "%FT%T", &parts);
  std::array<char, 72> whole{};
  (void)std::snprintf(whole.data(), whole.size(), "%s.%03dZ", date.data(), static_cast<int>(ms));
  return whole.data();
}

}  // namespace leat::cli
