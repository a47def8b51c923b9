// Tools that hold their answers back on a pipe, and the ways to connect their output all the same.

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

TEST_CASE("on a pipe a tool that buffers answers nothing, and that is said") {
  const Scene scene;
  scene.set_pipeline("- {name: tr, run: tr a-z A-Z, buffering: pipe}");
  const Outcome found = scene.run("one\ntwo\n");
  CHECK(found.code == 4);
  CHECK_THAT(found.errors, Contains("buffers its output"));
  CHECK(scene.sees_no_process());
}

}  // namespace leat::cli
