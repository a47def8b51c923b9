#include "core/signals.h"

#include <array>
#include <cstddef>

namespace leat {

const char* signal_name(int number) {
  constexpr std::array<const char*, 32> kNames = {
      nullptr,     "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
      "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
      "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
      "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};
  if (number < 0 || static_cast<std::size_t>(number) >= kNames.size()) return nullptr;
  return kNames[static_cast<std::size_t>(number)];
}

}  // namespace leat
