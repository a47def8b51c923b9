// A tool that cannot work is the stage's failure, not the records': the pipeline stops within
// seconds, says what is wrong and what would help, and charges no record.

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;
using Catch::Contains;
using tests::finish;
using tests::numbered_lines;
using tests::Outcome;
using tests::RunningTool;
using tests::Scene;

const std::string kStage = "'tool'";

Outcome fail_with(const Scene& scene, std::string_view stages, std::string_view input) {
  scene.set_pipeline(stages);
  Outcome found = scene.run(input);
  INFO(found.errors);
  CHECK(found.code == 4);
  CHECK(found.elapsed < 10s);
  CHECK(scene.read("letters.jsonl").substr(0, 200) == "");
  CHECK(scene.sees_no_process());
  CHECK_THAT(found.errors, Contains(kStage));
  return found;
}

std::string thousand() {
  return numbered_lines(1000, "record ");
}

}  // namespace

TEST_CASE("a tool that buffers whatever its output is connected to is found out, with the remedy") {
  const Scene scene;
  const std::string stages = "- {name: tool, run: mawk 1}";
  std::string input;
  SECTION("when one record comes") {
    input = "one\n";
  }
  SECTION("when some come") {
    input = numbered_lines(10, "record ");
  }
  SECTION("when many come") {
    input = thousand();
  }
  SECTION("when more come than it buffers") {
    input = numbered_lines(100'000, "record ");
  }
  const Outcome found = fail_with(scene, stages, input);
  CHECK_THAT(found.errors, Contains("buffers its output") && Contains("-W interactive"));
  CHECK(found.output == "");
}

TEST_CASE("a tool in the middle of a chain that buffers its output is found out") {
  const Scene scene;
  const Outcome found = fail_with(scene, R"(
- {name: before, run: cat}
- {name: tool, run: cut -c 1-3, buffering: pipe}
- {name: after, run: cat})",
                                  thousand());
  CHECK_THAT(found.errors, Contains("buffers its output"));
}

TEST_CASE("a tool that stops reading before the end is the stage's failure") {
  const Scene scene;
  SECTION("at once, with success") {
    const Outcome found = fail_with(scene, "- {name: tool, run: 'true'}", thousand());
    CHECK_THAT(found.errors, Contains("exited with status 0") && Contains("mode: window"));
  }
  SECTION("after five answers") {
    const Outcome found = fail_with(scene, "- {name: tool, run: stdbuf -oL head -5}", thousand());
    CHECK_THAT(found.errors, Contains("exited with status 0"));
  }
  SECTION("and prints all that it has then") {
    const Outcome found = fail_with(scene, "- {name: tool, run: head -5}", thousand());
    CHECK_THAT(found.errors, Contains("mode: window"));
  }
}

TEST_CASE("a tool that cannot be started is told with its path and the system's words") {
  const Scene scene;
  scene.write("plain", "#!/bin/sh\ncat\n", 0644);
  scene.write("lost", "#!/missing/interpreter\n");
  scene.write("text", "no program at all\n");
  const auto [run, path, words] = GENERATE(table<std::string, std::string, std::string>({
      {"no-such-tool-at-all", "no-such-tool-at-all", "No such file or directory"},
      {"./missing", "/missing'", "No such file or directory"},
      {"/etc", "'/etc'", "Is a directory"},
      {"./plain", "/plain'", "Permission denied"},
      {"./lost", "/missing/interpreter", "No such file or directory"},
      {"./text", "/text'", "Exec format error"},
  }));
  SECTION("mode each: " + run) {
    const Outcome found = fail_with(scene, "- {name: tool, run: " + run + "}", thousand());
    CHECK_THAT(found.errors, Contains(path) && Contains(words));
  }
  SECTION("mode window: " + run) {
    const Outcome found =
        fail_with(scene, "- {name: tool, run: " + run + ", mode: window, window: all}", thousand());
    CHECK_THAT(found.errors, Contains(path) && Contains(words));
  }
}

TEST_CASE("a tool that cannot be started is told without a record, too") {
  const Scene scene;
  const Outcome found = fail_with(scene, "- {name: tool, run: no-such-tool-at-all}", "");
  CHECK_THAT(found.errors, Contains("No such file or directory"));
}

TEST_CASE("a tool that dies at its start is told with its status and what it complained of") {
  const Scene scene;
  const std::string mode = GENERATE(std::string(""), std::string(", replicas: 3"));
  SECTION("a flag that it does not know" + mode) {
    const Outcome found =
        fail_with(scene, "- {name: tool, run: cat --no-such-flag" + mode + "}", thousand());
    CHECK_THAT(found.errors, Contains("exited with status 1"));
    CHECK_THAT(found.errors, Contains("unrecognized option '--no-such-flag'"));
  }
  SECTION("a signal" + mode) {
    const Outcome found = fail_with(
        scene, "- {name: tool, shell: true, run: 'echo oops >&2; kill -SEGV $$'" + mode + "}",
        thousand());
    CHECK_THAT(found.errors, Contains("SIGSEGV") && Contains("oops"));
  }
}

TEST_CASE("a tool of mode window that dies at its start is told before its window is there") {
  const Scene scene;
  scene.set_pipeline("- {name: tool, run: cat --no-such-flag, mode: window, window: all}");
  RunningTool leat(scene.command(Scene::pipe_command()));
  // Its input stays open.
  REQUIRE(tests::wait_for(leat.child().pidfd.get(), POLLIN));
  const Outcome found = finish(leat);
  CHECK(found.code == 4);
  CHECK_THAT(found.errors, Contains("unrecognized option '--no-such-flag'"));
}

TEST_CASE("a tool of mode window that dies without having read is the stage's failure") {
  const Scene scene;
  const Outcome found = fail_with(
      scene, "- {name: tool, run: cat --no-such-flag, mode: window, window: all}", thousand());
  CHECK_THAT(found.errors, Contains("unrecognized option '--no-such-flag'"));
}

TEST_CASE("a tool that prints a banner is the stage's failure, and the banner answers no record") {
  const Scene scene;
  const Outcome found = fail_with(scene, R"(
- name: tool
  run: echo welcome; exec cat
  shell: true
  retry: {attempts: 3, backoff: 1ms})",
                                  thousand());
  CHECK(found.output == "");
  CHECK_THAT(found.errors, Contains("mode: window"));
}

TEST_CASE("when every record fails it is the stage that fails, and no record is charged") {
  const Scene scene;
  scene.write("fail.pl", "while (<STDIN>) { print STDERR \"no model\\n\"; exit 3; }\n");
  const Outcome found =
      fail_with(scene, "- {name: tool, run: perl fail.pl, retry: {attempts: 3, backoff: 1ms}}",
                numbered_lines(25, "record "));
  CHECK(found.output == "");
  CHECK_THAT(found.errors, Contains("20 different records in a row") && Contains("status 3"));
  CHECK_THAT(found.errors, Contains("no model"));
}

TEST_CASE("when every window fails it is the stage that fails, and no record is charged") {
  const Scene scene;
  const Outcome found = fail_with(scene, R"(
- name: tool
  run: cat; echo no model >&2; exit 3
  shell: true
  mode: window
  window: {records: 1}
  retry: {attempts: 1})",
                                  numbered_lines(25, "record "));
  CHECK(found.output == "");
  CHECK_THAT(found.errors, Contains("status 3") && Contains("no model"));
}

TEST_CASE("nineteen bad records in a row are dead letters, for the twentieth is well") {
  const Scene scene;
  scene.write("some.pl", "$| = 1; while (<STDIN>) { exit 3 if /bomb/; print; }\n");
  scene.set_pipeline("- {name: tool, run: perl some.pl, retry: {attempts: 2, backoff: 1ms}}");
  std::string input;
  for (int i = 0; i < 19; ++i) {
    input += "bomb\n";
  }
  const Outcome found = scene.run(input + "well\n" + input + "well\n");
  INFO(found.errors);
  CHECK(found.code == 1);
  CHECK(found.output == "well\nwell\n");
  CHECK_THAT(found.errors, Contains("38 records failed"));
}

TEST_CASE("a spec that cannot be used is told before anything is started") {
  const Scene scene;
  scene.write("empty.yml", "");
  scene.write("binary.yml", std::string("\0\x01\xff\xfe", 4));
  scene.write("other.yml", "version: 2\npipeline: a\nstages: [{name: a, run: touch started}]\n");
  scene.write("unknown.yml", "pipeline: a\nstages:\n- {name: a, run: touch started, replica: 2}\n");
  scene.write(
      "small.yml",
      "pipeline: a\nlimits: {queue_bytes: 1MiB}\nstages: [{name: a, run: touch started}]\n");
  const auto [spec, words] = GENERATE(table<std::string, std::string>({
      {"missing.yml", "No such file or directory"},
      {".", "directory"},
      {"empty.yml", "empty"},
      {"binary.yml", "binary.yml:1:1"},
      {"other.yml", "version"},
      {"unknown.yml", "unknown.yml:3:33: found the unknown key 'replica'"},
      {"small.yml", "queue_bytes"},
  }));
  const std::string subcommand = GENERATE(std::string("pipe"), std::string("lint"));
  const Outcome found = scene.shell("\"$LEAT\" " + subcommand + " " + spec, "record\n");
  INFO(spec << " said: " << found.errors);
  CHECK(found.code == 2);
  CHECK(found.output == "");
  CHECK_THAT(found.errors, Contains(spec) && Contains(words));
  CHECK(std::count(found.errors.begin(), found.errors.end(), '\n') == 1);
  CHECK(scene.read("started") == "");
}

TEST_CASE("words that are no command are told, with a code of their own") {
  const Scene scene;
  const std::string words =
      GENERATE(std::string(""), std::string("pipe"), std::string("pope a.yml"),
               std::string("pipe --no-such-flag a.yml"));
  const Outcome found = scene.shell("\"$LEAT\" " + words);
  INFO(words);
  CHECK(found.code == 2);
  CHECK(found.errors != "");
}

}  // namespace leat::cli
