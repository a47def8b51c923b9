// One bad record costs one record: it becomes a dead letter that says what happened, and all the
// others come out, in order.

#include <cstdint>
#include <set>
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
using tests::difference;
using tests::letters_in;
using tests::only_letter_in;
using tests::Outcome;
using tests::Scene;

// A tool in Perl that answers every line with itself, unless this code, run first with the line
// in $_, does something else.
void write_tool(const Scene& scene, std::string_view code) {
  scene.write("tool.pl", "$| = 1;\nwhile (<STDIN>) {\n" + std::string(code) + "\nprint; }\n");
}

// "record 0" to "record N-1", some of them replaced by another word or left out.
struct Lines {
  std::size_t count = 0;
  std::set<std::size_t> bad;
  std::string word = "bomb";

  [[nodiscard]] std::string with_bad() const { return text(true); }

  [[nodiscard]] std::string without_bad() const { return text(false); }

 private:
  [[nodiscard]] std::string text(bool has_bad) const {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) {
      if (!bad.contains(i)) {
        all += "record " + std::to_string(i) + "\n";
      } else if (has_bad) {
        all += word + "\n";
      }
    }
    return all;
  }
};

constexpr std::string_view kTool =
    "- {name: tool, run: perl tool.pl, retry: {attempts: 3, backoff: 1ms}}";

}  // namespace

TEST_CASE("a tool that dies of a word loses that record only, and the letter says how it died") {
  const Scene scene;
  write_tool(scene, "if (/bomb/) { print STDERR \"cannot parse $_\"; exit 3; }");
  scene.set_pipeline(kTool);
  const Lines lines{.count = 1000, .bad = {500}};
  const Outcome found = scene.run(lines.with_bad());
  CHECK(difference(found.output, lines.without_bad()) == "");
  CHECK(found.code == 1);
  CHECK_THAT(found.errors, Contains("record 500 failed at stage 'tool'"));
  CHECK_THAT(found.errors, Contains("1 record failed") && Contains("letters.jsonl"));
  const json letter = only_letter_in(scene);
  CHECK(letter["pipeline"] == "scene");
  CHECK(letter["stage"] == "tool");
  CHECK(letter["record"] == "500");
  CHECK(letter["attempts"] == 3);
  CHECK(letter["kind"] == "exit");
  CHECK(letter["status"] == 3);
  CHECK(letter["stderr"] == "cannot parse bomb\n");
  CHECK(letter["text"] == "bomb");
}

TEST_CASE("bad records first, last, side by side and without final newline are lost, no other") {
  const Scene scene;
  write_tool(scene, "exit 3 if /bomb/;");
  scene.set_pipeline(kTool);
  const Lines lines{.count = 300, .bad = {0, 1, 2, 100, 101, 200, 299}};
  std::string input = lines.with_bad();
  SECTION("with the final newline") {}
  SECTION("without") {
    input.pop_back();
  }
  const Outcome found = scene.run(input);
  INFO(found.errors);
  CHECK(difference(found.output, lines.without_bad()) == "");
  CHECK(found.code == 1);
  std::vector<std::string> records;
  for (const json& letter : letters_in(scene)) {
    records.push_back(letter["record"]);
    CHECK(letter["text"] == "bomb");
  }
  CHECK(records == std::vector<std::string>{"0", "1", "2", "100", "101", "200", "299"});
}

TEST_CASE("a record is tried as often as attempts says") {
  const Scene scene;
  write_tool(scene, "if (/bomb/) { print STDERR 'again '; `echo tried >> tries`; exit 3; }");
  scene.set_pipeline(
      "- {name: tool, run: perl tool.pl, in_flight: 1, retry: {attempts: 5, backoff: 1ms}}");
  // The first, for nothing else is in the tool then: tries with others inside are not counted.
  const Lines lines{.count = 20, .bad = {0}};
  const Outcome found = scene.run(lines.with_bad());
  CHECK(difference(found.output, lines.without_bad()) == "");
  CHECK(only_letter_in(scene)["attempts"] == 5);
  CHECK(scene.read("tries") == "tried\ntried\ntried\ntried\ntried\n");
}

TEST_CASE("a record that works at the last attempt is no dead letter") {
  const Scene scene;
  write_tool(scene, "if (/bomb/) { `echo tried >> tries`; exit 3 if -s 'tries' < 18; }");
  scene.set_pipeline(
      "- {name: tool, run: perl tool.pl, in_flight: 1, retry: {attempts: 3, backoff: 1ms}}");
  const Lines lines{.count = 20, .bad = {0}};
  const Outcome found = scene.run(lines.with_bad());
  CHECK(difference(found.output, lines.with_bad()) == "");
  CHECK(found.code == 0);
  CHECK(found.errors == "");
  CHECK(letters_in(scene).empty());
}

TEST_CASE("a tool that answers a record twice loses that record only") {
  const Scene scene;
  write_tool(scene, "print if /bomb/;");
  scene.set_pipeline(kTool);
  const Lines lines{.count = 500, .bad = {250}};
  const Outcome found = scene.run(lines.with_bad());
  CHECK(difference(found.output, lines.without_bad()) == "");
  CHECK(found.code == 1);
  const json letter = only_letter_in(scene);
  CHECK(letter["record"] == "250");
  CHECK(letter["kind"] == "mismatch");
  CHECK_THAT(letter["reason"].get<std::string>(), Contains("mode: window"));
}

TEST_CASE("a tool that drops one record in ten loses these and gives no answer to another") {
  const Scene scene;
  write_tool(scene, "next if /bomb/;");
  scene.set_pipeline(kTool);
  const Lines lines{.count = 100, .bad = {5, 15, 25, 35, 45, 55, 65, 75, 85, 95}};
  const Outcome found = scene.run(lines.with_bad());
  CHECK(difference(found.output, lines.without_bad()) == "");
  CHECK(found.code == 1);
  const std::vector<json> letters = letters_in(scene);
  CHECK(letters.size() == 10);
  for (const json& letter : letters) {
    CHECK(letter["kind"] == "mismatch");
    CHECK(letter["text"] == "bomb");
    CHECK_THAT(letter["reason"].get<std::string>(), Contains("drops records"));
  }
}

TEST_CASE("a record that takes longer than the timeout is lost, and no other") {
  const Scene scene;
  write_tool(scene, "sleep 1000 if /bomb/;");
  scene.set_pipeline(
      "- {name: tool, run: perl tool.pl, timeout: 300ms, retry: {attempts: 2, backoff: 1ms}}");
  const Lines lines{.count = 300, .bad = {150}};
  const Outcome found = scene.run(lines.with_bad());
  CHECK(difference(found.output, lines.without_bad()) == "");
  CHECK(found.code == 1);
  const json letter = only_letter_in(scene);
  CHECK(letter["record"] == "150");
  CHECK(letter["kind"] == "timeout");
  CHECK(letter["attempts"] == 2);
  CHECK_THAT(letter["reason"].get<std::string>(), Contains("300 ms"));
  CHECK(scene.sees_no_process());
}

TEST_CASE("a tool that a signal kills at a record loses that record only") {
  const Scene scene;
  write_tool(scene, "kill 9, $$ if /bomb/;");
  scene.set_pipeline(kTool);
  const Lines lines{.count = 500, .bad = {250}};
  const Outcome found = scene.run(lines.with_bad());
  CHECK(difference(found.output, lines.without_bad()) == "");
  const json letter = only_letter_in(scene);
  CHECK(letter["kind"] == "signal");
  CHECK(letter["status"] == 9);
  CHECK_THAT(letter["reason"].get<std::string>(), Contains("SIGKILL"));
}

TEST_CASE("a record in the middle of a chain is lost at its stage, and no other") {
  const Scene scene;
  write_tool(scene, "exit 3 if /bomb/;");
  scene.set_pipeline(R"(
- {name: before, run: cat}
- {name: tool, run: perl tool.pl, replicas: 2, retry: {attempts: 3, backoff: 1ms}}
- {name: after, run: stdbuf -oL tr a-z A-Z})");
  const Lines lines{.count = 1000, .bad = {0, 500, 999}};
  const Outcome found = scene.run(lines.with_bad());
  std::string expected = lines.without_bad();
  for (char& letter : expected) {
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  }
  CHECK(difference(found.output, expected) == "");
  CHECK(letters_in(scene).size() == 3);
  for (const json& letter : letters_in(scene)) {
    CHECK(letter["stage"] == "tool");
  }
}

TEST_CASE("a record that the next tool's framing cannot carry is that stage's dead letter") {
  const Scene scene;
  scene.set_pipeline(R"(
- {name: before, run: "grep -z --line-buffered ''", output: {separator: "\0"}, input: {separator: "\0"}}
- {name: lines, run: cat, input: lines, output: lines})");
  const Outcome found = scene.run(std::string_view("one\0two\nlines\0three\0", 20));
  CHECK(difference(found.output, "one\nthree\n") == "");
  CHECK(found.code == 1);
  const json letter = only_letter_in(scene);
  CHECK(letter["stage"] == "lines");
  CHECK(letter["record"] == "1");
  CHECK(letter["kind"] == "framing");
  CHECK(letter["text"] == "two\nlines");
}

TEST_CASE("a record above the limit is a dead letter with its size, and the stream goes on") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}", "limits: {record_bytes: 1000}\n");
  const std::string most(1000, 'm');
  const std::string over(1001, 'o');
  const std::string huge(3 << 20, 'h');
  const Outcome found =
      scene.run("first\n" + most + "\n" + over + "\nmiddle\n" + huge + "\nlast\n" + huge);
  CHECK(difference(found.output, "first\n" + most + "\nmiddle\nlast\n") == "");
  CHECK(found.code == 1);
  const std::vector<json> letters = letters_in(scene);
  REQUIRE(letters.size() == 3);
  CHECK(letters[0]["record"] == "2");
  CHECK(letters[0]["bytes"] == 1001);
  CHECK(letters[1]["record"] == "4");
  CHECK(letters[1]["bytes"] == 3 << 20);
  CHECK(letters[2]["record"] == "6");
  CHECK(letters[2]["kind"] == "oversize");
}

TEST_CASE(
    "dead letters number a record by its place in the input, after one above the limit, too") {
  const Scene scene;
  write_tool(scene, "exit 3 if /bomb/;");
  scene.set_pipeline(kTool, "limits: {record_bytes: 1000}\n");
  const Outcome found = scene.run("zero\n" + std::string(1200, 'x') + "\ntwo\nbomb\nfour\n");
  CHECK(found.output == "zero\ntwo\nfour\n");
  const std::vector<json> letters = letters_in(scene);
  REQUIRE(letters.size() == 2);
  CHECK(letters[0]["record"] == "1");
  CHECK(letters[0]["kind"] == "oversize");
  CHECK(letters[1]["record"] == "3");
  CHECK(letters[1]["text"] == "bomb");
}

TEST_CASE("an answer above the limit loses its record only") {
  const Scene scene;
  write_tool(scene, "$_ = ('x' x 5000) . \"\\n\" if /bomb/;");
  scene.set_pipeline(kTool, "limits: {record_bytes: 1000}\n");
  const Lines lines{.count = 100, .bad = {50}};
  const Outcome found = scene.run(lines.with_bad());
  CHECK(difference(found.output, lines.without_bad()) == "");
  const json letter = only_letter_in(scene);
  CHECK(letter["kind"] == "oversize");
  CHECK(letter["text"] == "bomb");
}

TEST_CASE("a window fails as a whole, and the other windows come out") {
  const Scene scene;
  scene.set_pipeline(R"(
- name: window
  run: if grep bomb; then echo no >&2; exit 7; fi; echo well
  shell: true
  mode: window
  window: {records: 3}
  retry: {attempts: 2, backoff: 1ms})");
  const Outcome found = scene.run("a\nb\nc\nd\nbomb\nf\ng\nh");
  CHECK(found.output == "well\nwell\n");
  CHECK(found.code == 1);
  const json letter = only_letter_in(scene);
  CHECK(letter["record"] == "3");
  CHECK(letter["records"] == 3);
  CHECK(letter["status"] == 7);
  CHECK(letter["attempts"] == 2);
  CHECK(letter["stderr"] == "no\n");
  CHECK(letter["text"] == "d\nbomb\nf\n");
}

TEST_CASE("a window that takes longer than its timeout is a dead letter") {
  const Scene scene;
  scene.set_pipeline(R"(
- name: window
  run: grep -q bomb && sleep 1000; echo well
  shell: true
  mode: window
  window: {records: 2}
  timeout: 500ms
  retry: {attempts: 1})");
  const Outcome found = scene.run("a\nb\nbomb\nd\ne\n");
  CHECK(found.output == "well\nwell\n");
  const json letter = only_letter_in(scene);
  CHECK(letter["kind"] == "timeout");
  CHECK(letter["attempts"] == 1);
  CHECK(scene.sees_no_process());
}

TEST_CASE("records that on_error drops are counted and no dead letters") {
  const Scene scene;
  write_tool(scene, "exit 3 if /bomb/;");
  scene.set_pipeline(
      "- {name: tool, run: perl tool.pl, on_error: drop, retry: {attempts: 2, backoff: 1ms}}");
  const Lines lines{.count = 100, .bad = {10, 20}};
  const Outcome found = scene.run(lines.with_bad());
  CHECK(difference(found.output, lines.without_bad()) == "");
  CHECK(found.code == 0);
  CHECK_THAT(found.errors, Contains("2 records") && Contains("dropped"));
  CHECK(letters_in(scene).empty());
}

TEST_CASE("a record that fails where on_error says stop ends the pipeline") {
  const Scene scene;
  write_tool(scene, "if (/bomb/) { print STDERR \"cannot parse\\n\"; exit 3; }");
  scene.set_pipeline(
      "- {name: tool, run: perl tool.pl, on_error: stop, retry: {attempts: 2, backoff: 1ms}}");
  const Lines lines{.count = 100, .bad = {50}};
  const Outcome found = scene.run(lines.with_bad());
  CHECK(found.code == 4);
  CHECK_THAT(found.errors, Contains("'tool'") && Contains("exited with status 3"));
  // What came out before is right.
  CHECK(lines.without_bad().starts_with(found.output));
  CHECK(scene.sees_no_process());
}

TEST_CASE("bytes that are no text stand as base64 in a dead letter") {
  const Scene scene;
  write_tool(scene, "exit 3 if /bomb/;");
  scene.set_pipeline(kTool);
  const Outcome found = scene.run(std::string_view("a\nbomb\xff\0\nc\n", 11));
  CHECK(found.output == "a\nc\n");
  const json letter = only_letter_in(scene);
  CHECK(letter["base64"] == "Ym9tYv8A");
  CHECK_FALSE(letter.contains("text"));
}

TEST_CASE(
    "a dead letter keeps the last lines of a chatty tool's standard error, within its limit") {
  const Scene scene;
  write_tool(scene, "if (/bomb/) { print STDERR \"line $_\\n\" for 1 .. 1000; exit 3; }");
  scene.set_pipeline(kTool);
  CHECK(scene.run("a\nbomb\nc\n").output == "a\nc\n");
  const std::string kept = only_letter_in(scene)["stderr"];
  CHECK_THAT(kept, Catch::StartsWith("line 981\n") && Catch::EndsWith("line 1000\n"));
}

TEST_CASE("without a file for them, dead letters are counted and the user is told of the file") {
  const Scene scene;
  write_tool(scene, "exit 3 if /bomb/;");
  scene.set_pipeline(kTool);
  const Outcome found = scene.shell("\"$LEAT\" pipe spec.yml", "a\nbomb\nb\nbomb\n");
  CHECK(found.output == "a\nb\n");
  CHECK(found.code == 1);
  CHECK_THAT(found.errors, Contains("2 records failed") && Contains("--dead-letters FILE"));
}

TEST_CASE("dead letters that cannot be written end the pipeline with a word about the file") {
  const Scene scene;
  write_tool(scene, "exit 3 if /bomb/;");
  scene.set_pipeline(kTool);
  const Outcome folder =
      scene.shell("\"$LEAT\" pipe --dead-letters missing/letters spec.yml", "a\nbomb\n");
  CHECK(folder.code == 2);
  CHECK_THAT(folder.errors, Contains("missing/letters") && Contains("No such file or directory"));
  const Outcome full = scene.shell("\"$LEAT\" pipe --dead-letters /dev/full spec.yml", "a\nbomb\n");
  CHECK(full.code == 4);
  CHECK_THAT(full.errors, Contains("/dev/full") && Contains("No space left on device"));
  CHECK(scene.sees_no_process());
}

}  // namespace leat::cli
