// Rest is looked at on real tools: that each kind of waiting is told apart from being done, and
// that a tool which answers before it reads again is never said to rest with output still to come.

#include "io/rest_probe.h"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "io/pipe.h"
#include "tests/support/deadline.h"
#include "tests/support/running_tool.h"

namespace leat::io {

namespace {

using tests::RunningTool;
using tests::wait_until;

// Its own python, not one that a version manager stands in for.
constexpr const char* kPython = "/usr/bin/python3";

RestProbe probe_of(RunningTool& tool) {
  return {tool.pid(), tool.child().to_stdin.get(), calibrate_pipe_wait().value()};
}

// The look becomes `wanted` before the deadline.
bool becomes(RestProbe& probe, Rest wanted) {
  return wait_until([&] { return probe.look() == wanted; });
}

// For what must never be: many looks, while the tool is where the test put it.
bool stays(RestProbe& probe, Rest wanted) {
  for (int i = 0; i < 2000; ++i) {
    if (probe.look() != wanted) return false;
  }
  return true;
}

// The third field of /proc/PID/stat.
char state_of(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(512, '\0');
  const ssize_t got = ::read(file.get(), text.data(), text.size());
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  const std::size_t end = text.rfind(") ");
  return end == std::string::npos ? '?' : text[end + 2];
}

std::string numbered_lines(std::size_t first, std::size_t count) {
  std::string text;
  for (std::size_t i = first; i < first + count; ++i) {
    text += "record " + std::to_string(i) + "\n";
  }
  return text;
}

// Keeps this process, and what it starts, on one processor.
class OneProcessor {
 public:
  OneProcessor() {
    REQUIRE(::sched_getaffinity(0, sizeof before_, &before_) == 0);
    cpu_set_t one{};
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
    REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
  }

  ~OneProcessor() { ::sched_setaffinity(0, sizeof before_, &before_); }

  OneProcessor(const OneProcessor&) = delete;
  OneProcessor& operator=(const OneProcessor&) = delete;
  OneProcessor(OneProcessor&&) = delete;
  OneProcessor& operator=(OneProcessor&&) = delete;

 private:
  cpu_set_t before_{};
};

struct Soak {
  std::size_t records = 0;
  std::size_t slice = 0;
  std::size_t lines_per_record = 1;
};

// Feeds slices; after each rest, what came must be the slice's answers, no byte more or less.
// Returns the number of slices for which it was not.
std::size_t wrong_rests(RunningTool& tool, const Soak& soak) {
  RestProbe probe = probe_of(tool);
  const int out = tool.child().from_stdout.get();
  std::size_t wrong = 0;
  for (std::size_t first = 0; first < soak.records; first += soak.slice) {
    const std::string input = numbered_lines(first, soak.slice);
    std::string output;
    REQUIRE(tool.feed(input));
    REQUIRE(wait_until(
        [&] {
          if (probe.look() == Rest::kAtRest) return true;
          output += RunningTool::drain(out);
          return false;
        },
        out));
    output += RunningTool::drain(out);
    std::string expected;
    for (std::size_t i = first; i < first + soak.slice; ++i) {
      for (std::size_t k = 0; k < soak.lines_per_record; ++k) {
        expected += numbered_lines(i, 1);
      }
    }
    if (output != expected) ++wrong;
  }
  tool.close_stdin();
  CHECK(tool.read_stdout().empty());
  return wrong;
}

}  // namespace

TEST_CASE("this kernel tells where a process waits for a pipe, the same each time") {
  const PipeWait wait = calibrate_pipe_wait().value();
  CHECK(wait.wchan == calibrate_pipe_wait().value().wchan);
  WARN("a pipe's reader waits in '" << wait.wchan << "'");
}

TEST_CASE("a tool that waits for input is at rest, before and after it answered") {
  const std::vector<std::vector<std::string>> tools{
      {"cat"},
      {"grep", "--line-buffered", ""},
      {"stdbuf", "-oL", "sed", "s/x/x/"},
      {kPython, "-c", "import sys\nfor l in sys.stdin: print(l, end='', flush=True)"}};
  for (const std::vector<std::string>& argv : tools) {
    CAPTURE(argv.front());
    RunningTool tool(argv);
    RestProbe probe = probe_of(tool);
    CHECK(becomes(probe, Rest::kAtRest));
    REQUIRE(tool.feed("one\n"));
    CHECK(becomes(probe, Rest::kAtRest));
    CHECK(RunningTool::drain(tool.child().from_stdout.get()) == "one\n");
    CHECK(probe.reason().empty());
  }
}

TEST_CASE("a tool that buffers its answers is at rest without having answered") {
  RunningTool tool({"grep", ""});
  RestProbe probe = probe_of(tool);
  REQUIRE(tool.feed("one\n"));
  CHECK(becomes(probe, Rest::kAtRest));
  CHECK(RunningTool::drain(tool.child().from_stdout.get()).empty());
}

TEST_CASE("a tool with bytes on its input is busy") {
  RunningTool tool({"sh", "-c", "kill -STOP $$; exec cat"});
  RestProbe probe = probe_of(tool);
  REQUIRE(wait_until([&] { return state_of(tool.pid()) == 'T'; }));
  REQUIRE(tool.feed("one\n"));
  CHECK(stays(probe, Rest::kBusy));
  REQUIRE(::kill(tool.pid(), SIGCONT) == 0);
  CHECK(becomes(probe, Rest::kAtRest));
}

TEST_CASE("a tool that is stopped while it waits for input is busy until it goes on") {
  RunningTool tool({"cat"});
  RestProbe probe = probe_of(tool);
  REQUIRE(becomes(probe, Rest::kAtRest));
  REQUIRE(::kill(tool.pid(), SIGSTOP) == 0);
  REQUIRE(wait_until([&] { return state_of(tool.pid()) == 'T'; }));
  CHECK(stays(probe, Rest::kBusy));
  REQUIRE(::kill(tool.pid(), SIGCONT) == 0);
  CHECK(becomes(probe, Rest::kAtRest));
}

TEST_CASE("a tool that is stopped with its input in its hands is never said to rest") {
  // On one processor with us: woken by the feed, it finds the bytes and the signal at once, takes
  // the bytes, and stops on its way out of the read.
  const OneProcessor pinned;
  RunningTool tool({"cat"});
  RestProbe probe = probe_of(tool);
  const int out = tool.child().from_stdout.get();
  std::size_t stopped_with_bytes = 0;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(becomes(probe, Rest::kAtRest));
    REQUIRE(tool.feed("record\n"));
    REQUIRE(::kill(tool.pid(), SIGSTOP) == 0);
    REQUIRE(wait_until([&] { return state_of(tool.pid()) == 'T'; }));
    const Rest rest = probe.look();
    const bool is_taken = bytes_in_pipe(tool.child().to_stdin.get()).value() == 0;
    const std::string answer = RunningTool::drain(out);
    if (is_taken && answer.empty()) ++stopped_with_bytes;
    CHECK(rest == Rest::kBusy);
    REQUIRE(::kill(tool.pid(), SIGCONT) == 0);
    if (answer.empty()) REQUIRE(RunningTool::read_line(out) == "record");
  }
  WARN("stopped " << stopped_with_bytes << " times of 1000 between its read and its answer");
}

TEST_CASE("a tool that computes is busy") {
  RunningTool tool({"sh", "-c", "read line; while :; do :; done"});
  RestProbe probe = probe_of(tool);
  REQUIRE(becomes(probe, Rest::kAtRest));
  REQUIRE(tool.feed("one\n"));
  CHECK(stays(probe, Rest::kBusy));
}

TEST_CASE("a tool that sleeps elsewhere than on its input is busy, or waits for something") {
  const std::vector<std::pair<Rest, std::vector<std::string>>> tools{
      {Rest::kBusy, {"sleep", "1000"}},
      {Rest::kBusy, {kPython, "-c", "import select\nselect.select([], [], [], 1000)"}},
      {Rest::kBusy, {"sh", "-c", "exec yes"}},  // Waits for room on its output.
      {Rest::kWaiting, {kPython, "-c", "import select\nselect.select([0], [], [])"}},
      {Rest::kWaiting,
       {kPython, "-c", "import select\np = select.poll()\np.register(0)\np.poll()"}},
      {Rest::kWaiting, {kPython, "-c", "import os\nr, w = os.pipe()\nos.read(r, 1)"}}};
  for (const auto& [rest, argv] : tools) {
    CAPTURE(argv.back());
    RunningTool tool(argv);
    RestProbe probe = probe_of(tool);
    REQUIRE(becomes(probe, rest));
    CHECK(stays(probe, rest));
  }
}

TEST_CASE("a tool that waits for something is busy as long as its input is not empty") {
  RunningTool tool({kPython, "-c", "import os\nr, w = os.pipe()\nos.read(r, 1)"});
  RestProbe probe = probe_of(tool);
  REQUIRE(becomes(probe, Rest::kWaiting));
  REQUIRE(tool.feed("one\n"));
  CHECK(stays(probe, Rest::kBusy));
}

TEST_CASE("a tool that waits for another descriptor with number 0 is not at rest") {
  // It reads a terminal: standard input is no pipe any more. Where it sleeps tells them apart.
  if (calibrate_pipe_wait().value().wchan.empty()) return;
  const char* script =
      "import os,pty\n"
      "controller, terminal = pty.openpty()\n"
      "os.dup2(terminal, 0)\n"
      "print('ready', flush=True)\n"
      "os.read(0, 1)\n";
  RunningTool tool({kPython, "-c", script});
  RestProbe probe = probe_of(tool);
  REQUIRE(RunningTool::read_line(tool.child().from_stdout.get()) == "ready");
  REQUIRE(wait_until([&] { return state_of(tool.pid()) == 'S'; }));
  CHECK(stays(probe, Rest::kBusy));
}

TEST_CASE("the rest of a tool with several threads cannot be seen, and the reason is told") {
  const char* script =
      "import sys,threading\n"
      "for i in range(2): threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
      "sys.stdin.readline()\n";
  RunningTool tool({kPython, "-c", script});
  RestProbe probe = probe_of(tool);
  CHECK(wait_until([&] {
    const Rest rest = probe.look();
    REQUIRE(rest != Rest::kAtRest);
    return rest == Rest::kUnseeable && probe.reason() == "it has 3 threads";
  }));
  // Its first thread may still be on its way into the read, which is busy.
  CHECK(wait_until([&] { return state_of(tool.pid()) == 'S'; }));
  for (int i = 0; i < 2000; ++i) {
    REQUIRE(probe.look() != Rest::kAtRest);
  }
}

TEST_CASE("the rest of a shell's pipeline cannot be seen, and the reason is told") {
  RunningTool tool({"sh", "-c", "cat | cat"});
  RestProbe probe = probe_of(tool);
  CHECK(becomes(probe, Rest::kUnseeable));
  CHECK(probe.reason() == "it has child processes");
}

TEST_CASE("the rest of a script is seen again when its child has ended") {
  RunningTool tool({"sh", "-c", "while read -r line; do cat /proc/self/comm; done"});
  RestProbe probe = probe_of(tool);
  REQUIRE(becomes(probe, Rest::kAtRest));
  REQUIRE(tool.feed("one\n"));
  CHECK(becomes(probe, Rest::kAtRest));
  CHECK(RunningTool::drain(tool.child().from_stdout.get()) == "cat\n");
}

TEST_CASE("a tool that has ended is busy, reaped or not") {
  RunningTool tool({"true"});
  RestProbe probe = probe_of(tool);
  REQUIRE(tests::wait_for(tool.child().pidfd.get(), POLLIN));
  CHECK(probe.look() == Rest::kBusy);
  CHECK(tool.end().is_success());
  CHECK(probe.look() == Rest::kBusy);
}

TEST_CASE("a process that /proc does not show cannot be seen, and the reason is told") {
  RunningTool tool({"true"});
  const pid_t pid = tool.pid();
  static_cast<void>(tool.end());
  RestProbe probe(pid, tool.child().to_stdin.get(), PipeWait{});
  CHECK(probe.look() == Rest::kWithheld);
  CHECK(probe.reason() == "cannot open /proc/" + std::to_string(pid) + "/task/" +
                              std::to_string(pid) + "/syscall: No such file or directory");
}

TEST_CASE("where the kernel has no names for waiting, state and call decide") {
  RunningTool tool({"cat"});
  RestProbe probe(tool.pid(), tool.child().to_stdin.get(), PipeWait{});
  CHECK(becomes(probe, Rest::kAtRest));
  REQUIRE(::kill(tool.pid(), SIGSTOP) == 0);
  REQUIRE(wait_until([&] { return state_of(tool.pid()) == 'T'; }));
  CHECK(stays(probe, Rest::kBusy));
}

TEST_CASE("a tool that answers each record before the next never rests with output to come") {
  const std::string script =
      "import sys\n"
      "for line in iter(sys.stdin.readline, ''):\n"
      "  for k in range(3): print(line, end='', flush=True)\n";
  RunningTool tool({kPython, "-c", script});
  CHECK(wrong_rests(tool, {.records = 5'000, .slice = 1, .lines_per_record = 3}) == 0);
}

TEST_CASE("slices of a tool's records are told apart by its rest") {
  const std::vector<std::vector<std::string>> tools{
      {"cat"}, {"grep", "--line-buffered", ""}, {"stdbuf", "-oL", "sed", "s/x/x/"}};
  for (const std::vector<std::string>& argv : tools) {
    CAPTURE(argv.front());
    RunningTool one_by_one(argv);
    CHECK(wrong_rests(one_by_one, {.records = 5'000, .slice = 1}) == 0);
    RunningTool in_slices(argv);
    CHECK(wrong_rests(in_slices, {.records = 200'000, .slice = 100}) == 0);
  }
}

}  // namespace leat::io
