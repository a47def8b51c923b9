// `leat pipe --stderr`: what the tools say on standard error about a session's own records.

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using Catch::Contains;
using tests::difference;
using tests::numbered_lines;
using tests::Outcome;
using tests::Scene;

// Says a word on each line, ahead of its answer; and some when it starts.
constexpr std::string_view kTalks =
    "#!/bin/sh\necho loading >&2\nwhile read -r line; do\n"
    "  echo \"$1: $line\" >&2\n  echo \"$line\"\ndone\n";

std::string words_on(const std::string& input, const std::string& word) {
  std::string words;
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t end = input.find('\n', at) + 1;
    words += word + ": " + input.substr(at, end - at);
    at = end;
  }
  return words;
}

std::string piped(const std::string& file) {
  return "\"$LEAT\" pipe --stderr " + file + " spec.yml";
}

}  // namespace

TEST_CASE("what a tool says on its records comes to a file, byte for byte") {
  const Scene scene;
  scene.write("talks", kTalks);
  std::string expected;
  const std::string input = numbered_lines(100, "record ");
  SECTION("in mode each") {
    scene.set_pipeline("- {name: a, run: ./talks a}");
    expected = words_on(input, "a");
  }
  SECTION("in mode filter") {
    scene.set_pipeline("- {name: a, run: ./talks a, mode: filter}");
    expected = words_on(input, "a");
  }
  SECTION("in one window, with what it says when it starts") {
    scene.set_pipeline("- {name: a, run: ./talks a, mode: window, window: all}");
    expected = "loading\n" + words_on(input, "a");
  }
  scene.write("words", "of an earlier run");
  const Outcome found = scene.shell(piped("words"), input);
  CHECK(found.errors == "");
  CHECK(found.code == 0);
  CHECK(difference(input, found.output) == "");
  CHECK(difference(expected, scene.read("words")) == "");
}

TEST_CASE("it comes to our own standard error where that is wanted, and nowhere else") {
  const Scene scene;
  scene.write("talks", kTalks);
  scene.set_pipeline("- {name: a, run: ./talks a}");
  CHECK(scene.shell(piped("-"), "1\n2\n").errors == "a: 1\na: 2\n");
  CHECK(scene.shell("\"$LEAT\" pipe spec.yml", "1\n2\n").errors == "");
}

TEST_CASE("each stage's words come, those of a record that failed, too") {
  const Scene scene;
  scene.write("talks", kTalks);
  scene.write("fails",
              "#!/bin/sh\nwhile read -r line; do\n  echo \"b: $line\" >&2\n"
              "  [ \"$line\" != 2 ] || exit 3\n  echo \"$line\"\ndone\n");
  scene.set_pipeline(
      "- {name: a, run: ./talks a, in_flight: 1}\n- {name: b, run: ./fails, in_flight: 1}");
  const Outcome found = scene.shell(piped("words"), "1\n2\n3\n");
  CHECK(found.code == 1);
  CHECK(found.output == "1\n3\n");
  const std::string words = scene.read("words");
  for (const char* const line : {"a: 1\n", "a: 2\n", "a: 3\n", "b: 1\n", "b: 2\n", "b: 3\n"}) {
    INFO(line);
    const std::size_t at = words.find(line);
    REQUIRE(at != std::string::npos);
    // Of the three attempts at the second record, one.
    CHECK(words.find(line, at + 1) == std::string::npos);
  }
}

TEST_CASE("a tool that says too much is cut short, and that is said") {
  const Scene scene;
  scene.write("shouts",
              "#!/bin/sh\nwhile read -r line; do\n"
              "  head -c 200000 /dev/zero | tr '\\0' x >&2\n  echo \"$line\"\ndone\n");
  scene.set_pipeline("- {name: a, run: ./shouts, in_flight: 1}");
  const Outcome found = scene.shell(piped("words"), "1\n");
  CHECK(found.code == 0);
  CHECK(found.output == "1\n");
  CHECK(scene.read("words") == std::string(std::size_t{64} << 10, 'x'));
  CHECK_THAT(found.errors, Contains("134,464 bytes of what the tools said on standard error were "
                                    "too much to be kept"));
}

TEST_CASE("a file that cannot be written is told at once") {
  const Scene scene;
  scene.set_pipeline("- {name: a, run: cat}");
  const Outcome found = scene.shell(piped("nowhere/words"), "1\n");
  CHECK(found.code == 2);
  CHECK_THAT(found.errors, Contains("cannot write words of the tools to nowhere/words: "));
}

TEST_CASE("what tools say and what failed cannot go into one file") {
  Scene scene;
  scene.set_pipeline("- {name: tool, run: cat}");
  const Outcome outcome =
      scene.shell("\"$LEAT\" pipe --stderr both --dead-letters ./both spec.yml", "a\n");
  CHECK(outcome.code == 2);
  CHECK_THAT(outcome.errors, Contains("both name both: give each a file of its own"));
}

}  // namespace leat::cli
