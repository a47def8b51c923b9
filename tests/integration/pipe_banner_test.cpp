// A banner that is kept (`prelude: {..., keep: true}`): `leat pipe` writes what the shell's pipe of
// the same tools writes, with the banner once, ahead of everything.

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using tests::difference;
using tests::numbered_lines;
using tests::Outcome;
using tests::Scene;

constexpr std::string_view kHeaded = "#!/bin/sh\necho name\necho ----\nexec \"$@\"\n";
constexpr std::string_view kKept = ", prelude: {records: 2, keep: true}";

}  // namespace

TEST_CASE("a banner that is kept comes first and once, as in the shell") {
  const Scene scene;
  scene.write("headed", kHeaded);
  std::string tool = "./headed cat";
  std::string stage;
  std::string behind;
  std::string shell_behind;
  SECTION("in mode each") {}
  SECTION("up to a line") {
    stage = ", prelude: {until: '^-', keep: true}";
  }
  SECTION("with replicas") {
    stage = ", replicas: 3";
  }
  SECTION("with processes that are renewed") {
    stage = ", max_records: 30";
  }
  SECTION("with another stage behind it") {
    behind = "\n- {name: upper, run: tr a-z A-Z, replicas: 2}";
    shell_behind = " | tr a-z A-Z";
  }
  SECTION("in mode filter") {
    tool = "./headed grep --line-buffered 7";
    stage = ", mode: filter";
  }
  SECTION("in mode filter, without an output") {
    tool = "./headed grep --line-buffered nothing";
    stage = ", mode: filter";
  }
  SECTION("in windows") {
    stage = ", mode: window, window: {records: 20}, replicas: 2";
  }
  SECTION("in a window of all") {
    tool = "./headed sort -r";
    stage = ", mode: window, window: all";
  }
  const std::string kept = stage.find("prelude") == std::string::npos ? std::string(kKept) : "";
  scene.set_pipeline("- {name: headed, run: " + tool + stage + kept + "}" + behind);
  const std::string input = numbered_lines(200, "record ");
  const Outcome expected = scene.shell(tool + shell_behind, input);
  const Outcome found = scene.run(input);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(expected.output, found.output) == "");
}

TEST_CASE("a banner that is kept is that of an unterminated record, too") {
  const Scene scene;
  scene.write("headed", kHeaded);
  scene.set_pipeline("- {name: headed, run: ./headed cat" + std::string(kKept) + "}");
  const Outcome found = scene.run("a");
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(found.output == "name\n----\na");
}

TEST_CASE("without a record there is no banner, but in a window of all") {
  const Scene scene;
  scene.write("headed", kHeaded);
  std::string stage;
  std::string expected;
  SECTION("mode each") {}
  SECTION("window: all") {
    stage = ", mode: window, window: all";
    expected = "name\n----\n";
  }
  scene.set_pipeline("- {name: headed, run: ./headed cat" + stage + std::string(kKept) + "}");
  const Outcome found = scene.run("");
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(found.output == expected);
}

TEST_CASE("a tool that dies of records gives its banner once all the same") {
  const Scene scene;
  scene.write("headed",
              "#!/bin/sh\necho name\nwhile read -r line; do\n"
              "  case \"$line\" in *5) exit 3;; esac\n  echo \"$line!\"\ndone\n");
  scene.set_pipeline(
      "- {name: headed, run: ./headed, replicas: 2, retry: {attempts: 1}, prelude: {records: 1, "
      "keep: true}}");
  const Outcome found = scene.run(numbered_lines(30, "r"));
  INFO(found.errors);
  CHECK(found.code == 1);
  std::string expected = "name\n";
  for (int i = 0; i < 30; ++i) {
    if (i % 10 != 5) expected += "r" + std::to_string(i) + "!\n";
  }
  CHECK(difference(expected, found.output) == "");
}

}  // namespace leat::cli
