// Programs are started by way of leat-start: what surrounds them then, and what a user is told when
// that cannot be.

#include <csignal>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/process.h"
#include "tests/support/deadline.h"
#include "tests/support/folder.h"
#include "tests/support/running_tool.h"

namespace leat::io {

namespace {

using Catch::Contains;
using tests::Folder;
using tests::RunningTool;
using tests::wait_for;

SpawnOptions command(std::vector<std::string> argv, Surroundings surroundings) {
  SpawnOptions options{.argv = std::move(argv), .environment = tests::clean_environment()};
  options.surroundings = std::move(surroundings);
  options.starter = LEAT_START;
  return options;
}

std::string output_of(const SpawnOptions& options) {
  RunningTool tool(options);
  tool.close_stdin();
  std::string text = tool.read_stdout();
  CHECK(try_start(tool.child(), options).value() == StartState::kStarted);
  CHECK(tool.end().is_success());
  return text;
}

std::string output_of_shell(const std::string& script, Surroundings surroundings) {
  return output_of(command({"sh", "-c", script}, std::move(surroundings)));
}

// What is told of a start that fails on the way.
Error failure_of(const SpawnOptions& options) {
  RunningTool tool(options);
  REQUIRE(wait_for(tool.child().start_report.get(), POLLIN));
  const Result<StartState> state = try_start(tool.child(), options);
  REQUIRE_FALSE(state.has_value());
  CHECK_FALSE(tool.child().start_report.is_open());
  CHECK(tool.read_stdout() == "");
  CHECK(tool.end().code == kStartFailedStatus);
  return state.error();
}

bool is_root() {
  if (::geteuid() == 0) return true;
  WARN("skipped: only root can change the user");
  return false;
}

}  // namespace

TEST_CASE("surroundings like ours take no detour") {
  CHECK(Surroundings{}.is_ours());
  const SpawnOptions options{.argv = {"cat"}, .environment = tests::clean_environment()};
  RunningTool tool(options);
  CHECK_FALSE(tool.child().start_report.is_open());
}

TEST_CASE("a program has the limits that it was given, and the niceness") {
  CHECK(output_of_shell("ulimit -v; ulimit -n; ulimit -St; ulimit -Ht; nice",
                        {.nice = 19,
                         .cpu_seconds_max = 20,
                         .open_files_max = 50,
                         .memory_bytes_max = std::uint64_t{1} << 30}) ==
        "1048576\n50\n20\n21\n19\n");
}

TEST_CASE("a program started with limits has its arguments, environment and no more descriptors") {
  const Surroundings few{.open_files_max = 50};
  CHECK(output_of(command({"printf", "%s|", "a b", "--", "", "nice=5"}, few)) == "a b|--||nice=5|");
  CHECK(output_of(command({"/usr/bin/env"}, few)) == "PATH=/usr/bin:/bin\nLC_ALL=C.UTF-8\n");
  RunningTool cat(command({"cat"}, few));
  REQUIRE(cat.feed("x"));
  REQUIRE(RunningTool::read_bytes(cat.child().from_stdout.get(), 1) == "x");
  const auto entries =
      std::filesystem::directory_iterator("/proc/" + std::to_string(cat.pid()) + "/fd");
  CHECK(std::distance(begin(entries), end(entries)) == 3);
}

TEST_CASE("a niceness that we may not give is as near as we may") {
  if (!is_root()) return;
  // A copy, for where the tests run nobody else need have a way to the programs.
  const Folder folder;
  std::filesystem::copy_file(LEAT_START, folder.path("leat-start"));
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  // In a process that may not be lower than it is, for a niceness that is lower and one that is
  // not.
  for (const auto& [wanted, had] : {std::pair("nice=10", "5\n"), std::pair("nice=39", "19\n")}) {
    const std::string script = "setpriv --reuid 65534 --clear-groups --bounding-set -all " +
                               folder.path("leat-start") + " " + wanted + " -- /usr/bin/nice nice";
    CHECK(output_of_shell(script, {.nice = 5}) == had);
  }
}

TEST_CASE("a program runs as the user that it was given, with all of the user's groups") {
  if (!is_root()) return;
  const User user{.name = "someone", .id = 12345, .group = 23456, .groups = {23456, 34567}};
  CHECK(output_of_shell("id -u; id -ru; id -g; id -G", {.user = user}) ==
        "12345\n12345\n23456\n23456 34567\n");
}

TEST_CASE("users are found by name") {
  const auto root = find_user("root");
  REQUIRE(root);
  CHECK(root->id == 0);
  CHECK_FALSE(root->groups.empty());
  CHECK(root->home == "/root");
  const auto nobody = find_user("no-such-user");
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().message == "there is no user 'no-such-user' here");
}

TEST_CASE("a limit ends a program that goes beyond it") {
  // First among all, so that its second does not last long.
  RunningTool tool(
      command({"sh", "-c", "while :; do :; done"}, {.nice = -20, .cpu_seconds_max = 1}));
  CHECK(tool.end().signal == SIGXCPU);
}

TEST_CASE("what hinders the start on the way is told in the system's words") {
  const Error files = failure_of(command({"cat"}, {.open_files_max = std::uint64_t{1} << 40}));
  CHECK(files.message ==
        "cannot start '/usr/bin/cat': its open files cannot be limited to 1099511627776: Operation "
        "not permitted (the node's own limit is lower: see ulimit -H)");
  CHECK(files.code == Errc::kSystem);
}

TEST_CASE("a program that cannot be executed is told as without a detour") {
  const Folder folder;
  const Surroundings few{.open_files_max = 50};
  CHECK(failure_of(command({"/no/such"}, few)).message ==
        "cannot start '/no/such': No such file or directory");
  CHECK(failure_of(command({"/no/such"}, few)).code == Errc::kNotFound);
  CHECK_THAT(failure_of(command({folder.write("plain", "x", 0644)}, few)).message,
             Contains("Permission denied (is it executable? see: chmod +x)"));
  CHECK_THAT(failure_of(command({folder.write("script", "#!/no/sh\n")}, few)).message,
             Contains("its first line asks for the interpreter '/no/sh'"));
  // These are known before.
  const Result<Child> no_name = spawn(command({"no-such-name"}, few));
  REQUIRE_FALSE(no_name);
  CHECK(no_name.error().code == Errc::kNotFound);
  SpawnOptions no_starter = command({"cat"}, few);
  no_starter.starter = "/no/leat-start";
  const Result<Child> child = spawn(no_starter);
  REQUIRE_FALSE(child);
  CHECK(child.error().message == "cannot start '/no/leat-start': No such file or directory");
}

TEST_CASE("a program that a user may not execute is told with the user") {
  if (!is_root()) return;
  const Folder folder;
  folder.write("own", "#!/bin/sh\n", 0700);
  const User user{.name = "someone", .id = 12345, .group = 12345};
  CHECK_THAT(failure_of(command({folder.path("own")}, {.user = user})).message,
             Contains("Permission denied") && Contains("'someone'"));
}

TEST_CASE("a user is refused where we may not change it") {
  const User user{.name = "someone", .id = 12345, .group = 12345, .groups = {12345}};
  const Error error = explain_step_failure({.user = user}, "/bin/x", StartStep::kMainGroup, EPERM);
  CHECK(error.message ==
        "cannot start '/bin/x': it cannot run as the user 'someone': Operation not permitted (the "
        "node must run as root to change the user, or as that user)");
  CHECK(explain_step_failure({.user = user}, "x", StartStep::kUser, EAGAIN).code ==
        Errc::kUnavailable);
}

TEST_CASE("what leat-start is told and tells is read back, and nonsense is nothing") {
  const auto word = parse_start_word("open-files=12", '=');
  REQUIRE(word);
  CHECK(word->step == StartStep::kOpenFiles);
  CHECK(word->number == 12);
  CHECK(start_word(StartStep::kProgram, ' ', 2) == "program 2");
  for (const char* text : {"", "nice", "nice=", "nice=-1", "nice=1x", "=1", "no=1", "nice 1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_start_word(text, '='));
  }
  RunningTool nonsense(SpawnOptions{.argv = {LEAT_START, "nice=x"}, .environment = {}});
  CHECK(nonsense.end().code == kStartFailedStatus);
}

}  // namespace leat::io
