// `leat probe` with real tools: the stage that it prints is the one that fits, and through it
// `leat pipe` gives the bytes that the plain tool gives.

#include <csignal>
#include <filesystem>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using tests::difference;
using tests::numbered_lines;
using tests::Outcome;
using tests::RunningTool;
using tests::Scene;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string probe(const std::string& tool) {
  return R"("$LEAT" probe -- )" + tool + " < sample > found.yml";
}

// The keys of the stage behind `run`, each on a line; "" when there is none.
std::string stage_in(const Scene& scene) {
  const std::string text = scene.read("found.yml");
  const std::size_t run = text.find("    run:");
  return run == std::string::npos ? "" : text.substr(text.find('\n', run) + 1);
}

// Probes, checks that the file is well, and runs the sample through it and the tool itself.
void check_stage(const Scene& scene, const std::string& tool, const std::string& stage) {
  INFO(tool);
  const Outcome probed = scene.shell(probe(tool));
  INFO(probed.errors);
  CHECK(probed.code == 0);
  CHECK(stage_in(scene) == stage);
  CHECK(scene.shell(R"("$LEAT" lint found.yml)").code == 0);
  const Outcome found = scene.shell(R"("$LEAT" pipe found.yml < sample)");
  // Fed through a pipe, as in a stage; standard error is not looked at.
  const Outcome plain = scene.shell("cat sample | " + tool);
  CHECK(found.code == 0);
  CHECK(difference(found.output, plain.output) == "");
  CHECK(scene.sees_no_process());
}

// Of a tool that never ends.
io::SpawnOptions endless_probe(const Scene& scene) {
  scene.write("sample", "a\n", 0644);
  std::filesystem::create_directory(scene.path("tmp"));
  io::SpawnOptions options = scene.command(
      {"/bin/sh", "-c",
       R"(exec "$LEAT" probe -- sh -c 'touch started; exec tail -f /dev/null' < sample)"});
  options.environment.push_back("TMPDIR=" + scene.path("tmp"));
  return options;
}

constexpr const char* kEach = "    mode: each\n";
constexpr const char* kFilter = "    mode: filter\n";
constexpr const char* kAll = "    mode: window\n    window: all\n";

}  // namespace

TEST_CASE("the stage that is printed gives the plain tool's bytes: tools over lines") {
  const Scene scene;
  scene.write("sample", numbered_lines(300, ""), 0644);
  check_stage(scene, "cat", kEach);
  check_stage(scene, "cat -n", kEach);
  check_stage(scene, "sed -u -- s/1/one/", kEach);
  check_stage(scene, "sed -u 'p;p'", "    mode: each\n    output: {lines: 3}\n");
  check_stage(scene, "bc", kEach);
  check_stage(scene, "stdbuf -oL tr 0-4 5-9", kEach);
  check_stage(scene, "gawk '{ print $1 * 2; fflush() }'", kEach);
  check_stage(scene, "mawk -W interactive '{ print $1 * 2 }'", kEach);
  check_stage(scene, "grep --line-buffered 7", kFilter);
  check_stage(scene, "sort", kAll);
  check_stage(scene, "wc", kAll);
  check_stage(scene, "head -n 7", kAll);
}

TEST_CASE("the stage that is printed gives the plain tool's bytes: tools over JSON") {
  const Scene scene;
  scene.write("sample", "{\"a\": 1}\n{\"a\": [2, 3]}\n{\"a\": null}\n", 0644);
  check_stage(scene, "jq --unbuffered -c .a", kEach);
  check_stage(scene, "jq --unbuffered .", "    mode: each\n    output: json\n");
  check_stage(scene, "jq --unbuffered -c 'select(.a)'", kFilter);
  check_stage(scene, "jq -c -s .", kAll);
  check_stage(scene, "jq --unbuffered -c '[.a]'", kEach);
}

TEST_CASE("a tool that answers each record with its own flag alone gets that flag") {
  const Scene scene;
  scene.write("sample", numbered_lines(300, ""), 0644);
  check_stage(scene, "mawk '{ print $1 * 2 }'", kEach);
  CHECK(has(scene.read("found.yml"), "run: [mawk, -W, interactive, '{ print $1 * 2 }']"));
}

TEST_CASE("a tool that buffers as most do answers each record all the same") {
  const Scene scene;
  scene.write("sample", numbered_lines(300, ""), 0644);
  const std::string each = "    mode: each\n    buffering: preload\n";
  check_stage(scene, "tr 0-4 5-9", each);
  check_stage(scene, "gawk '{ print $1 * 2 }'", each);
  check_stage(scene, "sed s/1/one/", each);
  check_stage(scene, "grep 7", "    mode: filter\n    buffering: preload\n");
  check_stage(scene, "perl -ne 'print 2 * $_, \"\\n\"'", "    mode: each\n    buffering: pty\n");
}

TEST_CASE("answers of several lines are found by how they end") {
  const Scene scene;
  scene.write("sample", "a b\nc\n\nd e f\n", 0644);
  const std::string words = "for word in $line; do echo \"$word\"; done; echo ";
  scene.write("blank.sh", "while read -r line; do " + words + "; done");
  check_stage(scene, "sh blank.sh", "    mode: each\n    output: blank-line\n");
  scene.write("eos.sh", "while read -r line; do " + words + "EOS; done");
  check_stage(scene, "sh eos.sh", "    mode: each\n    output: {until: '^EOS$'}\n");
}

TEST_CASE("records that end with a zero byte, and groups of lines, are found") {
  const Scene scene;
  scene.write("sample", std::string_view("a\0b c\0d\n\0", 8), 0644);
  check_stage(
      scene, "cat",
      "    mode: each\n    input: {separator: \"\\0\"}\n    output: {separator: \"\\0\"}\n");
  scene.write("sample", "@r\nACGT\n+\n!!!!\n@s\nGGT\n+\n!!!\n", 0644);
  scene.write("names.sh",
              "while read -r name; do read -r a; read -r b; read -r c; echo $name; done");
  check_stage(scene, "sh names.sh", "    mode: each\n    input: {lines: 4}\n");
}

TEST_CASE("a banner is told apart from answers, and dropped") {
  const Scene scene;
  scene.write("sample", "a b\nc\n", 0644);
  scene.write("spell.sh",
              "echo '@(#) Ispell'; while read -r line; do for w in $line; do echo \"* $w\"; done; "
              "echo; done");
  CHECK(scene.shell(probe("sh spell.sh")).code == 0);
  CHECK(stage_in(scene) == "    mode: each\n    prelude: {until: '^@'}\n    output: blank-line\n");
  CHECK(scene.shell(R"("$LEAT" pipe found.yml < sample)").output == "* a\n* b\n\n* c\n\n");
  CHECK(has(scene.read("found.yml"), "# Its banner of 12 B is dropped."));
}

TEST_CASE("each record as an argument of its own process") {
  const Scene scene;
  scene.write("sample", "a b\n$(rm sample)\n", 0644);
  CHECK(scene.shell(probe("echo 'x {} y'")).code == 0);
  CHECK(stage_in(scene) == "    mode: window\n");
  CHECK(scene.shell(R"("$LEAT" pipe found.yml < sample)").output == "x a b y\nx $(rm sample) y\n");
}

TEST_CASE("records are never given to a shell to read") {
  const Scene scene;
  scene.write("sample", "$(touch was-read)\n", 0644);
  const Outcome probed = scene.shell(probe("sh -c 'echo {}'"));
  CHECK(probed.code == 2);
  CHECK(has(probed.errors, "found '{}' in a script"));
  CHECK_FALSE(std::filesystem::exists(scene.path("was-read")));
}

TEST_CASE("a tool is found, and finds its files, from where it is probed") {
  const Scene scene;
  scene.write("sample", "a\nb\n", 0644);
  scene.write("prefix", "> ", 0644);
  scene.write("tool", "#!/bin/sh\nwhile read -r line; do echo \"$(cat prefix)$line\"; done\n");
  check_stage(scene, "./tool", kEach);
}

TEST_CASE("the framings that are told are taken") {
  const Scene scene;
  scene.write("sample", "a b,c,", 0644);
  CHECK(scene
            .shell("\"$LEAT\" probe --input '{separator: \",\"}' --output '{separator: \",\"}' "
                   "-- cat < sample > found.yml")
            .code == 0);
  CHECK(stage_in(scene) ==
        "    mode: each\n    input: {separator: \",\"}\n    output: {separator: \",\"}\n");
  const Outcome refused = scene.shell(R"("$LEAT" probe --input words -- cat < sample)");
  CHECK(refused.code == 2);
  CHECK(has(refused.errors, "--input: found 'words', expected"));
}

TEST_CASE("a tool that cannot work is told with its words") {
  const Scene scene;
  scene.write("sample", "a\n", 0644);
  scene.write("no-locale.sh", "echo 'no locale' >&2; exit 3");
  const Outcome exits = scene.shell(probe("sh no-locale.sh"));
  CHECK(exits.code == 4);
  CHECK(has(exits.errors, "exited with status 3; its last words: no locale"));
  CHECK(scene.read("found.yml").empty());
  const Outcome missing = scene.shell(probe("there-is-no-such-tool"));
  CHECK(missing.code == 4);
  CHECK(has(missing.errors, "cannot start 'there-is-no-such-tool': No such file or directory"));
  const Outcome silent = scene.shell(probe("sh -c 'cat > /dev/null'"));
  CHECK(silent.code == 4);
  CHECK(has(silent.errors, "printed no answer to 1 record"));
}

TEST_CASE("a tool that never ends is given up after the timeout, and killed") {
  const Scene scene;
  scene.write("sample", "a\n", 0644);
  const Outcome late =
      scene.shell(R"("$LEAT" probe --timeout 200ms -- tail -f /dev/null < sample)");
  CHECK(late.code == 124);
  CHECK(has(late.errors, "had not ended after 200 ms"));
  CHECK(scene.sees_no_process());
}

TEST_CASE("a tool that prints without end is told so, and killed") {
  const Scene scene;
  scene.write("sample", "a\n", 0644);
  const Outcome endless = scene.shell(probe("yes"));
  CHECK(endless.code == 4);
  CHECK(has(endless.errors, "`yes` prints without end"));
}

TEST_CASE("without a sample nothing is run, and it is told what to do") {
  const Scene scene;
  const Outcome empty = scene.shell(R"("$LEAT" probe -- touch was-run < /dev/null)");
  CHECK(empty.code == 2);
  CHECK(empty.errors ==
        "leat: the sample is empty: give the command behind --, and a few records: `leat probe -- "
        "TOOL ARGS < sample`\n");
  CHECK_FALSE(std::filesystem::exists(scene.path("was-run")));
  const Outcome no_tool = scene.shell(R"("$LEAT" probe < /dev/null)");
  CHECK(no_tool.code == 2);
  CHECK(has(no_tool.errors, "leat: there is no tool: "));
}

TEST_CASE("a large sample is cut at a record's end") {
  const Scene scene;
  scene.write("sample", numbered_lines(5000, "line "), 0644);
  const Outcome probed = scene.shell(probe("cat"));
  CHECK(probed.code == 0);
  CHECK(has(probed.errors, "with 1,000 records (8.9 kB), the first of the sample"));
}

TEST_CASE("an interrupted probe leaves no process and no file behind") {
  const Scene scene;
  RunningTool running(endless_probe(scene));
  REQUIRE(scene.sees_file("started"));
  ::kill(running.pid(), SIGINT);
  CHECK(tests::finish(running).code == 130);
  CHECK(scene.sees_no_process());
  CHECK(std::filesystem::is_empty(scene.path("tmp")));
}

TEST_CASE("a probe that is killed leaves no process and no file behind") {
  const Scene scene;
  RunningTool running(endless_probe(scene));
  REQUIRE(scene.sees_file("started"));
  ::kill(running.pid(), SIGKILL);
  CHECK(tests::finish(running).code == 128 + SIGKILL);
  CHECK(scene.sees_no_process());
  CHECK(tests::wait_until([&scene] { return std::filesystem::is_empty(scene.path("tmp")); }));
}

}  // namespace leat::cli
