// `leat pipe` through tools of every framing, and between those that differ.

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using nlohmann::json;
using tests::difference;
using tests::Outcome;
using tests::Scene;

std::vector<json> letters_in(const Scene& scene) {
  std::vector<json> letters;
  std::string text = scene.read("letters.jsonl");
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    letters.push_back(json::parse(text.substr(0, end)));
    text.erase(0, end + 1);
  }
  return letters;
}

json only_letter_in(const Scene& scene) {
  const std::vector<json> letters = letters_in(scene);
  REQUIRE(letters.size() == 1);
  return letters.front();
}

std::string fastq(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += "@read" + std::to_string(i) + "\nACGT\n+\n!!!!\n";
  }
  return text;
}

// Four lines to one, and back.
constexpr const char* kNames = R"py(
import sys
while True:
    lines = [sys.stdin.readline() for _ in range(4)]
    if not lines[0]:
        break
    print(lines[0][1:].rstrip(), sum(line != '' for line in lines), flush=True)
)py";

}  // namespace

TEST_CASE("a tool that reads four lines answers each four once") {
  const Scene scene;
  scene.write("names.py", kNames);
  scene.set_pipeline("- {name: names, run: python3 names.py, input: {lines: 4}, output: lines}");
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    expected += "read" + std::to_string(i) + " 4\n";
  }
  const Outcome found = scene.run(fastq(3000));
  CHECK(found.errors == "");
  CHECK(found.code == 0);
  CHECK(difference(found.output, expected) == "");
}

TEST_CASE("a last group of fewer lines is given and written as it lies") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}", "framing: {lines: 4}\n");
  for (const std::string_view end :
       {"", "@last", "@last\n", "@last\nAC\n+\n", "@last\nAC\n+\n!!"}) {
    INFO(end);
    const std::string input = fastq(100) + std::string(end);
    const Outcome found = scene.run(input);
    CHECK(found.errors == "");
    CHECK(found.code == 0);
    CHECK(difference(found.output, input) == "");
  }
}

TEST_CASE("a record with another number of lines is a dead letter before its tool reads it") {
  const Scene scene;
  scene.set_pipeline(R"(
- {name: before, run: cat, input: blank-line, output: blank-line}
- {name: four, run: cat, input: {lines: 4}, output: {lines: 4}})");
  // A record of blank-line has its last newline, so three lines and the empty one make four.
  const Outcome found = scene.run("a\nb\nc\n\nshort\n\nd\ne\nf\n\n");
  CHECK(found.code == 1);
  CHECK(difference(found.output, "a\nb\nc\n\nd\ne\nf\n\n") == "");
  const json letter = only_letter_in(scene);
  CHECK(letter["stage"] == "four");
  CHECK(letter["kind"] == "framing");
  CHECK(letter["text"] == "short\n");
  CHECK(letter["reason"] ==
        "the record cannot be given to the tool: in its input framing, {lines: 4}, it has more or "
        "fewer lines than 4");
}

}  // namespace leat::cli
