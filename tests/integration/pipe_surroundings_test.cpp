// What surrounds a tool: its record as an argument or in a file, its user, niceness and limits.

#include <csignal>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>
#include <unistd.h>

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

bool is_root() {
  if (::geteuid() == 0) return true;
  WARN("skipped: only root can change the user");
  return false;
}

// Of a run with one record that fails.
std::string letter_of(const Scene& scene, std::string_view input) {
  const Outcome found = scene.run(input);
  INFO(found.errors);
  CHECK(found.code == 1);
  CHECK(scene.sees_no_process());
  return scene.read("letters.jsonl");
}

// Of a run that a stage's failure ends.
std::string failure_of(const Scene& scene, std::string_view input) {
  const Outcome found = scene.run(input);
  CHECK(found.code == 4);
  CHECK(scene.read("letters.jsonl") == "");
  CHECK(scene.sees_no_process());
  return found.errors;
}

bool has_folder_of_records(const std::string& place) {
  for (const auto& entry : std::filesystem::directory_iterator(place)) {
    if (entry.path().filename().string().starts_with("leat-records-")) return true;
  }
  return false;
}

}  // namespace

// ---- The record as an argument.

TEST_CASE("a banner is dropped, in mode each and in each window") {
  const Scene scene;
  const std::string run = "run: \"echo Welcome; echo Ready.; exec cat\", shell: true";
  const char* const prelude = GENERATE("{records: 2}", "{until: '^Ready'}");
  SECTION("each") {
    scene.set_pipeline("- {name: cat, " + run + ", prelude: " + prelude + "}");
  }
  SECTION("window") {
    scene.set_pipeline("- {name: cat, " + run + ", prelude: " + prelude +
                       ", mode: window, window: {records: 3}}");
  }
  const std::string input = tests::numbered_lines(10, "record ");
  const Outcome found = scene.run(input);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(found.output == input);
}

TEST_CASE("a tool without the prelude that was told of stops the pipeline, and says so") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat, prelude: {records: 1}}");
  const Outcome found = scene.run("record\n");
  CHECK(found.code == 4);
  CHECK_THAT(found.errors,
             Contains("`cat` has not printed its prelude (1 record) and waits for input"));
}

TEST_CASE("a folder that is told is where tools are, and run, instead of the file's") {
  const Scene scene;
  std::filesystem::create_directory(scene.path("there"));
  scene.write("there/tool", "#!/bin/sh\nwhile read -r line; do echo \"$line $(cat word)\"; done\n");
  scene.write("there/word", "there", 0644);
  scene.set_pipeline("- {name: tool, run: ./tool}");
  const Outcome found = scene.shell(R"("$LEAT" pipe --directory there spec.yml)", "a\n");
  CHECK(found.errors == "");
  CHECK(found.output == "a there\n");
  const Outcome refused = scene.shell(R"("$LEAT" pipe --directory there deployed)", "a\n");
  CHECK(refused.code == 2);
  CHECK_THAT(refused.errors, Contains("--directory is for a pipeline's file"));
}

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

// ---- Niceness, user and limits.

TEST_CASE("a kept tool with limits and a niceness gives its bytes, and has them") {
  const Scene scene;
  scene.set_pipeline(R"(
- {name: first, run: cat, nice: 3, tool_limits: {memory: 1GiB, open_files: 40, cpu: 100s, output: 1MiB}}
- name: tool
  mode: window
  window: all
  shell: true
  run: wc -l; nice; ulimit -v; ulimit -n; ulimit -t; ulimit -Ht
  nice: 19
  tool_limits: {memory: 64MiB, open_files: 40, cpu: 1500ms})");
  CHECK(run_well(scene, numbered_lines(100'000, "")) == "100000\n19\n65536\n40\n2\n3\n");
}

TEST_CASE("a tool runs as the user of its stage, in each mode") {
  if (!is_root()) return;
  const Scene scene;
  scene.set_pipeline(R"(
- name: kept
  user: nobody
  run: [sh, -c, 'while read -r line; do echo "$line $(id -un) $HOME $USER"; done']
- name: tool
  user: nobody
  mode: window
  file: true
  env: {HOME: /own}
  run: [sh, -c, 'cat "$1"; echo " $(id -un) $HOME"; stat -c "%U %a" "$1"', sh, '{}'])");
  CHECK(run_well(scene, "a\nb\n") ==
        "a nobody /nonexistent nobody nobody /own\nnobody 600\n"
        "b nobody /nonexistent nobody nobody /own\nnobody 600\n");
}

TEST_CASE("a user that there is not is the stage's failure") {
  const Scene scene;
  scene.set_pipeline("- {name: tool, run: cat, user: no-such-user}");
  CHECK_THAT(failure_of(scene, "a\n"),
             Contains("cannot start 'cat': there is no user 'no-such-user' here"));
}

TEST_CASE("a user that the node may not change to is the stage's failure, with the remedy") {
  if (!is_root()) return;
  const Scene scene;
  scene.set_pipeline("- {name: tool, run: cat, user: daemon}");
  // By a copy, for where the tests run nobody else need have a way to the programs.
  const Outcome found = scene.shell(
      "mkdir bin && cp \"$LEAT\" \"$(dirname \"$LEAT\")\"/leat-* bin && chmod 755 . &&"
      " echo a | setpriv --reuid 65534 --regid 65534 --clear-groups bin/leat pipe spec.yml");
  INFO(found.errors);
  CHECK(found.code == 4);
  CHECK_THAT(found.errors,
             Contains("it cannot run as the user 'daemon': Operation not permitted") &&
                 Contains("must run as root"));
}

TEST_CASE("a program that is not there is told so though its stage has limits") {
  const Scene scene;
  scene.set_pipeline("- {name: tool, run: /no/such, tool_limits: {open_files: 50}}");
  CHECK_THAT(failure_of(scene, "a\n"),
             Contains("cannot start '/no/such': No such file or directory"));
}

TEST_CASE("a record that takes a tool beyond its processor time costs only itself") {
  const Scene scene;
  scene.set_pipeline(R"(
- name: tool
  mode: window
  retry: {attempts: 1}
  nice: -20
  tool_limits: {cpu: 1s}
  run: [sh, -c, 'echo "$1"; [ "$1" != bad ] || while :; do :; done', sh, '{}'])");
  CHECK_THAT(letter_of(scene, "a\nbad\nb\n"),
             Contains("was ended by signal 24 (SIGXCPU): it had used up tool_limits.cpu (1s)"));
}

TEST_CASE("a tool that gets no memory is told with its limit") {
  const Scene scene;
  scene.set_pipeline(R"(
- name: tool
  mode: window
  retry: {attempts: 1}
  tool_limits: {memory: 64MiB}
  run: [python3, -c, 'import sys; print(len(b"x" * int(sys.argv[1])))', '{}'])");
  CHECK_THAT(letter_of(scene, "1000\n1000000000\n5\n"),
             Contains("exited with status 1; perhaps for tool_limits.memory (64MiB)") &&
                 Contains("MemoryError"));
}

TEST_CASE("a kept tool that gets too little memory to start is the stage's failure") {
  const Scene scene;
  scene.set_pipeline("- {name: tool, run: cat, tool_limits: {memory: 1MiB}}");
  CHECK_THAT(failure_of(scene, "a\n"),
             Contains("3 times in a row; perhaps for tool_limits.memory (1MiB)"));
}

TEST_CASE("an answer beyond the tool's output fails its record as oversize") {
  const Scene scene;
  scene.set_pipeline(R"(
- {name: tool, run: cat, retry: {attempts: 1}, tool_limits: {output: 1000}})");
  const std::string long_one(1001, 'x');
  const std::string fits(1000, 'y');
  const Outcome found = scene.run("a\n" + long_one + "\n" + fits + "\n");
  CHECK(found.code == 1);
  CHECK(found.output == "a\n" + fits + "\n");
  CHECK_THAT(scene.read("letters.jsonl"),
             Contains("\"kind\":\"oversize\"") &&
                 Contains("a record of more than tool_limits.output (1000)"));
}

TEST_CASE("a window beyond the tool's output fails as oversize") {
  const Scene scene;
  scene.set_pipeline(R"(
- name: tool
  mode: window
  retry: {attempts: 1}
  tool_limits: {output: 1kB}
  run: [seq, '{}'])");
  const std::string letters = letter_of(scene, "3\n1000000\n");
  CHECK_THAT(letters, Contains("\"kind\":\"oversize\"") &&
                          Contains("more for one window than tool_limits.output (1000)"));
}

}  // namespace leat::cli
