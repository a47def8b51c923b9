// Tools that write their answers to a named pipe, with real ones.

#include <csignal>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "tests/support/folder.h"
#include "tests/support/hosted_tools.h"

namespace leat::node {

namespace {

using Catch::Contains;
using tests::Folder;
using tests::HostedTools;

// Opens the pipe for each answer; says something of its own each time.
constexpr const char* kOpensEach =
    "echo ready; while read -r line; do echo \"working on $line\"; echo \"<$line>\" > "
    "\"$ANSWERS\"; done; echo last > \"$ANSWERS\"; echo bye";

// Keeps it open, and answers with as many bytes as it is told.
constexpr const char* kKeepsOpen =
    "import os, sys\n"
    "with open(os.environ['ANSWERS'], 'w') as answers:\n"
    "    for line in iter(sys.stdin.readline, ''):\n"
    "        answers.write('x' * (int(line) - 1) + '\\n')\n"
    "        answers.flush()\n";

StartTool order(HostedTools& tools, std::vector<std::string> argv, const std::string& path = "") {
  StartTool order = tools.order(std::move(argv));
  order.answers = AnswerPipe{"ANSWERS", path};
  order.env["ANSWERS"] = "the stage's own";
  order.must_read_on = true;
  return order;
}

StartTool shell(HostedTools& tools, const char* script, const std::string& path = "") {
  return order(tools, {"sh", "-c", script}, path);
}

}  // namespace

TEST_CASE("a tool answers through a named pipe that it opens for each, and says other words") {
  HostedTools tools;
  const ToolId tool = tools.start(shell(tools, kOpensEach));
  CHECK(tools.ask(tool, "one\n") == "<one>\n");
  CHECK(tools.of(tool).looks.back() == Rest::kAtRest);
  CHECK(tools.ask(tool, "two\nthree\n") == "<two>\n<three>\n");
  CHECK(tools.of(tool).said == "ready\nworking on one\nworking on two\nworking on three\n");
  CHECK(tools.end(tool) == 0);
  CHECK(tools.of(tool).printed == "<two>\n<three>\nlast\n");
  CHECK_THAT(tools.of(tool).said, Catch::EndsWith("bye\n"));
  CHECK(tools.of(tool).complained.empty());
}

TEST_CASE("an answer through a named pipe may be larger than the pipe") {
  const int size = GENERATE(1, 70'000, 1 << 20, 3'000'000);
  HostedTools tools;
  const ToolId tool = tools.start(order(tools, {"python3", "-c", kKeepsOpen}));
  const std::string answer = tools.ask(tool, std::to_string(size) + "\n");
  CHECK(tools.of(tool).looks.back() == Rest::kAtRest);
  CHECK(answer.size() == static_cast<std::size_t>(size));
  CHECK(tools.end(tool) == 0);
}

TEST_CASE("a tool's named pipe lies in a folder of ours and vanishes, however the tool ends") {
  const Folder place;
  ::setenv("TMPDIR", place.path().c_str(), 1);
  {
    HostedTools tools;
    const ToolId killed = tools.start(shell(tools, "echo $ANSWERS >&2; kill -9 $$"));
    CHECK(tools.await_end(killed) == -1);
    const std::string path = tools.of(killed).complained;
    CHECK_THAT(path, Catch::StartsWith(place.path() + "/leat-records-"));
    CHECK_FALSE(std::filesystem::exists(path.substr(0, path.size() - 1)));
    const ToolId missing = tools.start(order(tools, {"no-such-program"}));
    REQUIRE(tools.of(missing).failed);
    const ToolId alive = tools.start(shell(tools, kOpensEach));
    const ToolId another = tools.start(shell(tools, kOpensEach));
    CHECK(tools.ask(alive, "one\n") == "<one>\n");
    CHECK(tools.ask(another, "two\n") == "<two>\n");
    const std::filesystem::path folder = path.substr(0, path.rfind('/'));
    CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 2);
  }
  ::unsetenv("TMPDIR");
  CHECK(std::filesystem::is_empty(place.path()));
}

TEST_CASE("a named pipe at a fixed path is one tool's at a time") {
  const Folder folder;
  const std::string path = folder.path("answers");
  HostedTools tools;
  const ToolId first = tools.start(shell(tools, kOpensEach, path));
  CHECK(tools.ask(first, "one\n") == "<one>\n");
  const ToolId second = tools.start(shell(tools, kOpensEach, path));
  REQUIRE(tools.of(second).failed);
  CHECK(tools.of(second).failed->may_pass);
  CHECK_THAT(tools.of(second).failed->reason,
             Contains("cannot start 'sh': cannot make the named pipe '" + path + "': another"));
  CHECK(tools.ask(first, "two\n") == "<two>\n");
  CHECK(tools.end(first) == 0);
  CHECK_FALSE(folder.has("answers"));
  const ToolId third = tools.start(shell(tools, kOpensEach, path));
  CHECK(tools.ask(third, "three\n") == "<three>\n");
}

TEST_CASE("a named pipe's path counts from the tool's directory") {
  const Folder folder;
  HostedTools tools;
  StartTool start = shell(tools, "echo one > answers; read -r end", "answers");
  start.directory = folder.path();
  const ToolId tool = tools.start(start);
  CHECK(tools.rest(tool) == Rest::kAtRest);
  CHECK(tools.of(tool).printed == "one\n");
  CHECK(folder.has("answers"));
}

TEST_CASE("a tool that answers through a named pipe may close its standard output") {
  HostedTools tools;
  const ToolId tool = tools.start(
      shell(tools, "exec >&-; while read -r line; do echo \"<$line>\" > \"$ANSWERS\"; done"));
  CHECK(tools.ask(tool, "one\n") == "<one>\n");
  // Long after its end was seen and followed by nothing.
  for (int i = 0; i < 3; ++i) {
    CHECK(tools.rest(tool) == Rest::kAtRest);
    tools.skip(std::chrono::minutes(1));
    CHECK(tools.ask(tool, "again\n") == "<again>\n");
  }
  CHECK(tools.ask(tool, "two\n") == "<two>\n");
  CHECK(tools.end(tool) == 0);
}

TEST_CASE("another user's tool can write to its named pipe") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can change the user");
    return;
  }
  HostedTools tools;
  StartTool start = shell(tools, kOpensEach);
  start.surroundings.user = "nobody";
  const ToolId tool = tools.start(start);
  CHECK(tools.ask(tool, "one\n") == "<one>\n");
  CHECK(tools.of(tool).complained.empty());
}

}  // namespace leat::node
