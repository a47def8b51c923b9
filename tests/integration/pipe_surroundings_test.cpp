// What surrounds a tool: its record as an argument or in a file.

#include <csignal>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using Catch::Contains;
using tests::difference;
using tests::numbered_lines;
using tests::Outcome;
using tests::RunningTool;
using tests::Scene;

// Runs to a good end without dead letters.
std::string run_well(const Scene& scene, std::string_view input) {
  const Outcome found = scene.run(input);
  CHECK(found.errors == "");
  CHECK(found.code == 0);
  CHECK(scene.read("letters.jsonl") == "");
  CHECK(scene.sees_no_process());
  return found.output;
}

bool has_folder_of_records(const std::string& place) {
  for (const auto& entry : std::filesystem::directory_iterator(place)) {
    if (entry.path().filename().string().starts_with("leat-records-")) return true;
  }
  return false;
}

}  // namespace

// ---- The record as an argument.

TEST_CASE("a tool is started for each record, which is its argument, byte for byte") {
  const Scene scene;
  scene.set_pipeline("- {name: tool, mode: window, run: [printf, '<%s|%s>\\n', 'a={}', '{{}}']}");
  CHECK(run_well(scene, "one\n\n$(id) `id` ; \"' *\n\xff\xfe {}\nlast") ==
        "<a=one|{}>\n<a=|{}>\n<a=$(id) `id` ; \"' *|{}>\n<a=\xff\xfe {}|{}>\n<a=last|{}>\n");
}

TEST_CASE("a tool that takes an argument reads end-of-file at once") {
  const Scene scene;
  scene.set_pipeline("- {name: tool, mode: window, run: [sh, -c, 'wc -c; echo \"$1\"', sh, '{}']}");
  CHECK(run_well(scene, "a;b\n$PATH\n") == "0\na;b\n0\n$PATH\n");
}

TEST_CASE("replicas for arguments share the work and keep the order") {
  const Scene scene;
  scene.set_pipeline("- {name: tool, mode: window, replicas: 4, run: [echo, '{}']}");
  const std::string input = numbered_lines(300, "record ");
  CHECK(difference(run_well(scene, input), input) == "");
}

TEST_CASE("records that cannot be an argument are dead letters with the remedy") {
  const Scene scene;
  scene.set_pipeline(R"(
- {name: tool, mode: window, input: {separator: ";"}, output: lines, run: [printf, '%.3s\n', '{}']})");
  const std::string long_one(131'072, 'x');
  const Outcome found = scene.run("abc;a" + std::string(1, '\0') + "b;" + long_one + ";" +
                                  long_one.substr(1) + ";def;");
  CHECK(found.code == 1);
  CHECK(found.output == "abc\nxxx\ndef\n");
  const std::string letters = scene.read("letters.jsonl");
  CHECK_THAT(letters, Contains("it contains a zero byte; file: true gives it the path of a file"));
  CHECK_THAT(letters, Contains("the word would have 131072 bytes"));
  CHECK_THAT(letters, Contains("\"attempts\":0"));
}

TEST_CASE("arguments that are too long together are a dead letter in the system's words") {
  const Scene scene;
  std::string words;
  for (int i = 0; i < 64; ++i) {
    words += ", '{}'";
  }
  scene.set_pipeline("- {name: tool, mode: window, run: [sh, -c, 'echo ok'" + words + "]}");
  const Outcome found = scene.run("a\n" + std::string(131'071, 'x') + "\nb\n");
  CHECK(found.code == 1);
  CHECK(found.output == "ok\nok\n");
  CHECK_THAT(scene.read("letters.jsonl"),
             Contains("Argument list too long") && Contains("file: true"));
}

TEST_CASE("a tool for arguments that is not there is the stage's failure") {
  const Scene scene;
  scene.set_pipeline("- {name: tool, mode: window, run: [no-such-tool, '{}']}");
  const Outcome found = scene.run("a\nb\n");
  CHECK(found.code == 4);
  CHECK_THAT(found.errors, Contains("no-such-tool") && Contains("No such file or directory"));
  CHECK(scene.read("letters.jsonl") == "");
}

TEST_CASE("a record whose process fails is tried again and costs only itself") {
  const Scene scene;
  scene.set_pipeline(R"(
- name: tool
  mode: window
  retry: {attempts: 2, backoff: 1ms}
  run: [sh, -c, '[ "$1" != bad ] || { echo no >&2; exit 3; }; echo "$1"', sh, '{}'])");
  const Outcome found = scene.run("a\nbad\nb\n");
  CHECK(found.code == 1);
  CHECK(found.output == "a\nb\n");
  CHECK_THAT(scene.read("letters.jsonl"), Contains("\"attempts\":2") && Contains("status 3") &&
                                              Contains("\"stderr\":\"no\\n\""));
}

// ---- The record in a file.

TEST_CASE("a tool gets the path of a file that holds its record, and it is gone afterwards") {
  const Scene scene;
  scene.set_pipeline(R"(
- name: tool
  mode: window
  file: true
  input: {separator: ";"}
  output: lines
  run: [sh, -c, 'stat -c "%a %s" "$1"; od -An -c "$1" | head -n 1', sh, '{}'])",
                     "");
  const std::string big(300'000, 'x');
  RunningTool leat([&] {
    auto command = scene.command(Scene::pipe_command());
    command.environment.push_back("TMPDIR=" + scene.path(""));
    return command;
  }());
  const Outcome found = tests::finish(leat, "a" + std::string(1, '\0') + "\n;;" + big);
  CHECK(found.code == 0);
  CHECK(found.errors == "");
  CHECK(found.output ==
        "600 3\n   a  \\0  \\n\n600 0\n600 300000\n   x   x   x   x   x   x   x   x   x   x   x   x"
        "   x   x   x   x\n");
  CHECK(scene.sees_no_process());
  CHECK_FALSE(has_folder_of_records(scene.path("")));
}

TEST_CASE("the file of a record is gone when its node was killed") {
  const Scene scene;
  scene.set_pipeline(R"(
- name: tool
  mode: window
  file: true
  run: [sh, -c, 'echo "$1" > path; sync path; mv path found; exec sleep 1000', sh, '{}'])");
  auto command = scene.command(Scene::pipe_command());
  command.environment.push_back("TMPDIR=" + scene.path(""));
  RunningTool leat(command);
  REQUIRE(leat.feed("secret\n"));
  REQUIRE(scene.sees_file("found"));
  std::string path = scene.read("found");
  path.pop_back();
  CHECK(tests::read_whole(path) == "secret");
  REQUIRE(::kill(leat.pid(), SIGKILL) == 0);
  CHECK(tests::wait_until([&] { return !has_folder_of_records(scene.path("")); }));
  CHECK(scene.sees_no_process());
}

}  // namespace leat::cli
