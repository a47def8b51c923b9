// leat-guardian: outlives its node and ends the node's tools. io/guardian.h says what it promises,
// io/guardian_protocol.h what it is told. It is its own small program so that it starts fast, holds
// next to no memory, and cannot share a defect with the node.

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/guardian_protocol.h"
#include "io/pidfd.h"

namespace leat::node {

namespace {

using io::Fd;
using io::GuardianWord;

constexpr int kBetweenScansMs = 20;
// A process that does not die of SIGKILL within this many scans (10 s) hangs in the kernel.
constexpr int kScansMax = 500;

struct Charge {
  std::set<pid_t> groups;
  std::string token;
  std::string folder;
  bool is_clean_end = false;
};

void take_line(std::string_view line, Charge& charge) {
  const io::GuardianMessage message = io::parse_guardian_line(line);
  switch (message.word) {
    case GuardianWord::kNothing:
      return;
    case GuardianWord::kToken:
      charge.token = message.token;
      return;
    case GuardianWord::kAdd:
      charge.groups.insert(message.pgid);
      return;
    case GuardianWord::kRemove:
      charge.groups.erase(message.pgid);
      return;
    case GuardianWord::kFolder:
      charge.folder = message.token;
      return;
    case GuardianWord::kCleanEnd:
      charge.is_clean_end = true;
      return;
  }
}

// Takes the full lines off the front of `text`, and what can no longer become one.
void take_lines(std::string& text, Charge& charge) {
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    take_line(std::string_view(text).substr(begin, end - begin), charge);
  }
  text.erase(0, begin);
  if (text.size() > io::kGuardianLineMax) text.clear();
}

// Reads `fd` to its end, piece by piece.
template <typename Sink>
void read_all(int fd, Sink sink) {
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    sink(std::string_view(buffer, static_cast<std::size_t>(got)));
  }
}

Charge listen_until_node_dies() {
  Charge charge;
  std::string text;
  read_all(STDIN_FILENO, [&](std::string_view piece) {
    text += piece;
    take_lines(text, charge);
  });
  return charge;
}

// Whether the process's environment has the entry, whole.
bool carries(const std::string& process, const std::string& entry) {
  const Fd file(::open((process + "/environ").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return false;
  std::string environment(1, '\0');
  read_all(file.get(), [&](std::string_view piece) { environment += piece; });
  environment += '\0';
  return environment.find('\0' + entry + '\0') != std::string::npos;
}

// The pidfd is taken before the look, so that what is killed is what was looked at.
bool kill_if_carries(pid_t pid, const std::string& entry) {
  const Fd process = io::open_pidfd(pid);
  if (!process.is_open() || !carries("/proc/" + std::to_string(pid), entry)) return false;
  return io::signal_process(process, SIGKILL);
}

// Whether there was any.
bool kill_carriers(const std::string& entry) {
  DIR* folder = ::opendir("/proc");
  if (folder == nullptr) return false;
  bool was_any = false;
  while (const dirent* item = ::readdir(folder)) {
    const std::string_view name = item->d_name;
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) continue;
    if (pid == ::getpid()) continue;
    was_any = kill_if_carries(pid, entry) || was_any;
  }
  ::closedir(folder);
  return was_any;
}

// Until so many scans in a row find nothing.
void hunt(const std::string& token, int quiet_wanted) {
  if (token.empty()) return;
  const std::string entry = std::string(io::kGuardVariable) + "=" + token;
  int quiet = 0;
  for (int scan = 0; scan < kScansMax && quiet < quiet_wanted; ++scan) {
    if (scan > 0) ::poll(nullptr, 0, kBetweenScansMs);
    quiet = kill_carriers(entry) ? 0 : quiet + 1;
  }
}

// Nothing that is sent to the node's terminal or session shall reach us, and nobody shall wait for
// the end of a file because of us.
void detach() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2}) {
    static_cast<void>(std::signal(signal, SIG_IGN));
  }
  static_cast<void>(::setsid());  // Fails when the node gave us a session already.
  static_cast<void>(::chdir("/"));
  static_cast<void>(::close_range(STDIN_FILENO + 1, ~0U, 0));
}

void end_tools(const Charge& charge) {
  for (const pid_t pgid : charge.groups) {
    if (pgid != ::getpgrp()) ::kill(-pgid, SIGKILL);
  }
  // What left its group is still ours. After a clean end nothing is just being started, which one
  // scan could miss.
  const bool is_quiet = charge.is_clean_end && charge.groups.empty();
  hunt(charge.token, is_quiet ? 1 : 2);
}

// Files and empty folders; Leat puts nothing else there. What is not ours stays.
void remove_folder(const std::string& path) {
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!folder.is_open() || ::fstat(folder.get(), &status) != 0) return;
  if (status.st_uid != ::geteuid()) return;
  DIR* const entries = ::fdopendir(folder.get());
  if (entries == nullptr) return;
  const int own = folder.release();
  while (const dirent* item = ::readdir(entries)) {
    if (::unlinkat(own, item->d_name, 0) != 0) ::unlinkat(own, item->d_name, AT_REMOVEDIR);
  }
  ::closedir(entries);
  static_cast<void>(::rmdir(path.c_str()));
}

}  // namespace

void guard() {
  detach();
  const Charge charge = listen_until_node_dies();
  end_tools(charge);
  if (!charge.folder.empty()) remove_folder(charge.folder);
}

}  // namespace leat::node

int main() {
  leat::node::guard();
  return 0;
}
