// A scene is what one test of the real program needs: a folder of its own, the program and other
// commands run in it, and every process that came of that, found by a mark in its environment.
// Whatever is left when the test is over is killed.
//
// LEAT_PROGRAM is the path of `leat`; the programs that it starts lie beside it.

#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <poll.h>

#include "core/time.h"
#include "io/clock.h"
#include "io/pipe.h"
#include "io/process.h"
#include "tests/support/deadline.h"
#include "tests/support/folder.h"
#include "tests/support/running_tool.h"

namespace leat::tests {

// How a command ended, and all that it wrote.
struct Outcome {
  int code = -1;  // As a shell has it: 128 and the signal when one ended it; -1 at the deadline.
  std::string output;
  std::string errors;
  Duration elapsed{};
};

// Gives the command the input and end-of-file, and takes what it writes until it ends.
inline Outcome finish(RunningTool& command, std::string_view input = {}) {
  const io::MonotonicClock clock;
  const Instant begin = clock.now();
  io::Child& child = command.child();
  Outcome outcome;
  const auto take = [](io::Fd& fd, std::string& into) {
    std::array<char, 65536> buffer{};
    const auto got = io::read_some(fd.get(), buffer);
    if (!got || got->state == io::ReadState::kEnd) return fd.reset();
    into.append(buffer.data(), got->bytes);
  };
  while (child.from_stdout.is_open() || child.from_stderr.is_open()) {
    if (input.empty()) child.to_stdin.reset();
    // poll() passes over what is closed.
    std::array<pollfd, 3> items = {{{child.to_stdin.get(), POLLOUT, 0},
                                    {child.from_stdout.get(), POLLIN, 0},
                                    {child.from_stderr.get(), POLLIN, 0}}};
    const Duration left = begin + kDeadline - clock.now();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
    if (ms <= 0 || ::poll(items.data(), items.size(), static_cast<int>(ms)) == 0) break;
    if (items[0].revents != 0) {
      const auto wrote = io::write_some(child.to_stdin.get(), {&input, 1});
      input.remove_prefix(wrote.value_or(input.size()));
    }
    if (items[1].revents != 0) take(child.from_stdout, outcome.output);
    if (items[2].revents != 0) take(child.from_stderr, outcome.errors);
  }
  const bool is_late = child.from_stdout.is_open() || child.from_stderr.is_open() ||
                       !wait_for(child.pidfd.get(), POLLIN);
  if (is_late) io::kill_group(child.pid, SIGKILL);
  const io::ExitStatus status = command.end();
  outcome.code = status.signal != 0 ? 128 + status.signal : status.code;
  if (is_late) outcome.code = -1;
  outcome.elapsed = clock.now() - begin;
  return outcome;
}

// Nothing when they are the same, else where they differ: the bytes may be many.
inline std::string difference(std::string_view found, std::string_view expected) {
  if (found == expected) return "";
  constexpr std::size_t kShown = 60;
  const auto [at, other] =
      std::mismatch(found.begin(), found.end(), expected.begin(), expected.end());
  const auto same = static_cast<std::size_t>(at - found.begin());
  const std::size_t from = same - std::min(same, kShown / 2);
  return std::to_string(found.size()) + " bytes instead of " + std::to_string(expected.size()) +
         ", different from byte " + std::to_string(same) + " on: found '" +
         std::string(found.substr(from, kShown)) + "', expected '" +
         std::string(expected.substr(from, kShown)) + "'";
}

// "PREFIX0\nPREFIX1\n..."
inline std::string numbered_lines(std::size_t count, const std::string& prefix) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += prefix + std::to_string(i) + "\n";
  }
  return text;
}

inline std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The first of its lines that begins so, without that; "" when there is none. For /proc.
inline std::string value_of(const std::string& text, std::string_view name) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (line.starts_with(name)) return line.substr(name.size());
    at = end + 1;
  }
  return "";
}

class Scene {
 public:
  Scene() = default;

  ~Scene() {
    for (const pid_t pid : processes()) {
      ::kill(pid, SIGKILL);
    }
  }

  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path(name); }

  std::string write(const std::string& name, std::string_view text, mode_t mode = 0755) const {
    return folder_.write(name, text, mode);
  }

  [[nodiscard]] std::string read(const std::string& name) const { return folder_.read(name); }

  // Makes it the pipeline that run() runs: the YAML of its stages, and of what stands above them.
  void set_pipeline(std::string_view stages, std::string_view above = "") const {
    write("spec.yml",
          "pipeline: scene\n" + std::string(above) + "stages:\n" + std::string(stages) + "\n",
          0644);
  }

  // `leat pipe --dead-letters letters.jsonl spec.yml`, to its end.
  [[nodiscard]] Outcome run(std::string_view input) const {
    RunningTool leat(command(pipe_command()));
    return finish(leat, input);
  }

  [[nodiscard]] static std::vector<std::string> pipe_command() {
    return {LEAT_PROGRAM, "pipe", "--dead-letters", "letters.jsonl", "spec.yml"};
  }

  // A shell's command to its end; "$LEAT" is the program.
  [[nodiscard]] Outcome shell(const std::string& text, std::string_view input = {}) const {
    RunningTool shell(command({"/bin/sh", "-c", text}));
    return finish(shell, input);
  }

  // For a RunningTool. The command runs in the folder, with an environment of ours and the mark.
  [[nodiscard]] io::SpawnOptions command(std::vector<std::string> argv) const {
    io::SpawnOptions options{.argv = std::move(argv), .environment = clean_environment()};
    options.environment.push_back("LEAT=" LEAT_PROGRAM);
    options.environment.push_back(mark());
    options.environment.push_back("PYTHONUNBUFFERED=1");
    options.working_directory = folder_.path();
    return options;
  }

  // Those of the scene's processes that have this in their environment, too. A process that has
  // ended is none, reaped or not.
  [[nodiscard]] std::vector<pid_t> processes(const std::string& entry = "") const {
    std::vector<pid_t> found;
    std::error_code ignored;
    for (const auto& folder : std::filesystem::directory_iterator("/proc", ignored)) {
      const std::string name = folder.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      const std::string all = '\0' + read_whole("/proc/" + name + "/environ");
      const bool is_ours = all.find('\0' + mark() + '\0') != std::string::npos;
      if (is_ours && (entry.empty() || all.find('\0' + entry + '\0') != std::string::npos)) {
        found.push_back(std::stoi(name));
      }
    }
    return found;
  }

  // False when one of them is still there at the deadline.
  [[nodiscard]] bool sees_no_process() const {
    return wait_until([this] { return processes().empty(); });
  }

  // The stage's only process, once there is one; -1 at the deadline.
  [[nodiscard]] pid_t tool_of(const std::string& stage) const {
    std::vector<pid_t> found;
    const bool is_there = wait_until([&] {
      found = processes("LEAT_STAGE=" + stage);
      return found.size() == 1;
    });
    return is_there ? found.front() : -1;
  }

  [[nodiscard]] bool sees_file(const std::string& name) const {
    return wait_until([&] { return std::filesystem::exists(path(name)); });
  }

 private:
  [[nodiscard]] std::string mark() const { return "SCENE=" + folder_.path(); }

  Folder folder_;
};

}  // namespace leat::tests
