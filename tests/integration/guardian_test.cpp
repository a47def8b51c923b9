// A node is killed for real, and its tools must vanish. The node is a fork of the test: it starts a
// guardian and tools, tells the test who they are, and is killed by the test with SIGKILL.

#include "io/guardian.h"

#include <csignal>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ensure.h"
#include "io/answer_pipe.h"
#include "io/guardian_protocol.h"
#include "io/pipe.h"
#include "io/process.h"
#include "io/record_files.h"
#include "tests/support/deadline.h"
#include "tests/support/folder.h"
#include "tests/support/running_tool.h"

namespace leat::io {

namespace {

using tests::RunningTool;
using tests::wait_for;
using tests::Witness;

// In a fork, where no assertion of the test's may run.
void must(const Result<void>& done) {
  ENSURE(done.has_value());
}

Child start_tool(std::vector<std::string> argv, const std::string& guard_entry) {
  SpawnOptions options{.argv = std::move(argv), .environment = tests::clean_environment()};
  options.environment.push_back(guard_entry);
  return spawn(options).value();
}

std::string first_environment_entry(pid_t pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/environ");
  for (std::string entry; std::getline(file, entry, '\0');) {
    if (entry.starts_with(name + "=")) return entry;
  }
  return "";
}

// Runs what has no end in a fork, which must never come back to the test's runner: an exception
// ends it.
template <typename Life>
[[noreturn]] void live_to_the_end(const Life& life) {
  try {
    life();
  } catch (...) {
    std::terminate();
  }
  std::terminate();
}

// How many processes carry the entry.
std::size_t carriers(const std::string& entry) {
  std::size_t count = 0;
  for (const auto& folder : std::filesystem::directory_iterator("/proc")) {
    const std::string name = folder.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (first_environment_entry(std::stoi(name), "LEAT_GUARD") == entry) ++count;
  }
  return count;
}

// What a node did in its life, and keeps until it is killed.
struct Deeds {
  std::vector<Child> children;
  std::vector<pid_t> pids;  // The test watches these.
};

// A node that runs `life` with its guardian, and then does nothing until it is killed.
class Node {
 public:
  using Life = std::function<Deeds(Guardian&)>;

  explicit Node(const Life& life) {
    prepare_signals();
    Pipe pipe = make_pipe().value();
    pid_ = ::fork();
    if (pid_ == 0) {
      live_to_the_end([&] { live(life, pipe); });
    }
    pipe.write.reset();
    std::istringstream told(RunningTool::read_to_end(pipe.read.get()));
    told >> guard_entry_;
    for (pid_t pid = 0; told >> pid;) {
      witnesses_.emplace_back(pid);
    }
    REQUIRE(!witnesses_.empty());  // Else it came to grief.
  }

  ~Node() {
    if (pid_ > 0) kill();
  }

  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  Node(Node&&) = delete;
  Node& operator=(Node&&) = delete;

  [[nodiscard]] const std::string& guard_entry() const { return guard_entry_; }

  [[nodiscard]] const Witness& guardian() const { return witnesses_.front(); }

  // As the node's deeds have it.
  [[nodiscard]] const Witness& process(std::size_t i) const { return witnesses_.at(i + 1); }

  void kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  [[noreturn]] static void live(const Life& life, Pipe& pipe) {
    Guardian guardian = Guardian::start(LEAT_GUARDIAN).value();
    const Deeds deeds = life(guardian);
    std::string text = guardian.environment_entry() + " " + std::to_string(guardian.pid());
    for (const pid_t pid : deeds.pids) {
      text += " " + std::to_string(pid);
    }
    const std::string_view told = text;
    static_cast<void>(write_some(pipe.write.get(), {&told, 1}).value());
    pipe.write.reset();
    for (;;) {
      ::pause();
    }
  }

  pid_t pid_ = -1;
  std::string guard_entry_;
  std::vector<Witness> witnesses_;  // The guardian first.
};

// What the tool prints on its first line: process ids.
std::vector<pid_t> printed_pids(const Child& tool) {
  std::istringstream line(RunningTool::read_line(tool.from_stdout.get()));
  std::vector<pid_t> pids;
  for (pid_t pid = 0; line >> pid;) {
    pids.push_back(pid);
  }
  return pids;
}

}  // namespace

TEST_CASE("only what names a group above 1 is taken for a group") {
  for (const std::string_view line : {"+1", "-1", "+0", "+-1", "+-5", "+", "-", "", "+2x", "+ 2",
                                      "2", "+99999999999", "=", "x2"}) {
    CAPTURE(line);
    CHECK(parse_guardian_line(line).word == GuardianWord::kNothing);
  }
  CHECK(parse_guardian_line("+2").word == GuardianWord::kAdd);
  CHECK(parse_guardian_line("+2").pgid == 2);
  CHECK(parse_guardian_line("-4194304").word == GuardianWord::kRemove);
  CHECK(parse_guardian_line("-4194304").pgid == 4194304);
  CHECK(parse_guardian_line("=ab").token == "ab");
  CHECK(parse_guardian_line("/tmp/leat-records-a1").word == GuardianWord::kFolder);
  CHECK(parse_guardian_line("/tmp/leat-records-a1").token == "/tmp/leat-records-a1");
  CHECK(parse_guardian_line(".").word == GuardianWord::kCleanEnd);
}

TEST_CASE("a killed node's tools vanish, with their children and though they ignore SIGTERM") {
  Node node([](Guardian& guardian) {
    Deeds deeds;
    deeds.children.push_back(start_tool(
        {"sh", "-c", "trap '' TERM HUP INT; sleep 1000 & sleep 1000 & echo $$ $!; wait"}, "A=1"));
    must(guardian.add(deeds.children.front().pid));
    deeds.pids = printed_pids(deeds.children.front());
    return deeds;
  });
  CHECK(node.process(0).is_alive());
  CHECK(node.process(1).is_alive());
  node.kill();
  CHECK(node.process(0).sees_end());
  CHECK(node.process(1).sees_end());
  CHECK(node.guardian().sees_end());
}

TEST_CASE("a killed node's folder of records vanishes, after a restart of the guardian, too") {
  const tests::Folder place;
  ::setenv("TMPDIR", place.path().c_str(), 1);
  Node node([](Guardian& guardian) {
    Deeds deeds;
    // Never destroyed: its node is killed.
    static RecordFiles files = RecordFiles::create().value();
    must(guardian.set_folder(files.folder()));
    must(guardian.restart());
    static_cast<void>(files.write("a record").value());
    static AnswerPipe answers = AnswerPipe::take(files.reserve().value()).value();
    deeds.children.push_back(start_tool({"sleep", "1000"}, guardian.environment_entry()));
    deeds.pids = {deeds.children.front().pid};
    return deeds;
  });
  ::unsetenv("TMPDIR");
  CHECK_FALSE(std::filesystem::is_empty(place.path()));
  node.kill();
  CHECK(node.process(0).sees_end());
  CHECK(node.guardian().sees_end());
  CHECK(std::filesystem::is_empty(place.path()));
}

TEST_CASE("a killed node's tool vanishes though the guardian was never told of it") {
  Node node([](Guardian& guardian) {
    Deeds deeds;
    deeds.children.push_back(start_tool({"sleep", "1000"}, guardian.environment_entry()));
    deeds.pids = {deeds.children.front().pid};
    return deeds;
  });
  CHECK(node.process(0).is_alive());
  node.kill();
  CHECK(node.process(0).sees_end());
  CHECK(node.guardian().sees_end());
}

TEST_CASE("a killed node's tool vanishes though it has left its group and session") {
  Node node([](Guardian& guardian) {
    Deeds deeds;
    deeds.children.push_back(start_tool({"sh", "-c", "setsid sleep 1000 & echo $!; wait"},
                                        guardian.environment_entry()));
    must(guardian.add(deeds.children.front().pid));
    deeds.pids = printed_pids(deeds.children.front());
    return deeds;
  });
  CHECK(node.process(0).is_alive());
  node.kill();
  CHECK(node.process(0).sees_end());
}

TEST_CASE("no tool is left of a node that is killed while it starts tools") {
  prepare_signals();
  for (int round = 0; round < 5; ++round) {
    Pipe pipe = make_pipe().value();
    // A node that never comes to the end of its deeds.
    const pid_t node = ::fork();
    if (node == 0) {
      live_to_the_end([&out = pipe.write] {
        Guardian guardian = Guardian::start(LEAT_GUARDIAN).value();
        const std::string text =
            guardian.environment_entry() + " " + std::to_string(guardian.pid()) + "\n";
        for (int started = 0;; ++started) {
          const Child child = start_tool({"sleep", "1000"}, guardian.environment_entry());
          must(guardian.add(child.pid));
          const std::string_view told = text;
          if (started == 10) static_cast<void>(write_some(out.get(), {&told, 1}).value());
        }
      });
    }
    pipe.write.reset();
    std::string told;
    if (wait_for(pipe.read.get(), POLLIN)) {
      std::string buffer(256, '\0');
      told = buffer.substr(0, read_some(pipe.read.get(), buffer).value().bytes);
      told = buffer.substr(0, buffer.find('\n'));
    }
    std::istringstream words(told);
    std::string entry;
    pid_t pid = 0;
    words >> entry >> pid;
    const Witness guardian(pid);
    ::kill(node, SIGKILL);
    ::waitpid(node, nullptr, 0);
    CHECK(guardian.sees_end());
    CHECK(entry.starts_with("LEAT_GUARD="));
    CHECK(carriers(entry) == 0);
  }
}

TEST_CASE("what the guardian was told to forget, and what has another token, lives on") {
  Node node([](Guardian& guardian) {
    Deeds deeds;
    deeds.children.push_back(start_tool({"sleep", "1000"}, "A=1"));
    must(guardian.add(deeds.children.back().pid));
    must(guardian.remove(deeds.children.back().pid));
    deeds.children.push_back(start_tool({"sleep", "1000"}, guardian.environment_entry() + "0"));
    deeds.children.push_back(start_tool({"sleep", "1000"}, "X" + guardian.environment_entry()));
    for (const Child& child : deeds.children) {
      deeds.pids.push_back(child.pid);
    }
    return deeds;
  });
  node.kill();
  CHECK(node.guardian().sees_end());
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(node.process(i).is_alive());
  }
}

TEST_CASE("a guardian that was told nonsense harms nobody and ends") {
  RunningTool bystander(
      SpawnOptions{.argv = {"/usr/bin/sleep", "1000"}, .environment = {"LEAT_GUARD="}});
  SpawnOptions options{.argv = {LEAT_GUARDIAN}, .environment = {}};
  options.leads = Leads::kSession;
  RunningTool guardian(options);
  const std::string pid = std::to_string(bystander.pid());
  const std::string too_long(5000, '0');
  REQUIRE(guardian.feed("=\n+\n\n\nnonsense\n/\n/tmp\n+ " + pid + "\n+" + pid + " \n" + too_long +
                        "\n+" + pid));
  guardian.close_stdin();
  CHECK(guardian.end().is_success());
  CHECK_FALSE(wait_for(bystander.child().pidfd.get(), POLLIN, Duration(1)));
}

TEST_CASE("a guardian that gets SIGTERM, SIGINT and SIGHUP does its duty all the same") {
  RunningTool tool({"sleep", "1000"});
  {
    Guardian guardian = Guardian::start(LEAT_GUARDIAN).value();
    REQUIRE(guardian.add(tool.pid()).has_value());
    const std::string folder = "/proc/" + std::to_string(guardian.pid());
    // It has closed what it has no use for: it is past its preparations.
    REQUIRE(tests::wait_until([&] {
      const auto entries = std::filesystem::directory_iterator(folder + "/fd");
      return std::distance(begin(entries), end(entries)) == 1;
    }));
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) {
      CHECK(::kill(guardian.pid(), signal) == 0);
    }
    CHECK(::getsid(guardian.pid()) == guardian.pid());
    CHECK(std::filesystem::read_symlink(folder + "/cwd") == "/");
    CHECK(guardian.is_alive());
  }
  CHECK(tool.end().signal == SIGKILL);
}

TEST_CASE("a guardian ends with its node's clean end, and is reaped") {
  {
    Guardian guardian = Guardian::start(LEAT_GUARDIAN).value();
    CHECK(guardian.is_alive());
    CHECK(guardian.add(guardian.pid()).has_value());  // Absurd, and harmless.
    CHECK(guardian.remove(guardian.pid()).has_value());
    Guardian other = std::move(guardian);
    CHECK(other.is_alive());
    // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move): one is left, not two.
    CHECK_FALSE(guardian.is_alive());
  }
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("a dead guardian is noticed, and its successor knows the groups and the token") {
  RunningTool first({"sleep", "1000"});
  RunningTool second({"sleep", "1000"});
  RunningTool forgotten({"sleep", "1000"});
  {
    Guardian guardian = Guardian::start(LEAT_GUARDIAN).value();
    const std::string entry = guardian.environment_entry();
    REQUIRE(guardian.add(first.pid()).has_value());
    REQUIRE(guardian.add(forgotten.pid()).has_value());
    const pid_t before = guardian.pid();
    REQUIRE(::kill(before, SIGKILL) == 0);
    REQUIRE(wait_for(guardian.pidfd(), POLLIN));
    CHECK_FALSE(guardian.is_alive());
    const auto refused = guardian.add(second.pid());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::kUnavailable);
    CHECK_FALSE(guardian.remove(forgotten.pid()).has_value());
    REQUIRE(guardian.restart().has_value());
    CHECK(guardian.is_alive());
    CHECK(guardian.pid() != before);
    CHECK(guardian.environment_entry() == entry);
  }
  CHECK(first.end().signal == SIGKILL);
  CHECK(second.end().signal == SIGKILL);
  CHECK_FALSE(try_wait(forgotten.child()).has_value());
}

TEST_CASE("telling a guardian that does not listen never waits, and says so in the end") {
  Guardian guardian = Guardian::start(LEAT_GUARDIAN).value();
  REQUIRE(::kill(guardian.pid(), SIGSTOP) == 0);
  std::size_t told = 0;
  while (guardian.remove(1 << 20)) {
    REQUIRE(++told <= kPipeBytes);
  }
  CHECK(guardian.is_alive());
  REQUIRE(guardian.restart().has_value());
  CHECK(guardian.remove(1 << 20).has_value());
}

TEST_CASE("a guardian's program that is not there is told with its path") {
  const auto guardian = Guardian::start("/nonexistent/leat-guardian");
  REQUIRE_FALSE(guardian.has_value());
  CHECK(guardian.error().message ==
        "cannot start '/nonexistent/leat-guardian': No such file or directory");
}

}  // namespace leat::io
