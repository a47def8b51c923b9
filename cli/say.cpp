#include "cli/say.h"

#include <array>
#include <ctime>

#include <unistd.h>

namespace leat::cli {

void say(const std::string& text) {
  say_plainly("leat: " + text + "\n");
}

void say_event(const std::string& text) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  std::array<char, 32> stamp{};
  ::gmtime_r(&now, &parts);
  std::strftime(stamp.data(), stamp.size(), "%FT%TZ ", &parts);
  say_plainly(stamp.data() + text + "\n");
}

void say_plainly(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = ::write(STDERR_FILENO, text.data() + done, text.size() - done);
    if (wrote <= 0) return;
    done += static_cast<std::size_t>(wrote);
  }
}

}  // namespace leat::cli
