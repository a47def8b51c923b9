// The line in a dead letter that repeats by hand what failed: a shell that runs it sees the tool
// fail in the same way, with the same words, as it was given the same bytes.

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/dead_letters.h"
#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using Catch::Contains;
using nlohmann::json;
using tests::letters_in;
using tests::Outcome;
using tests::Scene;

// Runs the pipeline, and then its first letter's line with the letter on standard input.
struct Repeated {
  json letter;
  std::string line;
  Outcome again;

  Repeated(const Scene& scene, std::string_view stages, std::string_view input) {
    scene.set_pipeline(stages);
    const Outcome outcome = scene.run(input);
    INFO(outcome.errors);
    REQUIRE(outcome.code == 1);
    letter = letters_in(scene).at(0);
    INFO(letter.dump(2));
    REQUIRE(letter.contains("repeat"));
    line = letter["repeat"];
    again = scene.shell(line, letter.dump());
    CHECK(letter["status"] == again.code);
    CHECK(letter["stderr"] == again.errors);
    CHECK(again.output.empty());
  }
};

// Tells every byte that it was given, as words on standard error, and fails.
constexpr std::string_view kTeller =
    "- {name: tool, mode: window, window: {records: 1}, retry: {attempts: 1}, "
    "run: [sh, -c, 'od -An -v -tx1 >&2; exit 7']";

std::string all_bytes() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
  }
  return bytes;
}

std::string netstring(const std::string& record) {
  return std::to_string(record.size()) + ":" + record + ",";
}

}  // namespace

TEST_CASE("the line of a dead letter repeats the failure, whatever the record and the command") {
  const Scene scene;
  scene.write("tool.pl",
              "$| = 1; while (<STDIN>) { if (/bomb/) { print STDERR \"$ENV{WORD}|$ARGV[0]|$_\"; "
              "exit 3; } print; }");
  const Repeated repeated(scene,
                          "- {name: tool, run: \"perl ./tool.pl 'it''s a *'\", "
                          "env: {WORD: \"two 'words'\"}, retry: {attempts: 2, backoff: 1ms}}",
                          "one\n-n 50% of 'bombs'\\n \\t\t$HOME `id` \"\xc3\xa9\"\nthree\n");
  CHECK_THAT(repeated.again.errors, Contains("two 'words'|its a *|-n 50% of 'bombs'\\n \\t\t$H"));
  CHECK_THAT(repeated.line, Contains("\xc3\xa9") && Contains("LEAT_STAGE=tool"));
}

TEST_CASE("a record without final newline is repeated without") {
  const Scene scene;
  const Repeated repeated(scene, std::string(kTeller) + "}", "last");
  CHECK(repeated.again.errors == " 6c 61 73 74\n");
}

TEST_CASE("a record of any bytes is repeated in the framing of the tool") {
  const Scene scene;
  const std::string input = netstring(all_bytes());
  const Repeated repeated(scene, std::string(kTeller) + ", input: netstring}", input);
  CHECK_THAT(repeated.again.errors, Contains(" 32 35 36 3a 00 01 02 03") && Contains(" ff 2c\n"));
}

TEST_CASE("a large record is taken out of its letter") {
  const Scene scene;
  std::string record;
  std::string stage =
      "- {name: tool, mode: window, window: {records: 1}, retry: {attempts: 1}, "
      "run: [sh, -c, 'cksum >&2; exit 7']";
  SECTION("of text") {
    record = std::string(10'000, 'x') + "'%\\ \xc3\xa9\n";
    stage += "}";
  }
  SECTION("of any bytes, with a length ahead") {
    for (int i = 0; i < 40; ++i) {
      record += all_bytes();
    }
    record = netstring(record);
    stage += ", input: netstring}";
  }
  const Repeated repeated(scene, stage, record);
  CHECK_THAT(repeated.again.errors, Contains(" " + std::to_string(record.size()) + "\n"));
  CHECK(repeated.line.size() < 500);
  CHECK_THAT(repeated.line, Contains("jq -j ."));
}

TEST_CASE("a window is repeated whole") {
  const Scene scene;
  const std::string stage =
      "- {name: tool, mode: window, window: all, retry: {attempts: 1}, "
      "run: [sh, -c, 'cksum >&2; exit 7']}";
  std::string input;
  SECTION("a small one in the line") {
    input = "b\na\nc";
    SECTION("without final newline") {}
    SECTION("with") {
      input += '\n';
    }
  }
  SECTION("a large one from its letter") {
    input = tests::numbered_lines(5000, "record ");
  }
  const Repeated repeated(scene, stage, input);
  CHECK_THAT(repeated.again.errors, Contains(" " + std::to_string(input.size()) + "\n"));
}

TEST_CASE("a record in the command is repeated there") {
  const Scene scene;
  const std::string begin =
      "- {name: tool, mode: window, retry: {attempts: 1}, "
      "run: [sh, -c, 'printf %s \"$1\" | od -An -v -tx1 >&2; exit 7', sh, '<{}>']}";
  const Repeated repeated(scene, begin, "it's \"$1\" \\ and\t*\n");
  CHECK_THAT(repeated.again.errors, Contains(" 3c 69 74 27 73 20") && Contains(" 2a 3e\n"));
}

TEST_CASE("a record in a file is repeated in one, which does not stay") {
  const Scene scene;
  const std::string begin =
      "- {name: tool, mode: window, file: true, input: netstring, retry: {attempts: 1}, "
      "run: [sh, -c, 'od -An -v -tx1 \"${1#<}\" >&2; dirname \"$1\" > place; exit 7', sh, '<{}']}";
  const Repeated repeated(scene, begin, netstring(all_bytes()));
  CHECK_THAT(repeated.again.errors, Contains(" 00 01 02 03") && Contains(" fe ff\n"));
  const std::string place = scene.read("place");
  CHECK_THAT(repeated.line, Contains("mktemp") && Contains("'<'\"$record\""));
  CHECK(place.starts_with("<"));
}

TEST_CASE("a tool that a signal ended has its name in the letter, and when and how long it was") {
  const Scene scene;
  scene.write("tool.pl", "$| = 1; while (<STDIN>) { kill 11, $$ if /bomb/; print; }");
  scene.set_pipeline("- {name: tool, run: perl tool.pl, retry: {attempts: 2, backoff: 1ms}}");
  CHECK(scene.run("one\nbomb\n").code == 1);
  const json letter = letters_in(scene).at(0);
  CHECK(letter["signal"] == "SIGSEGV");
  CHECK(letter["status"] == 11);
  CHECK(letter["elapsed_ms"].get<double>() > 0);
  CHECK(letter["elapsed_ms"].get<double>() < 30'000);
  const std::string time = letter["time"];
  CHECK(time.size() == std::string_view("2026-03-14T15:09:26.535Z").size());
  CHECK(scene.shell(letter["repeat"]).code == 128 + 11);
}

}  // namespace leat::cli
