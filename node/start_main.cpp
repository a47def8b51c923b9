// leat-start: becomes a program after it has changed in itself what posix_spawn cannot: limits,
// niceness, user. io/start_protocol.h says how it is called and what it tells. It is its own small
// program so that it starts fast, and asks no user database: it gets numbers.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <unistd.h>

#include "io/start_protocol.h"

namespace leat::node {

namespace {

using io::StartStep;
using io::StartWord;

constexpr int kNiceBase = 20;

// Each returns 0 or errno.

int set_limit(__rlimit_resource resource, std::uint64_t soft, std::uint64_t hard) {
  const rlimit limit{soft, hard};
  return ::setrlimit(resource, &limit) == 0 ? 0 : errno;
}

int set_nice(int wanted) {
  errno = 0;
  const int now = ::getpriority(PRIO_PROCESS, 0);
  if (now == -1 && errno != 0) return errno;
  const bool is_lower = wanted < now;
  for (int nice = wanted; !is_lower || nice < now; ++nice) {
    if (::setpriority(PRIO_PROCESS, 0, nice) == 0) return 0;
    const bool is_forbidden = errno == EACCES || errno == EPERM;
    if (!is_lower || !is_forbidden) return errno;
  }
  return 0;
}

int set_main_group(gid_t group, const std::vector<gid_t>& groups) {
  if (::setgroups(groups.size(), groups.data()) != 0) return errno;
  return ::setgid(group) == 0 ? 0 : errno;
}

int take_step(const StartWord& word, std::vector<gid_t>& groups) {
  const std::uint64_t number = word.number;
  switch (word.step) {
    case StartStep::kNice:
      return set_nice(static_cast<int>(number) - kNiceBase);
    case StartStep::kCpu:
      return set_limit(RLIMIT_CPU, number, number + 1);
    case StartStep::kOpenFiles:
      return set_limit(RLIMIT_NOFILE, number, number);
    case StartStep::kMemory:
      return set_limit(RLIMIT_AS, number, number);
    case StartStep::kGroup:
      groups.push_back(static_cast<gid_t>(number));
      return 0;
    case StartStep::kMainGroup:
      return set_main_group(static_cast<gid_t>(number), groups);
    case StartStep::kUser:
      return ::setuid(static_cast<uid_t>(number)) == 0 ? 0 : errno;
    case StartStep::kProgram:
      break;
  }
  return EINVAL;
}

int tell(StartStep step, int error) {
  const std::string line = io::start_word(step, ' ', static_cast<std::uint64_t>(error)) + "\n";
  static_cast<void>(!::write(io::kStartReportFd, line.data(), line.size()));
  return io::kStartFailedStatus;
}

// Comes back only when a step failed.
int start(char** word) {
  static_cast<void>(::fcntl(io::kStartReportFd, F_SETFD, FD_CLOEXEC));
  std::vector<gid_t> groups;
  for (; *word != nullptr && std::string_view(*word) != "--"; ++word) {
    const std::optional<StartWord> order = io::parse_start_word(*word, '=');
    if (!order) return tell(StartStep::kProgram, EINVAL);
    const int error = take_step(*order, groups);
    if (error != 0) return tell(order->step, error);
  }
  const bool is_whole = *word != nullptr && word[1] != nullptr && word[2] != nullptr;
  if (!is_whole) return tell(StartStep::kProgram, EINVAL);
  ::execv(word[1], word + 2);
  return tell(StartStep::kProgram, errno);
}

}  // namespace

}  // namespace leat::node

int main(int /*argc*/, char** argv) {
  return leat::node::start(argv + 1);
}
