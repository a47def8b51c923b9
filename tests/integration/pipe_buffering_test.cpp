// Tools that hold their answers back on a pipe, and the ways to connect their output all the same.

#include <algorithm>
#include <string>

#include <catch2/catch.hpp>

#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using Catch::Contains;
using tests::difference;
using tests::numbered_lines;
using tests::Outcome;
using tests::Scene;

}  // namespace

TEST_CASE("with the library or on a terminal a tool that buffers answers every record") {
  const char* const stage = GENERATE(
      "{name: tr, run: tr a-z A-Z, buffering: preload}",
      "{name: perl, run: [perl, -ne, print uc], buffering: pty, replicas: 2}",
      "{name: tr, run: [tr, a-z, A-Z], buffering: preload, output: {separator: 'D '}, input: "
      "{separator: 'd '}}");
  INFO(stage);
  const Scene scene;
  scene.set_pipeline(std::string("- ") + stage);
  const Outcome found = scene.run(numbered_lines(20'000, "record ") + "last");
  CHECK(found.errors == "");
  CHECK(found.code == 0);
  CHECK(difference(found.output, numbered_lines(20'000, "RECORD ") + "LAST") == "");
  CHECK(scene.sees_no_process());
}

TEST_CASE("with the library or on a terminal a filter that buffers can be one") {
  const char* const stage = GENERATE(
      "{name: grep, run: grep 7, mode: filter, buffering: preload}",
      "{name: perl, run: [perl, -ne, print if /7/], mode: filter, buffering: pty, in_flight: 1}");
  INFO(stage);
  const Scene scene;
  scene.set_pipeline(std::string("- ") + stage);
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string line = "record " + std::to_string(i) + "\n";
    if (line.find('7') != std::string::npos) expected += line;
  }
  const Outcome found = scene.run(numbered_lines(2000, "record "));
  CHECK(found.errors == "");
  CHECK(found.code == 0);
  CHECK(difference(found.output, expected) == "");
  CHECK(scene.sees_no_process());
}

TEST_CASE("as it stands a tool that buffers answers every record, and how is said once") {
  struct Row {
    std::string stage;
    std::string way;
  };

  const Row row =
      GENERATE(Row{"{name: tr, run: tr a-z A-Z, replicas: 2}", "preload"},
               Row{"{name: sed, run: [sed, 's/record/RECORD/;s/last/LAST/']}", "preload"},
               Row{"{name: perl, run: [perl, -ne, print uc]}", "pty"},
               Row{"{name: py, run: [python3, -c, 'import sys\n\nfor l in sys.stdin: "
                   "sys.stdout.write(l.upper())']}",
                   "pty"});
  INFO(row.stage);
  const Scene scene;
  scene.set_pipeline("- " + row.stage);
  const std::size_t count = GENERATE(1U, 10U, 20'000U);
  const Outcome found = scene.run(numbered_lines(count, "record ") + "last");
  CHECK(found.code == 0);
  CHECK(difference(found.output, numbered_lines(count, "RECORD ") + "LAST") == "");
  CHECK_THAT(found.errors, Contains("buffering: " + row.way));
  CHECK(std::count(found.errors.begin(), found.errors.end(), '\n') == (row.way == "pty" ? 2 : 1));
  CHECK(scene.sees_no_process());
}

TEST_CASE("as it stands a filter that buffers can be one") {
  const std::string stage = GENERATE("{name: grep, run: grep 7, mode: filter}",
                                     "{name: gawk, run: [gawk, /7/], mode: filter}");
  const Scene scene;
  scene.set_pipeline("- " + stage);
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string line = "record " + std::to_string(i) + "\n";
    if (line.find('7') != std::string::npos) expected += line;
  }
  const Outcome found = scene.run(numbered_lines(2000, "record "));
  CHECK(found.code == 0);
  CHECK(difference(found.output, expected) == "");
  CHECK_THAT(found.errors, Contains("buffering: preload"));
}

TEST_CASE("on a pipe a tool that buffers answers nothing, and that is said") {
  const Scene scene;
  scene.set_pipeline("- {name: tr, run: tr a-z A-Z, buffering: pipe}");
  const Outcome found = scene.run("one\ntwo\n");
  CHECK(found.code == 4);
  CHECK_THAT(found.errors, Contains("buffers its output"));
  CHECK(scene.sees_no_process());
}

}  // namespace leat::cli
