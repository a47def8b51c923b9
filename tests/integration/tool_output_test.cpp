// How tools' standard output is connected, with real tools: what they hold back on a pipe they
// hand on with a library or a terminal, and no byte is changed by that.

#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "node/replica.h"
#include "tests/support/hosted_tools.h"

namespace leat::node {

namespace {

using spec::Buffering;
using tests::HostedTools;
using Words = std::vector<std::string>;

const Words kPerl = {"perl", "-ne", "print uc"};
const Words kPython = {"python3", "-c", "import sys\nfor l in sys.stdin: print(l.upper(), end='')"};

StartTool with(StartTool order, Buffering buffering, const framing::Framing& output = {}) {
  connect_output(order, buffering, output);
  return order;
}

// Of a tool that prints without being asked, and ends.
std::string output_of(const Words& argv, Buffering buffering, const std::string& variable = "",
                      const std::string& value = "") {
  HostedTools tools;
  StartTool order = with(tools.order(argv), buffering);
  if (!variable.empty()) order.env[variable] = value;
  const ToolId tool = tools.start(order);
  CHECK(tools.end(tool) == 0);
  CHECK(tools.of(tool).complained.empty());
  return tools.of(tool).printed;
}

std::string every_byte() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes.push_back(static_cast<char>(i));
  }
  return bytes;
}

// Bytes that would show where some were lost, doubled or exchanged.
std::string noise(std::size_t count) {
  std::string bytes;
  for (std::uint32_t x = 1; bytes.size() < count; x = x * 1'664'525 + 1'013'904'223) {
    bytes.push_back(static_cast<char>(x >> 24U));
  }
  return bytes;
}

}  // namespace

TEST_CASE("tools that hold answers back on a pipe give them with the library or on a terminal") {
  const auto [argv, buffering] =
      GENERATE(table<Words, Buffering>({{{"tr", "a-z", "A-Z"}, Buffering::kPreload},
                                        {{"gawk", "{print toupper($0)}"}, Buffering::kPreload},
                                        {{"sed", "s/.*/\\U&/"}, Buffering::kPreload},
                                        {{"tr", "a-z", "A-Z"}, Buffering::kPty},
                                        {kPerl, Buffering::kPty},
                                        {kPython, Buffering::kPty}}));
  INFO(argv.front());
  HostedTools tools;
  const ToolId held = tools.start(with(tools.order(argv), Buffering::kPipe));
  CHECK(tools.ask(held, "one\n").empty());
  CHECK(tools.of(held).looks.back() == Rest::kAtRest);
  const ToolId tool = tools.start(with(tools.order(argv), buffering));
  CHECK(tools.ask(tool, "one\n") == "ONE\n");
  CHECK(tools.ask(tool, "two\nthree\n") == "TWO\nTHREE\n");
  CHECK(tools.of(tool).looks.back() == Rest::kAtRest);
  CHECK(tools.end(tool) == 0);
  CHECK(tools.of(tool).complained.empty());
}

TEST_CASE("the library hands on answers that no newline ends") {
  const framing::Framing nul{
      .kind = framing::Kind::kSeparator, .pattern = {}, .separator = {"\0", 1}};
  HostedTools tools;
  const ToolId tool =
      tools.start(with(tools.order({"tr", "\\n", "\\0"}), Buffering::kPreload, nul));
  CHECK(tools.ask(tool, "one\n") == std::string("one\0", 4));
  CHECK(tools.end(tool) == 0);
}

TEST_CASE("the library flushes at newlines only where each record ends with one") {
  const auto mode = [](const framing::Framing& framing) {
    StartTool order;
    connect_output(order, Buffering::kPreload, framing);
    return order.env.at("_STDBUF_O");
  };
  using framing::Kind;
  CHECK(mode({.kind = Kind::kLines, .pattern = {}, .separator = {}}) == "L");
  CHECK(mode({.kind = Kind::kBlankLine, .pattern = {}, .separator = {}}) == "L");
  CHECK(mode({.kind = Kind::kUntil, .pattern = "x", .separator = {}}) == "L");
  CHECK(mode({.kind = Kind::kSeparator, .pattern = {}, .separator = "\r\n"}) == "L");
  CHECK(mode({.kind = Kind::kSeparator, .pattern = {}, .separator = ";"}) == "0");
  CHECK(mode({.kind = Kind::kNetstring, .pattern = {}, .separator = {}}) == "0");
  CHECK(mode({.kind = Kind::kLength32, .pattern = {}, .separator = {}}) == "0");
  CHECK(mode({.kind = Kind::kJson, .pattern = {}, .separator = {}}) == "0");
}

TEST_CASE("what the stage says of the library holds") {
  StartTool order;
  order.env["_STDBUF_O"] = "4096";
  connect_output(order, Buffering::kPreload, {});
  CHECK(order.env.at("_STDBUF_O") == "4096");
}

TEST_CASE("the library goes ahead of those that the stage preloads") {
  const std::string found =
      output_of({"printenv", "LD_PRELOAD"}, Buffering::kPreload, "LD_PRELOAD", "libc.so.6");
  CHECK(found.ends_with("/libstdbuf.so:libc.so.6\n"));
}

TEST_CASE("only the standard output is a terminal, and it controls nobody") {
  const Words script = {"sh", "-c",
                        "for fd in 0 1 2; do test -t $fd && echo $fd; done\n"
                        "cut -d ' ' -f 5-7 < /proc/self/stat | cut -d ' ' -f 2,3"};
  const std::string on_pipe = output_of(script, Buffering::kPipe);
  CHECK(output_of(script, Buffering::kPty) == "1\n" + on_pipe);
}

TEST_CASE("on a terminal tools are told not to colour, unless the stage says something else") {
  CHECK(output_of({"printenv", "TERM", "NO_COLOR"}, Buffering::kPty) == "dumb\n1\n");
  CHECK(output_of({"printenv", "TERM"}, Buffering::kPty, "TERM", "xterm") == "xterm\n");
  HostedTools tools;
  const ToolId tool =
      tools.start(with(tools.order({"grep", "--color=auto", "one"}), Buffering::kPty));
  CHECK(tools.ask(tool, "one two\n") == "one two\n");
}

TEST_CASE("a terminal changes no byte, and none of them means anything to it") {
  HostedTools tools;
  const ToolId tool = tools.start(with(tools.order({"cat"}), Buffering::kPty));
  for (const char byte : every_byte()) {
    const std::string text(3, byte);
    CHECK(tools.ask(tool, text) == text);
  }
  CHECK(tools.ask(tool, every_byte()) == every_byte());
  CHECK(tools.end(tool) == 0);
  CHECK(tools.of(tool).printed == every_byte());
}

TEST_CASE("a terminal carries far more than it holds, and its end comes after all of it") {
  const std::string text = noise(std::size_t{1} << 20U);
  HostedTools tools;
  const ToolId tool = tools.start(with(tools.order({"cat"}), Buffering::kPty));
  CHECK((tools.ask(tool, text) == text));
  tools.feed(tool, text);
  CHECK(tools.end(tool) == 0);
  CHECK((tools.of(tool).printed == text + text));
}

TEST_CASE("a tool on a terminal can be killed while it prints") {
  HostedTools tools;
  const ToolId tool = tools.start(with(tools.order({"yes"}), Buffering::kPty));
  REQUIRE(tools.serve_until([&] { return tools.of(tool).printed.size() > 100'000; }));
  tools.carry_out(EndTool{.tool = tool, .kill = true});
  CHECK(tools.await_end(tool) == -1);
  CHECK(tools.of(tool).ended->status == SIGKILL);
}

TEST_CASE("a tool on a terminal that closes its output but not its input is ended") {
  HostedTools tools;
  StartTool order = with(tools.order({"sh", "-c", "exec >&-; exec sleep 60"}), Buffering::kPty);
  order.must_read_on = true;
  const ToolId tool = tools.start(order);
  CHECK(tools.await_end(tool) == -1);
}

TEST_CASE("a tool with other surroundings gets its terminal, too") {
  HostedTools tools;
  StartTool order = with(tools.order(kPerl), Buffering::kPty);
  order.surroundings.open_files_max = 64;
  const ToolId tool = tools.start(order);
  CHECK(tools.ask(tool, "one\n") == "ONE\n");
}

TEST_CASE("when a tool on a terminal is at rest all that it printed was told") {
  HostedTools tools;
  const ToolId tool =
      tools.start(with(tools.order({"perl", "-ne", "print 'x' x $_, \"\\n\""}), Buffering::kPty));
  for (std::size_t round = 0; round < 3000; ++round) {
    const std::size_t size = round % 10 == 0 ? 9973 : round % 100;
    const std::string answer = tools.ask(tool, std::to_string(size) + "\n");
    REQUIRE(tools.of(tool).looks.back() == Rest::kAtRest);
    REQUIRE(answer.size() == size + 1);
  }
}

}  // namespace leat::node
