// `leat pipe` through tools of every framing, and between those that differ.

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/dead_letters.h"
#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using nlohmann::json;
using tests::difference;
using tests::letters_in;
using tests::only_letter_in;
using tests::Outcome;
using tests::Scene;

std::string fastq(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += "@read" + std::to_string(i) + "\nACGT\n+\n!!!!\n";
  }
  return text;
}

std::string netstrings(const std::vector<std::string>& records) {
  std::string text;
  for (const std::string& record : records) {
    text += std::to_string(record.size()) + ":" + record + ",";
  }
  return text;
}

// Records with whatever separates others.
std::vector<std::string> awkward_records() {
  std::vector<std::string> records = {"",     "\n",   "a\nb", "\n\n", std::string(1, '\0'),
                                      "3:x,", "EOS\n"};
  for (std::size_t i = 0; i < 500; ++i) {
    records.push_back(std::string(i * 37 % 5000, static_cast<char>(i)));
  }
  return records;
}

// Reads and writes records with a header, one for one: netstring, or length32 when its argument
// says so for the input or the output. What a record becomes is the second line's business.
constexpr const char* kHeaders = R"py(
import struct, sys
reads, writes = sys.argv[1:3]
source, sink = sys.stdin.buffer, sys.stdout.buffer

def records():
    while True:
        if reads == 'length32':
            header = source.read(4)
            if not header:
                return
            yield source.read(struct.unpack('>I', header)[0])
            continue
        digits = b''
        while (byte := source.read(1)) != b':':
            if not byte:
                return
            digits += byte
        yield source.read(int(digits))
        assert source.read(1) == b','

for record in records():
    if record == b'garble':
        sink.write(b'garbled')
    elif writes == 'length32':
        sink.write(struct.pack('>I', len(record)) + record)
    elif writes == 'netstring':
        sink.write(b'%d:%b,' % (len(record), record))
    else:
        sink.write(b'%d\n' % len(record))
    sink.flush()
)py";

// One line for four.
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

TEST_CASE("records of any bytes go through tools that read their length first, re-framed between") {
  const Scene scene;
  scene.write("headers.py", kHeaders);
  scene.set_pipeline(R"(
- {name: one, run: python3 headers.py netstring length32, input: netstring, output: length32}
- {name: two, run: python3 headers.py length32 length32, input: length32, output: length32}
- {name: three, run: python3 headers.py netstring netstring, input: netstring, output: netstring})");
  const std::string input = netstrings(awkward_records());
  const Outcome found = scene.run(input);
  CHECK(found.errors == "");
  CHECK(found.code == 0);
  CHECK(difference(found.output, input) == "");
}

TEST_CASE("lines become records with a header and lines again, the last one too") {
  const Scene scene;
  scene.write("headers.py", kHeaders);
  scene.set_pipeline(R"(
- {name: cat, run: cat}
- {name: one, run: python3 headers.py length32 netstring, input: length32, output: netstring}
- {name: count, run: python3 headers.py netstring lines, input: netstring, output: lines})");
  const Outcome found = scene.run("a\n\nfour\nlast one");
  CHECK(found.errors == "");
  CHECK(difference(found.output, "1\n0\n4\n8\n") == "");
}

TEST_CASE("an input that stops being netstrings ends there, and what was before is done") {
  const Scene scene;
  scene.set_pipeline(
      "- {name: tool, run: python3 headers.py netstring lines, input: netstring, output: lines}");
  scene.write("headers.py", kHeaders);
  const std::string whole = netstrings({"a", "bb"});
  SECTION("in the middle") {
    const Outcome found = scene.run(whole + "and this\n" + std::string(1 << 20, 'x'));
    CHECK(found.code == 4);
    CHECK(found.output == "1\n2\n");
    CHECK(found.errors ==
          "leat: standard input is not netstring at byte 9: found 'a', expected a record's length "
          "in digits; it was read up to there, 2 records\n");
  }
  SECTION("at its end") {
    const Outcome found = scene.run(whole + "5:abc");
    CHECK(found.code == 4);
    CHECK(found.output == "1\n2\n");
    CHECK(found.errors ==
          "leat: standard input is not netstring at byte 14: found the end, expected 2 more bytes "
          "of the record; it was read up to there, 2 records\n");
  }
}

TEST_CASE("an answer that is no netstring is the failure of its record alone") {
  const Scene scene;
  scene.write("headers.py", kHeaders);
  scene.set_pipeline(
      "- {name: tool, run: python3 headers.py netstring netstring, retry: {backoff: 0s}}",
      "framing: netstring\n");
  const std::string before = netstrings(awkward_records());
  const Outcome found = scene.run(before + netstrings({"garble"}) + before);
  CHECK(found.code == 1);
  CHECK(difference(found.output, before + before) == "");
  const json letter = only_letter_in(scene);
  CHECK(letter["kind"] == "mismatch");
  CHECK(letter["text"] == "garble");
  const std::string reason = letter["reason"];
  CHECK(reason.starts_with("what the tool printed is not netstring at byte "));
  CHECK(reason.ends_with(": found 'g', expected a record's length in digits"));
}

TEST_CASE("a record with a header is above the limit as any other") {
  const Scene scene;
  scene.write("headers.py", kHeaders);
  scene.set_pipeline("- {name: tool, run: python3 headers.py netstring lines, output: lines}",
                     "framing: netstring\nlimits: {record_bytes: 1000}\n");
  const Outcome found =
      scene.run(netstrings({"a", std::string(1001, 'x'), std::string(1000, 'y')}));
  CHECK(found.code == 1);
  CHECK(found.output == "1\n1000\n");
  const json letter = only_letter_in(scene);
  CHECK(letter["kind"] == "oversize");
  CHECK(letter["bytes"] == 1001);
}

TEST_CASE("JSON values in any layout go through jq one by one") {
  const Scene scene;
  scene.set_pipeline(
      "- {name: id, run: [jq, --unbuffered, ., --indent, '1']}\n"
      "- {name: compact, run: [jq, --unbuffered, -c, .], output: lines}",
      "framing: json\n");
  std::string input = "{\"a\":\n [1,\n2]}{}\n\n\"text\"[\n]\ttrue 12";
  std::string expected = "{\"a\":[1,2]}\n{}\n\"text\"\n[]\ntrue\n12\n";
  for (int i = 0; i < 2000; ++i) {
    input += "\n{\n \"id\": " + std::to_string(i) + "\n}";
    expected += "{\"id\":" + std::to_string(i) + "}\n";
  }
  const Outcome found = scene.run(input);
  CHECK(found.errors == "");
  CHECK(found.code == 0);
  CHECK(difference(found.output, expected) == "");
}

TEST_CASE("JSON is written as values with a newline behind each, bytes as they were") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}", "framing: json\n");
  const Outcome found = scene.run("{\"a\":\n1}  [ ]\"\xff\" 1e3");
  CHECK(found.errors == "");
  CHECK(found.output == "{\"a\":\n1}\n[ ]\n\"\xff\"\n1e3\n");
}

TEST_CASE("a line that is no JSON value is a dead letter before its tool reads it") {
  const Scene scene;
  scene.set_pipeline(R"(
- {name: cat, run: cat}
- {name: jq, run: [jq, --unbuffered, -c, .], input: json, output: json})");
  const Outcome found = scene.run("{\"a\": 1}\n{\"a\": 1\n [2] \n");
  CHECK(found.code == 1);
  CHECK(found.output == "{\"a\":1}\n[2]\n");
  const json letter = only_letter_in(scene);
  CHECK(letter["stage"] == "jq");
  CHECK(letter["kind"] == "framing");
  CHECK(letter["text"] == "{\"a\": 1");
  CHECK(letter["reason"] ==
        "the record cannot be given to the tool: in its input framing, json, it is not one JSON "
        "value: at byte 7: found the end, expected the rest of a JSON value");
}

TEST_CASE("an answer that is no JSON is the failure of its record alone") {
  const Scene scene;
  scene.write("words.py",
              "import json, sys\n"
              "for line in sys.stdin:\n"
              "    line = line.rstrip('\\n')\n"
              "    print('Oops' if line == 'bad' else json.dumps(line.split(), indent=1))\n");
  scene.set_pipeline(R"(
- {name: words, run: python3 -u words.py, output: json, retry: {backoff: 0s}}
- {name: count, run: [jq, --unbuffered, length], input: json, output: lines})");
  const Outcome found = scene.run("a b\nbad\nc\n\n");
  CHECK(found.code == 1);
  CHECK(found.output == "2\n1\n0\n");
  const json letter = only_letter_in(scene);
  CHECK(letter["text"] == "bad");
  CHECK(letter["kind"] == "mismatch");
}

TEST_CASE("an input that stops being JSON ends there, with exit code 4") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}", "framing: json\n");
  const Outcome found = scene.run("{}\n[1] {\"a\" = 1}\n" + std::string(1 << 20, ' '));
  CHECK(found.code == 4);
  CHECK(found.output == "{}\n[1]\n");
  CHECK(found.errors ==
        "leat: standard input is not json at byte 12: found '=', expected a colon; it was read up "
        "to there, 2 records\n");
}

TEST_CASE("four lines become JSON, records with a header, and four lines again") {
  const Scene scene;
  scene.write("headers.py", kHeaders);
  scene.write("reads.py",
              "import json, sys\n"
              "while lines := [sys.stdin.readline() for _ in range(4)]:\n"
              "    if not lines[0]:\n"
              "        break\n"
              "    print(json.dumps(lines))\n");
  scene.set_pipeline(R"(
- {name: to-json, run: python3 -u reads.py, input: {lines: 4}, output: json}
- {name: header, run: python3 headers.py netstring length32, input: netstring, output: length32}
- {name: back, run: [jq, --unbuffered, -j, 'add'], input: json, output: {lines: 4}})");
  const Outcome found = scene.run(fastq(300));
  CHECK(found.errors == "");
  CHECK(found.code == 0);
  CHECK(difference(found.output, fastq(300)) == "");
}

TEST_CASE("a whole file is a record, and so is all that a window prints") {
  const Scene scene;
  scene.set_pipeline(R"(
- {name: sort, run: sort, mode: window, window: all, input: whole, output: whole}
- {name: count, run: wc -c, mode: window, window: {records: 1}, input: whole, output: lines})");
  for (const std::string_view input : {"", "b\na\n", "b\na"}) {
    INFO(input);
    const Outcome expected = scene.shell("sort | wc -c", input);
    const Outcome found = scene.run(input);
    CHECK(found.errors == "");
    CHECK(found.code == 0);
    CHECK(found.output == expected.output);
  }
}

TEST_CASE("each record is the whole input of a process, and its output a record") {
  const Scene scene;
  scene.write("headers.py", kHeaders);
  scene.set_pipeline(R"(
- {name: sum, run: cksum, mode: window, window: {records: 1}, replicas: 2, input: whole, output: whole}
- {name: same, run: python3 headers.py netstring netstring, input: netstring, output: netstring})",
                     "");
  const Outcome found = scene.run("one file\n");
  CHECK(found.errors == "");
  const std::string sum = scene.shell("cksum", "one file\n").output;
  CHECK(found.output == netstrings({sum}));
}

TEST_CASE("several records that would be one stream are dead letters") {
  const Scene scene;
  scene.set_pipeline(R"(
- {name: cat, run: cat}
- {name: whole, run: cat, mode: window, window: all, input: whole, output: lines})");
  const Outcome found = scene.run("a\nb\n");
  CHECK(found.code == 1);
  CHECK(found.output == "");
  const std::vector<json> letters = letters_in(scene);
  REQUIRE(!letters.empty());
  CHECK(letters.front()["reason"] ==
        "the window's 2 records cannot be given to the tool: in its input framing, whole, they "
        "would be one; use window: {records: 1}");
}

TEST_CASE("a window's output that ends within a record is its failure") {
  const Scene scene;
  scene.set_pipeline(
      "- {name: cut, run: [printf, '1:a,5:b'], mode: window, window: all, output: netstring, "
      "retry: {backoff: 0s}}");
  const Outcome found = scene.run("a\n");
  CHECK(found.code != 0);
  CHECK(found.output == "");
  CHECK(only_letter_in(scene)["reason"] ==
        "what the tool printed is not netstring at byte 7: found the end, expected 4 more bytes of "
        "the record");
}

}  // namespace leat::cli
