// Processes are started for real: what a tool sees of us, what we learn of it, and what a user is
// told when it cannot be started.

#include "io/process.h"

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/pipe.h"
#include "tests/support/deadline.h"
#include "tests/support/folder.h"
#include "tests/support/running_tool.h"

namespace leat::io {

namespace {

using Catch::Contains;
using tests::Folder;
using tests::RunningTool;
using tests::wait_for;

SpawnOptions command(std::vector<std::string> argv) {
  return {.argv = std::move(argv), .environment = tests::clean_environment()};
}

// Of a command that must not start.
Error failure_of(const SpawnOptions& options) {
  const Result<Child> child = spawn(options);
  REQUIRE_FALSE(child.has_value());
  return child.error();
}

std::string failure_text(std::vector<std::string> argv) {
  return failure_of(command(std::move(argv))).message;
}

std::set<std::string> descriptors_of(pid_t pid) {
  std::set<std::string> names;
  const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

// A set of /proc/PID/status, without 32 and 33: glibc keeps these for itself.
std::uint64_t signals_of(pid_t pid, const std::string& key) {
  constexpr std::uint64_t kOfGlibc = std::uint64_t{3} << 31U;
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key + ":")) continue;
    return std::stoull(line.substr(key.size() + 1), nullptr, 16) & ~kOfGlibc;
  }
  FAIL("no " << key << " of " << pid);
  return 0;
}

std::string output_of(const SpawnOptions& options) {
  RunningTool tool(options);
  tool.close_stdin();
  std::string text = tool.read_stdout();
  CHECK(tool.end().is_success());
  return text;
}

}  // namespace

TEST_CASE("a tool answers what it is fed") {
  RunningTool tool({"cat"});
  REQUIRE(tool.feed("one\ntwo\n"));
  CHECK(RunningTool::read_bytes(tool.child().from_stdout.get(), 8) == "one\ntwo\n");
  tool.close_stdin();
  CHECK(tool.read_stdout().empty());
  CHECK(tool.end() == ExitStatus{});
}

TEST_CASE("a tool gets its arguments as they are") {
  CHECK(output_of(command({"printf", "%s|", "a b", "", "*", "$HOME"})) == "a b||*|$HOME|");
}

TEST_CASE("a tool has exactly the environment that was given") {
  const SpawnOptions options{.argv = {"/usr/bin/env"}, .environment = {"A=1", "B=x y"}};
  CHECK(output_of(options) == "A=1\nB=x y\n");
}

TEST_CASE("a tool starts in the given working directory") {
  const Folder folder;
  SpawnOptions options = command({"/bin/pwd", "-P"});
  options.working_directory = folder.path();
  CHECK(output_of(options) == std::filesystem::canonical(folder.path()).string() + "\n");
}

TEST_CASE("a relative path counts from the working directory") {
  const Folder folder;
  folder.write("tool", "#!/bin/sh\necho here\n");
  SpawnOptions options = command({"./tool"});
  options.working_directory = folder.path();
  CHECK(output_of(options) == "here\n");
}

TEST_CASE("a bare name is found in the PATH of the given environment") {
  const Folder folder;
  folder.write("only-here", "#!/bin/sh\necho found\n");
  std::filesystem::create_directory(folder.path("cat"));
  SpawnOptions options = command({"only-here"});
  options.environment = {"PATH=/nonexistent:" + folder.path() + ":/usr/bin:/bin"};
  CHECK(output_of(options) == "found\n");
  options.argv = {"cat"};  // A directory of that name comes first, and is no program.
  CHECK(output_of(options).empty());
}

TEST_CASE("an empty part of PATH is the working directory") {
  const Folder folder;
  folder.write("only-here", "#!/bin/sh\necho found\n");
  SpawnOptions options = command({"only-here"});
  options.environment = {"PATH=/usr/bin:"};
  options.working_directory = folder.path();
  CHECK(output_of(options) == "found\n");
}

TEST_CASE("a tool has standard input, output and error, and no other descriptor") {
  // One that our own parent might have left to us, and one high up.
  const Fd inherited(::open("/dev/null", O_RDONLY));
  const Fd high(::fcntl(inherited.get(), F_DUPFD, 900));
  REQUIRE(high.is_open());
  RunningTool other({"cat"});
  RunningTool tool({"cat"});
  // Once it has answered, it is past loading its libraries.
  REQUIRE(tool.feed("\n"));
  REQUIRE(RunningTool::read_bytes(tool.child().from_stdout.get(), 1) == "\n");
  CHECK(descriptors_of(tool.pid()) == std::set<std::string>{"0", "1", "2"});
}

TEST_CASE("a tool gets the right pipes although our standard streams are closed") {
  const std::array<Fd, 3> kept{Fd(::fcntl(0, F_DUPFD_CLOEXEC, 10)),
                               Fd(::fcntl(1, F_DUPFD_CLOEXEC, 10)),
                               Fd(::fcntl(2, F_DUPFD_CLOEXEC, 10))};
  for (int fd = 0; fd < 3; ++fd) {
    ::close(fd);
  }
  Result<Child> child = spawn(command({"sh", "-c", "cat; echo error >&2"}));
  if (child) child->pidfd = Fd(::fcntl(child->pidfd.get(), F_DUPFD_CLOEXEC, 3));
  for (int fd = 0; fd < 3; ++fd) {
    ::dup2(kept[static_cast<std::size_t>(fd)].get(), fd);
  }
  REQUIRE(child.has_value());
  const std::string_view text = "hello\n";
  REQUIRE(write_some(child->to_stdin.get(), {&text, 1}).value() == text.size());
  child->to_stdin.reset();
  CHECK(RunningTool::read_to_end(child->from_stdout.get()) == "hello\n");
  CHECK(RunningTool::read_to_end(child->from_stderr.get()) == "error\n");
  REQUIRE(wait_for(child->pidfd.get(), POLLIN));
  CHECK(try_wait(*child).has_value());
}

TEST_CASE("a tool has default signals and an empty mask, whatever ours are") {
  prepare_signals();
  sigset_t blocked{};
  sigset_t before{};
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  RunningTool tool({"cat"});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  CHECK(signals_of(::getpid(), "SigIgn") != 0);
  CHECK(signals_of(tool.pid(), "SigIgn") == 0);
  CHECK(signals_of(tool.pid(), "SigBlk") == 0);
}

TEST_CASE("a tool leads a process group of its own") {
  RunningTool tool({"cat"});
  CHECK(::getpgid(tool.pid()) == tool.pid());
  CHECK(::getsid(tool.pid()) == ::getsid(0));
}

TEST_CASE("a tool may lead a session of its own") {
  SpawnOptions options = command({"cat"});
  options.leads = Leads::kSession;
  RunningTool tool(options);
  CHECK(::getpgid(tool.pid()) == tool.pid());
  CHECK(::getsid(tool.pid()) == tool.pid());
}

TEST_CASE("our ends of the pipes are close-on-exec and do not block, and the tool's block") {
  RunningTool tool({"cat"});
  const Child& child = tool.child();
  for (const Fd* fd : {&child.to_stdin, &child.from_stdout, &child.from_stderr}) {
    CHECK((::fcntl(fd->get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK((::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK((::fcntl(child.pidfd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  std::ifstream info("/proc/" + std::to_string(tool.pid()) + "/fdinfo/0");
  std::string position;
  std::string flags;
  std::getline(info, position);
  std::getline(info, flags);
  CHECK((std::stoul(flags.substr(flags.find('0')), nullptr, 8) & O_NONBLOCK) == 0);
}

TEST_CASE("input and output hold as much as the system allows a pipe") {
  Pipe pipe = make_pipe().value();
  const std::size_t room = widen(pipe.write);
  CHECK(room <= kPipeBytes);
  RunningTool tool({"cat"});
  CHECK(::fcntl(tool.child().to_stdin.get(), F_GETPIPE_SZ) == static_cast<int>(room));
  CHECK(::fcntl(tool.child().from_stdout.get(), F_GETPIPE_SZ) == static_cast<int>(room));
}

TEST_CASE("how a tool ended is told once it has ended") {
  RunningTool tool({"cat"});
  CHECK_FALSE(try_wait(tool.child()).has_value());
  tool.close_stdin();
  CHECK(tool.end().is_success());
}

TEST_CASE("the status and the signal that ended a tool are told in words") {
  RunningTool three({"sh", "-c", "exit 3"});
  CHECK(to_string(three.end()) == "exited with status 3");
  RunningTool killed({"sh", "-c", "kill -9 $$"});
  CHECK(to_string(killed.end()) == "killed by signal 9 (SIGKILL)");
  CHECK(to_string(ExitStatus{.signal = 11, .has_dumped_core = true}) ==
        "killed by signal 11 (SIGSEGV), core dumped");
  CHECK(to_string(ExitStatus{.signal = 40}) == "killed by signal 40");
}

TEST_CASE("standard error is apart from standard output") {
  RunningTool tool({"sh", "-c", "echo out; echo err >&2"});
  CHECK(tool.read_stdout() == "out\n");
  CHECK(tool.read_stderr() == "err\n");
}

TEST_CASE("a signal to the group reaches a tool's children") {
  RunningTool tool({"sh", "-c", "sleep 1000 & echo $!; wait"});
  const std::string line = RunningTool::read_line(tool.child().from_stdout.get());
  const tests::Witness grandchild(std::stoi(line));
  REQUIRE(grandchild.is_alive());
  CHECK(kill_group(tool.pid(), SIGKILL));
  CHECK(grandchild.sees_end());
  CHECK(tool.end().signal == SIGKILL);
}

TEST_CASE("writing to a full pipe writes nothing, and to a closed one is told apart") {
  prepare_signals();
  Pipe pipe = make_pipe().value();
  REQUIRE(set_non_blocking(pipe.write).has_value());
  const std::string text(1 << 16, 'x');
  const std::array<std::string_view, 3> pieces{"head", text, "tail"};
  std::size_t total = 0;
  for (std::size_t wrote = 1; wrote > 0; total += wrote) {
    wrote = write_some(pipe.write.get(), pieces).value();
  }
  CHECK(total == bytes_in_pipe(pipe.write.get()).value());
  CHECK(total == bytes_in_pipe(pipe.read.get()).value());
  pipe.read.reset();
  const auto refused = write_some(pipe.write.get(), pieces);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::kUnavailable);
}

TEST_CASE("more pieces than one system call takes are written by several") {
  Pipe pipe = make_pipe().value();
  REQUIRE(set_non_blocking(pipe.write).has_value());
  const std::vector<std::string_view> pieces(100, "ab");
  CHECK(write_some(pipe.write.get(), pieces).value() == 128);
}

TEST_CASE("reading tells bytes, none yet and the end apart") {
  Pipe pipe = make_pipe().value();
  REQUIRE(set_non_blocking(pipe.read).has_value());
  std::array<char, 4> buffer{};
  CHECK(read_some(pipe.read.get(), buffer)->state == ReadState::kWouldBlock);
  const std::string_view text = "abcdef";
  REQUIRE(write_some(pipe.write.get(), {&text, 1}).value() == 6);
  const ReadOutcome first = read_some(pipe.read.get(), buffer).value();
  CHECK(first.state == ReadState::kBytes);
  CHECK(std::string_view(buffer.data(), first.bytes) == "abcd");
  CHECK(read_some(pipe.read.get(), buffer)->bytes == 2);
  pipe.write.reset();
  CHECK(read_some(pipe.read.get(), buffer)->state == ReadState::kEnd);
}

TEST_CASE("a program that is not there is told with its path") {
  CHECK(failure_text({"/nonexistent/tool"}) ==
        "cannot start '/nonexistent/tool': No such file or directory");
  CHECK(failure_of(command({"/nonexistent/tool"})).code == Errc::kNotFound);
}

TEST_CASE("a bare name that is in no folder of PATH is told with the PATH") {
  CHECK(failure_text({"no-such-tool"}) ==
        "cannot start 'no-such-tool': No such file or directory in PATH /usr/bin:/bin");
}

TEST_CASE("a directory is not started") {
  CHECK(failure_text({"/usr/bin/"}) == "cannot start '/usr/bin/': Is a directory");
  CHECK(failure_text({"/etc/passwd/x"}) == "cannot start '/etc/passwd/x': Not a directory");
}

TEST_CASE("a file that is not executable is told so, by path and by name") {
  const Folder folder;
  const std::string path = folder.write("tool", "#!/bin/sh\n", 0644);
  CHECK_THAT(failure_text({path}),
             Contains("cannot start '" + path + "': Permission denied (is it executable?"));
  SpawnOptions options = command({"tool"});
  options.environment = {"PATH=" + folder.path()};
  CHECK_THAT(failure_of(options).message, Contains("'" + path + "': Permission denied"));
}

TEST_CASE("a script's missing interpreter is named") {
  const Folder folder;
  const std::string path = folder.write("tool", "#! /opt/none/python -u\nprint()\n");
  CHECK(failure_text({path}) == "cannot start '" + path +
                                    "': its first line asks for the interpreter "
                                    "'/opt/none/python': No such file or directory");
  const std::string foreign = folder.write("foreign", "#!/bin/sh\r\necho\r\n");
  CHECK_THAT(failure_text({foreign}), Contains("interpreter '/bin/sh\\r': No such file"));
  const std::string absurd = folder.write("absurd", "#!/usr\n");
  CHECK_THAT(failure_text({absurd}), Contains("interpreter '/usr': Is a directory"));
}

TEST_CASE("a binary's missing loader is named") {
  const Folder folder;
  std::ifstream original("/bin/cat", std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(original)), std::istreambuf_iterator<char>());
  const std::size_t at = bytes.find("/lib64/ld-linux");
  if (at == std::string::npos) return;  // Another machine's loader.
  bytes.replace(at, 6, "/lib00");
  const std::string path = folder.write("tool", bytes);
  CHECK_THAT(failure_text({path}), Contains("it asks for the loader '/lib00/ld-linux"));
}

TEST_CASE("a file that is no program is told so") {
  const Folder folder;
  for (const std::string_view text : {"echo hello\n", "\177ELF nonsense", ""}) {
    const std::string path = folder.write("tool", text);
    CHECK_THAT(failure_text({path}), Contains("': Exec format error"));
  }
}

TEST_CASE("a missing working directory is told, not a missing program") {
  SpawnOptions options = command({"cat"});
  options.working_directory = "/nonexistent/folder";
  CHECK_THAT(failure_of(options).message,
             Contains("cat': working directory '/nonexistent/folder': No such file or directory"));
  options.working_directory = "/etc/passwd";
  CHECK_THAT(failure_of(options).message, Contains("'/etc/passwd': Not a directory"));
}

TEST_CASE("no command, and one with a zero byte, are refused") {
  CHECK(failure_of(command({})).code == Errc::kInvalidArgument);
  CHECK(failure_of(command({""})).code == Errc::kInvalidArgument);
  CHECK(failure_of(command({"cat", std::string("a\0b", 3)})).code == Errc::kInvalidArgument);
}

TEST_CASE("an argument list that is too long is told in the system's words") {
  CHECK_THAT(failure_text({"cat", std::string(1 << 20, 'x')}), Contains("Argument list too long"));
}

TEST_CASE("a failed start leaves no descriptor and no child behind") {
  const std::set<std::string> before = descriptors_of(::getpid());
  const Folder folder;
  CHECK_FALSE(spawn(command({folder.write("tool", "no program")})).has_value());
  CHECK(descriptors_of(::getpid()) == before);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

}  // namespace leat::io
