#include "cli/print.h"

#include <cerrno>

#include <unistd.h>

#include "io/system_error.h"

namespace leat::cli {

Attempt<void> print(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      return trouble(ExitCode::kPipelineFailed,
                     "standard output cannot be written to: " + io::in_words(errno));
    }
    done += static_cast<std::size_t>(wrote);
  }
  return {};
}

}  // namespace leat::cli
