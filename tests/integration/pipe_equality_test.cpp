// `leat pipe` writes, byte for byte, what the shell's pipeline of the same tools writes.

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using tests::difference;
using tests::numbered_lines;
using tests::Outcome;
using tests::Scene;

struct Input {
  std::string name;
  std::string bytes;
};

// One chain of tools, for the shell and for us.
struct Chain {
  std::string shell;
  std::string stages;
  std::string above;
};

std::string repeated(std::string_view piece, std::size_t count) {
  std::string text;
  text.reserve(piece.size() * count);
  for (std::size_t i = 0; i < count; ++i) {
    text += piece;
  }
  return text;
}

// All byte values, so that some of them are line ends.
std::string all_bytes() {
  std::string text;
  for (int round = 0; round < 40; ++round) {
    for (int value = 0; value < 256; ++value) {
      text += static_cast<char>((value * 7 + round) % 256);
    }
  }
  return text;
}

std::vector<Input> line_inputs() {
  return {{"empty", ""},
          {"only a newline", "\n"},
          {"one line", "one line\n"},
          {"no final newline", "first\nsecond"},
          {"one line without newline", "alone"},
          {"empty lines", "\n\nfirst\n\n\nsecond\n\n"},
          {"empty lines and no final newline", "\nfirst\n\nsecond"},
          {"carriage returns", "first\r\nsecond\r\n\r\nthird\r"},
          {"bytes that are no text", std::string("\0a\xff\n\xff\xfe\n\0\n\x80", 11)},
          {"all bytes", all_bytes()},
          {"two thousand lines", numbered_lines(2000, "record ")}};
}

std::vector<Input> large_inputs() {
  return {{"one line of 8 MiB", repeated("Leat ", (8 << 20) / 5) + "\n"},
          {"one line of 8 MiB without newline", repeated("Leat ", (8 << 20) / 5)},
          {"a large line among small ones",
           "small\n" + repeated("x", 3 << 20) + "\n" + numbered_lines(10, "after ")},
          {"200,000 lines", numbered_lines(200'000, "record ")}};
}

void check_equal(const Scene& scene, const Chain& chain, const std::vector<Input>& inputs) {
  scene.set_pipeline(chain.stages, chain.above);
  for (const Input& input : inputs) {
    const Outcome expected = scene.shell(chain.shell, input.bytes);
    const Outcome found = scene.run(input.bytes);
    INFO(chain.shell << ", input: " << input.name << ", said: " << found.errors);
    CHECK(found.code == 0);
    CHECK(difference(found.output, expected.output) == "");
  }
}

}  // namespace

TEST_CASE("cat alone gives what the shell gives") {
  const Scene scene;
  const Chain chain{.shell = "cat", .stages = "- {name: cat, run: cat}", .above = ""};
  check_equal(scene, chain, line_inputs());
  check_equal(scene, chain, large_inputs());
}

TEST_CASE("a chain of kept tools gives what the shell gives") {
  const Scene scene;
  const Chain chain{.shell = "tr a-z A-Z | cat | tr -d ' '",
                    .stages = R"(
- {name: upper, run: stdbuf -oL tr a-z A-Z}
- {name: cat, run: cat}
- {name: squeeze, run: stdbuf -oL tr -d ' '})",
                    .above = ""};
  check_equal(scene, chain, line_inputs());
  check_equal(scene, chain, large_inputs());
}

TEST_CASE("sed, which reads byte by byte, gives what the shell gives") {
  const Scene scene;
  check_equal(scene,
              {.shell = "sed -u 's/a/<a>/g'",
               .stages = R"(- {name: sed, run: "sed -u 's/a/<a>/g'"})",
               .above = ""},
              line_inputs());
}

TEST_CASE("python -u, which ends every line itself, gives what the shell gives") {
  const Scene scene;
  scene.write("lengths.py",
              "import sys\n"
              "for line in sys.stdin.buffer:\n"
              "    sys.stdout.buffer.write(b'%d\\n' % len(line))\n"
              "    sys.stdout.buffer.flush()\n");
  const Chain chain{.shell = "python3 -u lengths.py",
                    .stages = "- {name: lengths, run: python3 -u lengths.py}",
                    .above = ""};
  check_equal(scene, chain, line_inputs());
  check_equal(scene, chain, large_inputs());
}

TEST_CASE("jq gives what the shell gives, with and without the final newline") {
  const Scene scene;
  std::string many;
  for (int i = 0; i < 5000; ++i) {
    many += R"({"id": )" + std::to_string(i) + R"(, "text":  "tëxt" })" + "\n";
  }
  check_equal(scene,
              {.shell = "jq --unbuffered -c '{id, long: (.text + .text)}' | jq --unbuffered -c .id",
               .stages = R"(
- {name: double, run: [jq, --unbuffered, -c, '{id, long: (.text + .text)}']}
- {name: id, run: [jq, --unbuffered, -c, .id]})",
               .above = ""},
              {{"empty", ""},
               {"one", "{\"id\": 1, \"text\": \"a\"}\n"},
               {"no final newline", "{\"id\": 1, \"text\": \"a\"}\n{\"id\": 2, \"text\": \"b\"}"},
               {"many", many}});
}

TEST_CASE("a window to the end of the input gives what the shell gives") {
  const Scene scene;
  const Chain chain{.shell = "sort | uniq -c",
                    .stages =
                        "- {name: count, run: 'sort | uniq -c', shell: true, mode: window, "
                        "window: all}",
                    .above = ""};
  check_equal(scene, chain, line_inputs());
  check_equal(scene, chain, large_inputs());
}

TEST_CASE("wc counts nothing in no input, as in the shell") {
  const Scene scene;
  check_equal(scene,
              {.shell = "wc -l -c",
               .stages = "- {name: count, run: wc -l -c, mode: window, window: all}",
               .above = ""},
              line_inputs());
}

TEST_CASE("a window in the middle of kept tools gives what the shell gives") {
  const Scene scene;
  const Chain chain{.shell = "cat | sort -r | tr a-z A-Z",
                    .stages = R"(
- {name: cat, run: cat}
- {name: sort, run: sort -r, mode: window, window: all}
- {name: upper, run: stdbuf -oL tr a-z A-Z})",
                    .above = ""};
  check_equal(scene, chain, line_inputs());
}

TEST_CASE("windows of three records give what the shell's split gives") {
  const Scene scene;
  check_equal(scene,
              {.shell = "split -l 3 --filter='sort -r; echo end'",
               .stages = R"(
- name: sort
  run: sort -r; echo end
  shell: true
  mode: window
  window: {records: 3})",
               .above = ""},
              {{"one window", "b\nc\na\n"},
               {"a last window of one", "b\nc\na\nd\n"},
               {"no final newline", "b\nc\na\ne\nd"},
               {"hundred windows", numbered_lines(300, "record ")}});
}

TEST_CASE("grep in windows gives what the shell gives, whether or not anything matches") {
  const Scene scene;
  check_equal(scene,
              {.shell = "grep --line-buffered 7",
               .stages = R"(
- name: select
  run: grep --line-buffered 7
  mode: window
  window: {records: 50}
  exit_codes: [0, 1])",
               .above = ""},
              {{"empty", ""},
               {"no match", "a\nb\n"},
               {"no final newline, it matches", "1\n7"},
               {"no final newline, it does not match", "7\n1"},
               {"many", numbered_lines(2000, "record ")}});
}

TEST_CASE("three replicas of a tool keep the order, and all of them work") {
  const Scene scene;
  scene.write("slow.pl",
              "$| = 1; open(my $log, '>>', \"replica$ENV{LEAT_REPLICA}\");\n"
              "while (<STDIN>) {\n"
              "  select(undef, undef, undef, 0.0001 * ($. * 7919 % 30)); print;\n"
              "}\n");
  check_equal(
      scene,
      {.shell = "cat", .stages = "- {name: slow, run: perl slow.pl, replicas: 3}", .above = ""},
      {{"empty", ""},
       {"no final newline", "a\nb\nc\nd"},
       {"thousand records", numbered_lines(1000, "record ")}});
  CHECK(scene.sees_file("replica0"));
  CHECK(scene.sees_file("replica1"));
  CHECK(scene.sees_file("replica2"));
}

TEST_CASE("records that end with NUL give what the shell gives") {
  const Scene scene;
  const std::string three("first\nline\0second\0\0third\0", 26);
  check_equal(scene,
              {.shell = "sed -u -z 's/i/<i>/' | grep -z --line-buffered ''",
               .stages = R"(
- {name: mark, run: "sed -u -z 's/i/<i>/'"}
- {name: same, run: "grep -z --line-buffered ''"})",
               .above = "framing: {separator: \"\\0\"}\n"},
              {{"empty", ""},
               {"only a NUL", std::string(1, '\0')},
               {"three", three},
               {"no NUL at the end", three.substr(0, three.size() - 1)},
               {"newlines only", "\n\n"},
               {"many", repeated(std::string_view("text\n with i\0", 13), 3000)}});
}

TEST_CASE("a separator of several bytes gives what the shell gives") {
  const Scene scene;
  check_equal(scene,
              {.shell = "cat",
               .stages = "- {name: cat, run: cat}",
               .above = "framing: {separator: \"--\\r\\n\"}\n"},
              {{"empty", ""},
               {"two", "one\r\n--\r\ntwo--\r\n"},
               {"half a separator at the end", "one--\r\ntwo--\r"},
               {"separators only", "--\r\n--\r\n---\r\n"},
               {"many", repeated("a - b -- c\n--\r\n", 3000)}});
}

TEST_CASE("answers of several lines, ended by an empty line or by a mark, are the shell's") {
  const Scene scene;
  scene.write("words.py",
              "import sys\n"
              "for line in sys.stdin:\n"
              "    print(*(word + '\\n' for word in line.split()), sep='', flush=True)\n");
  scene.write("tag.py",
              "import sys\n"
              "for line in sys.stdin:\n"
              "    word = line.rstrip('\\n')\n"
              "    print(word + '\\tN' if word else 'EOS', flush=True)\n");
  scene.write("count.py",
              "import sys\n"
              "count = 0\n"
              "for line in sys.stdin:\n"
              "    count += 1\n"
              "    if line == 'EOS\\n':\n"
              "        print(count, flush=True)\n"
              "        count = 0\n");
  const std::vector<Input> inputs = {{"empty", ""},
                                     {"one", "a b c\n"},
                                     {"without words", "\n  \na\n\n"},
                                     {"no final newline", "a b\nc d"},
                                     {"many", repeated("the cat  sat on the mat\n\nyes\n", 500)}};
  const std::string words = "- {name: words, run: python3 words.py, output: blank-line}\n";
  const std::string tag =
      "- {name: tag, run: python3 tag.py, input: blank-line, output: {until: ^EOS$}}\n";
  const std::string count =
      "- {name: count, run: python3 count.py, input: {until: ^EOS$}, output: lines}\n";
  check_equal(scene, {.shell = "python3 words.py", .stages = words, .above = ""}, inputs);
  check_equal(scene,
              {.shell = "python3 words.py | python3 tag.py", .stages = words + tag, .above = ""},
              inputs);
  check_equal(scene,
              {.shell = "python3 words.py | python3 tag.py | python3 count.py",
               .stages = words + tag + count,
               .above = ""},
              inputs);
}

TEST_CASE("an input that is a file and an output that is a file give what the shell gives") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}\n- {name: upper, run: stdbuf -oL tr a-z A-Z}");
  scene.write("in", numbered_lines(50'000, "record ") + "last");
  const Outcome expected = scene.shell("tr a-z A-Z < in");
  const Outcome found = scene.shell("\"$LEAT\" pipe spec.yml < in > out");
  CHECK(found.errors == "");
  CHECK(found.code == 0);
  CHECK(difference(scene.read("out"), expected.output) == "");
  SECTION("and what the output held is kept when the shell appends") {
    const Outcome appended = scene.shell("\"$LEAT\" pipe spec.yml < in >> out");
    CHECK(appended.code == 0);
    CHECK(difference(scene.read("out"), expected.output + expected.output) == "");
  }
}

TEST_CASE("one pipe of ours feeds another") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}");
  const std::string input = numbered_lines(20'000, "record ");
  const Outcome found = scene.shell(
      "\"$LEAT\" pipe spec.yml | \"$LEAT\" pipe spec.yml | \"$LEAT\" pipe spec.yml", input);
  CHECK(found.errors == "");
  CHECK(found.code == 0);
  CHECK(difference(found.output, input) == "");
}

}  // namespace leat::cli
