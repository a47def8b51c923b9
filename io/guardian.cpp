#include "io/guardian.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/random.h>

#include "core/ensure.h"
#include "io/guardian_protocol.h"
#include "io/pipe.h"
#include "io/system_error.h"

namespace leat::io {

namespace {

constexpr int kPatienceMs = 1000;

Result<std::string> make_token() {
  std::array<std::uint8_t, 16> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return system_failure(Errc::kSystem, "cannot make the guardian's token");
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string token;
  for (const std::uint8_t byte : random) {
    token += kDigits[byte >> 4U];
    token += kDigits[byte & 15U];
  }
  return token;
}

bool wait_for(int fd, short events) {
  pollfd item{fd, events, 0};
  int ready = 0;
  do {
    ready = ::poll(&item, 1, kPatienceMs);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

// Waits for room when there is none.
Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const Result<std::size_t> written = write_some(fd, {&text, 1});
    if (!written) return tl::unexpected(written.error());
    text.remove_prefix(*written);
    if (*written == 0 && !wait_for(fd, POLLOUT)) {
      return failure(Errc::kUnavailable, "it does not read");
    }
  }
  return {};
}

}  // namespace

Guardian::Guardian(std::string program, std::string token)
    : program_(std::move(program)), token_(std::move(token)) {}

Result<Guardian> Guardian::start(std::string program) {
  Result<std::string> token = make_token();
  if (!token) return tl::unexpected(token.error());
  Guardian guardian(std::move(program), std::move(*token));
  const Result<void> launched = guardian.launch();
  if (!launched) return tl::unexpected(launched.error());
  return guardian;
}

Guardian& Guardian::operator=(Guardian&& other) noexcept {
  if (this == &other) return *this;
  abolish();
  program_ = std::move(other.program_);
  token_ = std::move(other.token_);
  folder_ = std::move(other.folder_);
  groups_ = std::move(other.groups_);
  child_ = std::move(other.child_);
  return *this;
}

Guardian::~Guardian() {
  if (!child_.pidfd.is_open()) return;
  if (groups_.empty()) static_cast<void>(tell(".\n"));
  abolish();
}

std::string Guardian::environment_entry() const {
  return std::string(kGuardVariable) + "=" + token_;
}

Result<void> Guardian::add(pid_t pgid) {
  ENSURE(pgid > 1);
  groups_.insert(pgid);
  return tell(guardian_line('+', pgid));
}

Result<void> Guardian::remove(pid_t pgid) {
  groups_.erase(pgid);
  return tell(guardian_line('-', pgid));
}

Result<void> Guardian::set_folder(std::string path) {
  ENSURE(parse_guardian_line(path).word == GuardianWord::kFolder);
  folder_ = std::move(path);
  return tell(folder_ + "\n");
}

bool Guardian::is_alive() const {
  pollfd item{child_.pidfd.get(), POLLIN, 0};
  return child_.pidfd.is_open() && ::poll(&item, 1, 0) == 0;
}

Result<void> Guardian::restart() {
  // Not by closing its pipe: it would do its duty.
  if (child_.pidfd.is_open()) kill_group(child_.pid, SIGKILL);
  abolish();
  return launch();
}

Result<void> Guardian::launch() {
  // With an empty environment: the guardian of a node that is itself a tool of another one must
  // outlive its node, and so must not carry the other's token.
  Result<Child> child = spawn(
      {.argv = {program_}, .environment = {}, .working_directory = "/", .leads = Leads::kSession});
  if (!child) return tl::unexpected(child.error());
  child_ = std::move(*child);
  child_.from_stdout.reset();
  child_.from_stderr.reset();
  std::string greeting = "=" + token_ + "\n";
  for (const pid_t pgid : groups_) {
    greeting += guardian_line('+', pgid);
  }
  if (!folder_.empty()) greeting += folder_ + "\n";
  const Result<void> told = write_all(child_.to_stdin.get(), greeting);
  if (told) return {};
  return failure(told.error().code, "guardian '" + program_ + "': " + told.error().message);
}

// A line is less than what a pipe takes whole or not at all.
Result<void> Guardian::tell(const std::string& line) {
  const std::string_view text = line;
  if (!child_.to_stdin.is_open()) return failure(Errc::kUnavailable, "there is no guardian");
  const Result<std::size_t> written = write_some(child_.to_stdin.get(), {&text, 1});
  if (written && *written == text.size()) return {};
  return failure(Errc::kUnavailable, "guardian '" + program_ + "': " +
                                         (written ? "it does not read" : written.error().message));
}

void Guardian::abolish() {
  if (!child_.pidfd.is_open()) return;
  child_.to_stdin.reset();
  if (!wait_for(child_.pidfd.get(), POLLIN)) {
    kill_group(child_.pid, SIGKILL);
    wait_for(child_.pidfd.get(), POLLIN);
  }
  static_cast<void>(try_wait(child_));
  child_ = Child{};
}

}  // namespace leat::io
