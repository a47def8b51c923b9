#include "cli/surroundings.h"

#include <csignal>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace leat::cli {

namespace {

// For the sockets of a command and of libzmq, and a tool or two.
constexpr rlim_t kOpenFilesMin = 64;

io::Fd catch_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return io::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

Signals::Signals() : fd_(catch_signals()) {}

bool Signals::came() const {
  signalfd_siginfo info{};
  return ::read(fd_.get(), &info, sizeof info) == sizeof info;
}

void occupy_standard_error() {
  if (::fcntl(STDERR_FILENO, F_GETFD) < 0) (void)::open("/dev/null", O_WRONLY);
}

Attempt<void> check_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kOpenFilesMin) return {};
  return trouble(ExitCode::kUsage, "only " + std::to_string(limit.rlim_cur) +
                                       " files may be open at once (`ulimit -n`), and " +
                                       std::to_string(kOpenFilesMin) + " are the least");
}

Attempt<void> check_standard_input() {
  if (::fcntl(STDIN_FILENO, F_GETFD) >= 0) return {};
  return trouble(ExitCode::kUsage,
                 "standard input is closed: give it the records, as in `leat pipe SPEC.yml < in > "
                 "out`");
}

Attempt<void> check_standard_output() {
  if (::fcntl(STDOUT_FILENO, F_GETFD) >= 0) return {};
  return trouble(ExitCode::kUsage,
                 "standard output is closed: there is nowhere to write the results to");
}

}  // namespace leat::cli
