// A real process in a test: fed, read from, and ended with its whole group when the test is over,
// whichever way that is.

#pragma once

#include <array>
#include <csignal>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>

#include "io/pidfd.h"
#include "io/pipe.h"
#include "io/process.h"
#include "tests/support/deadline.h"

namespace leat::tests {

// Scrubbed: what the developer has set (PYTHONUNBUFFERED, say) changes no test.
inline std::vector<std::string> clean_environment() {
  return {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
}

class RunningTool {
 public:
  explicit RunningTool(std::vector<std::string> argv)
      : RunningTool(io::SpawnOptions{.argv = std::move(argv), .environment = clean_environment()}) {
  }

  explicit RunningTool(const io::SpawnOptions& options) {
    io::prepare_signals();
    child_ = io::spawn(options).value();
  }

  ~RunningTool() {
    if (has_ended_) return;
    io::kill_group(child_.pid, SIGKILL);
    static_cast<void>(end());
  }

  RunningTool(const RunningTool&) = delete;
  RunningTool& operator=(const RunningTool&) = delete;

  [[nodiscard]] io::Child& child() { return child_; }

  [[nodiscard]] pid_t pid() const { return child_.pid; }

  // All of it, however long the tool takes to read it; false when it closed its input.
  [[nodiscard]] bool feed(std::string_view text) {
    while (!text.empty()) {
      const auto written = io::write_some(child_.to_stdin.get(), {&text, 1});
      if (!written) return false;
      text.remove_prefix(*written);
      if (*written == 0 && !wait_for(child_.to_stdin.get(), POLLOUT)) return false;
    }
    return true;
  }

  void close_stdin() { child_.to_stdin.reset(); }

  // What can be read from `fd` now, without waiting.
  static std::string drain(int fd) {
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
      const auto got = io::read_some(fd, buffer).value();
      if (got.state != io::ReadState::kBytes) return text;
      text.append(buffer.data(), got.bytes);
    }
  }

  // Everything up to the end of file, or what came until the deadline.
  static std::string read_to_end(int fd) {
    std::string text;
    std::array<char, 65536> buffer{};
    while (wait_for(fd, POLLIN)) {
      const auto got = io::read_some(fd, buffer).value();
      if (got.state == io::ReadState::kEnd) break;
      text.append(buffer.data(), got.bytes);
    }
    return text;
  }

  // As many bytes as that, or what came until the deadline.
  static std::string read_bytes(int fd, std::size_t count) {
    std::string text;
    while (text.size() < count && wait_for(fd, POLLIN)) {
      const std::string piece = drain(fd);
      if (piece.empty()) break;
      text += piece;
    }
    return text;
  }

  // Up to the newline, which must come.
  static std::string read_line(int fd) {
    std::string text;
    while (!text.ends_with('\n') && wait_for(fd, POLLIN)) {
      const std::string piece = drain(fd);
      if (piece.empty()) break;
      text += piece;
    }
    return text.substr(0, text.find('\n'));
  }

  std::string read_stdout() { return read_to_end(child_.from_stdout.get()); }

  std::string read_stderr() { return read_to_end(child_.from_stderr.get()); }

  // How it ended. REQUIRES: it is about to end, and this was not asked before.
  io::ExitStatus end() {
    static_cast<void>(wait_for(child_.pidfd.get(), POLLIN));
    const auto status = io::try_wait(child_);
    has_ended_ = status.has_value();
    return status.value();
  }

 private:
  io::Child child_;
  bool has_ended_ = false;  // And reaped.
};

// Watches a process that is not ours (a tool's child), and kills it when the test is over.
class Witness {
 public:
  // REQUIRES: the process exists.
  explicit Witness(pid_t pid) : pidfd_(io::open_pidfd(pid)) {}

  ~Witness() {
    if (pidfd_.is_open()) io::signal_process(pidfd_, SIGKILL);
  }

  Witness(Witness&&) = default;
  Witness& operator=(Witness&&) = default;
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  [[nodiscard]] bool is_alive() const {
    return pidfd_.is_open() && !wait_for(pidfd_.get(), POLLIN, Duration(1));
  }

  // False at the deadline.
  [[nodiscard]] bool sees_end() const {
    return !pidfd_.is_open() || wait_for(pidfd_.get(), POLLIN);
  }

 private:
  io::Fd pidfd_;  // None when the process had ended before.
};

}  // namespace leat::tests
