// Hostile YAML: each of these makes yaml-cpp's own tree explode, crash or lie.

#include "spec/yaml_tree.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>

#include <catch2/catch.hpp>

#include "spec/parse.h"

using leat::spec::describe;
using leat::spec::parse;
using leat::spec::quoted;
using leat::spec::read_yaml;
using leat::spec::YamlValue;

namespace {

std::string fault_of(const std::string& text) {
  const auto tree = read_yaml(text);
  return tree ? "no fault" : tree.error().message;
}

std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i)
    result += text;
  return result;
}

// Level i is nine aliases of level i - 1.
std::string alias_bomb(int levels) {
  std::string text = "a0: &a0 [x, x]\n";
  for (int i = 1; i < levels; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" +
            repeated(alias + ", ", 8) + alias + "]\n";
  }
  return text;
}

const std::string kGood = R"(version: 1
pipeline: news
framing: {separator: "\0"}
limits: {record_bytes: 1MiB, queue_bytes: 64MB}
stages:
  - name: tokenize
    run: ./bin/tokenize -m 'models/a b.model'
    timeout: 30s
    retry: {attempts: 5, backoff: 250ms}
    env: {LANG: C, EMPTY: ''}
  - name: count
    run: [sort, -u]
    mode: window
    window: {records: 1000, time: 2m}
    output: {until: '^EOS$'}
    exit_codes: [0, 1]
)";

std::string mutated(std::mt19937& random) {
  static const std::string kPieces[] = {
      "&a ", "*a", "? ", "- ", "{",    "}",      "[",     "]",     ": ", "|\n",  ">-\n", "'",
      "\"",  "\\", "\n", "\t", "!!x ", "%Y 1\n", "---\n", "...\n", "#",  "\xff", "\r"};
  std::string text = kGood;
  for (auto edits = 1 + random() % 6; edits > 0; --edits) {
    const std::size_t at = random() % text.size();
    const std::size_t size = std::min<std::size_t>(1 + random() % 8, text.size() - at);
    const auto kind = random() % 4;
    if (kind == 0)
      text.erase(at, size);
    else if (kind == 1)
      text[at] = static_cast<char>(random());
    else if (kind == 2)
      text.insert(at, kPieces[random() % std::size(kPieces)]);
    else
      text.insert(at, text.substr(random() % text.size(), 12));
    if (text.empty()) text = "x";
  }
  return text;
}

// The message begins with a place that lies in the text.
bool names_a_place_in(const std::string& text, const std::string& message) {
  std::size_t line = 0;
  std::size_t column = 0;
  int end = 0;
  if (std::sscanf(message.c_str(), "f:%zu:%zu: found %n", &line, &column, &end) != 2 || end == 0)
    return false;
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  return line >= 1 && line <= lines && column >= 1 && column <= text.size() + 1 &&
         message.find("expected") != std::string::npos;
}

// Processor time, with a bound that only something quadratic or exponential misses, even under a
// sanitizer.
template <typename Function>
void at_once(Function function) {
  const std::clock_t begin = std::clock();
  function();
  CHECK((std::clock() - begin) / CLOCKS_PER_SEC < 20);
}

}  // namespace

TEST_CASE("the tree has what the text says, with places") {
  const auto tree = read_yaml("a: 1\nb: [x, '2', ~]\nc:\n  d: e\n");
  REQUIRE(tree);
  REQUIRE(tree->entries.size() == 3);
  const YamlValue& list = tree->find("b")->value;
  REQUIRE(list.items.size() == 3);
  CHECK(list.items[1].text == "2");
  CHECK(list.items[1].is_quoted);
  CHECK_FALSE(list.items[0].is_quoted);
  CHECK(list.items[2].kind == YamlValue::Kind::kNothing);
  CHECK(list.items[1].mark.line == 1);
  CHECK(list.items[1].mark.column == 7);
  CHECK(tree->find("c")->value.find("d")->value.text == "e");
  CHECK(tree->find("x") == nullptr);
}

TEST_CASE("an alias bomb is refused at once") {
  at_once([] {
    for (const int levels : {2, 8, 9, 50, 1000})
      CHECK(fault_of(alias_bomb(levels)) ==
            "found an anchor (&), expected a plain value: anchors are not read");
  });
}

TEST_CASE("a value that contains itself is refused") {
  for (const char* text : {"a: &a [*a]", "&a [*a]", "&a {x: *a}", "&a {*a : x}"})
    CHECK(fault_of(text) == "found an anchor (&), expected a plain value: anchors are not read");
}

TEST_CASE("nesting of any depth is refused at once") {
  at_once([] {
    for (const char* open : {"[", "{", "- ", "? ", "{a: ", "[{a: "}) {
      for (const int depth : {17, 500, 10'000, 100'000}) {
        INFO(open << " " << depth);
        CHECK(fault_of(repeated(open, depth)) != "no fault");
      }
    }
    CHECK(fault_of(repeated("[", 10'000) + repeated("]", 10'000)) ==
          "found nesting deeper than 16 levels, expected a pipeline's few");
    CHECK(fault_of(repeated("[", 16) + repeated("]", 16)) == "no fault");
  });
}

TEST_CASE("many values are refused at once") {
  at_once([] {
    CHECK(fault_of(repeated("- a\n", 250'000)) == "found more than 10000 values, expected fewer");
    CHECK(fault_of("[" + repeated("a,", 500'000) + "]") ==
          "found more than 10000 values, expected fewer");
    CHECK(fault_of("[" + repeated("a,", 9'000) + "]") == "no fault");
  });
}

TEST_CASE("a quarter of a mebibyte of anything is read or refused at once") {
  constexpr int kBytes = 1 << 18;
  for (const std::string piece :
       {"a",        "\n",    "-",    ":",     "#",   "'",      "\"",       "|\n", "a: ", "a\n",
        "---\n",    "...\n", "%A\n", "&a ",   "*a ", "!a ",    "? ",       ", ",  "{}",  "[]",
        "{a: b}\n", " \n",   "\t",   "a:\n ", "\\",  "- - \n", "\xc3\xa9", "\r"}) {
    INFO(quoted(piece));
    at_once([&] {
      const auto tree = read_yaml(repeated(piece, kBytes / static_cast<int>(piece.size())));
      CHECK((tree || tree.error().message.starts_with("found ")));
    });
  }
}

TEST_CASE("a good spec with random damage is read or refused with a place") {
  std::mt19937 random(2026);
  int good = 0;
  at_once([&] {
    for (int round = 0; round < 10'000; ++round) {
      const std::string text = mutated(random);
      const auto pipeline = parse({text, "f", "/d"});
      good += pipeline ? 1 : 0;
      if (pipeline) continue;
      INFO(text);
      INFO(pipeline.error().message);
      REQUIRE(names_a_place_in(text, pipeline.error().message));
    }
  });
  CHECK(good > 50);
}

TEST_CASE("random bytes are refused") {
  std::mt19937 random(3);
  for (int round = 0; round < 2'000; ++round) {
    std::string text(random() % 200, '\0');
    for (char& byte : text)
      byte = static_cast<char>(round % 2 == 0 ? random() : random() % 96 + 32);
    CHECK_FALSE(parse({text, "f", "/d"}));
  }
}

TEST_CASE("text in a message is one short line") {
  CHECK(quoted("a\n\x01 b") == "'a\\n\\x01 b'");
  CHECK(quoted(std::string(59, 'x') + "\xc3\xa9") == "'" + std::string(59, 'x') + "...'");
  CHECK(describe(YamlValue{}) == "nothing");
}
