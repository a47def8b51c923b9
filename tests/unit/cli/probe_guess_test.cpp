#include "cli/probe_guess.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "cli/probe_sample.h"

namespace leat::cli {

namespace {

std::vector<std::string> words(const std::vector<framing::Framing>& framings) {
  std::vector<std::string> words;
  words.reserve(framings.size());
  for (const framing::Framing& framing : framings) {
    words.push_back(framing::to_string(framing));
  }
  return words;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("the sample's framing is guessed") {
  CHECK(words(guess_inputs("a\nb\n")) == Words{"lines"});
  CHECK(words(guess_inputs(std::string("a\0b\0", 4))) == Words{R"({separator: "\0"})"});
  CHECK(words(guess_inputs("@r\nAC\n+\n!!\n")) == Words{"{lines: 4}", "lines"});
  CHECK(words(guess_inputs("@r\nAC\n+\n!\n")) == Words{"lines"});
  CHECK(words(guess_inputs("a b\n\nc\n\n")) == Words{"lines", "blank-line"});
  CHECK(words(guess_inputs("a\nEOS\nb\nEOS\nc\nEOS\n")) == Words{"lines", "{until: '^EOS$'}"});
  CHECK(words(guess_inputs("x=1\nx*2\nx=2\nx*2\nx=3\nx*2\n")) == Words{"lines"});
  CHECK(words(guess_inputs("{\"a\": 1}\n{}\n")) == Words{"lines"});
  CHECK(words(guess_inputs("{\n  \"a\": 1\n}\n{}\n")) == Words{"json", "lines"});
}

TEST_CASE("only framings that make as many answers as records are guessed") {
  CHECK(words(guess_outputs("a\nb\n", 2)) == Words{"lines"});
  CHECK(words(guess_outputs("a\nb\n", 3)) == Words{});
  CHECK(words(guess_outputs("a\nb\n\nc\n\n", 2)) == Words{"blank-line"});
  CHECK(words(guess_outputs("a\nb.\nc\nb.\n", 2)) == Words{R"({until: '^b\.$'})", "{lines: 2}"});
  CHECK(words(guess_outputs("a <utt> a <utt> ", 2)) == Words{R"({separator: "<utt> "})"});
  CHECK(words(guess_outputs("{\n\"a\":1}\n{\n\"a\":2\n}\n", 2)) == Words{"json"});
  CHECK(words(guess_outputs("", 0)) == Words{});
}

TEST_CASE("a banner is told by its records, else by its last line") {
  const framing::Framing lines;
  const framing::Framing blank{.kind = framing::Kind::kBlankLine};
  CHECK(guess_prelude("a\nb\n", lines)->records == 2);
  CHECK(guess_prelude("v (1.0)\n", blank)->until == R"(^v \(1\.0\)$)");
  CHECK(guess_prelude("@(#) International Ispell\n", blank)->until == "^@");
  // The pattern would end it too early; nothing ends it.
  CHECK_FALSE(guess_prelude("a\nb\na\n", blank));
  CHECK_FALSE(guess_prelude("a> ", lines));
}

TEST_CASE("the flag that makes a program flush is put behind its name, once") {
  CHECK(*with_flush_flag({"/usr/bin/rg", "x"}) == Words{"/usr/bin/rg", "--line-buffered", "x"});
  CHECK_FALSE(with_flush_flag({"rg", "--line-buffered", "x"}));
  CHECK_FALSE(with_flush_flag({"sort"}));
}

TEST_CASE("a sample is whole records, and the last one gets its end") {
  const framing::Framing lines;
  const framing::Framing blank{.kind = framing::Kind::kBlankLine};
  const framing::Framing json{.kind = framing::Kind::kJson};
  CHECK(take_records(lines, "a\nb\nc", 2) == "a\nb\n");
  CHECK(take_records(lines, "a\nb\nc", 9) == "a\nb\nc\n");
  CHECK(take_records(blank, "a\n\nb\nc", 9) == "a\n\nb\nc\n\n");
  CHECK(take_records(blank, "a\n\nb\nc\n", 9) == "a\n\nb\nc\n\n");
  CHECK(take_records(json, "{} [1,\n2] 3", 9) == "{} [1,\n2] 3");
  CHECK(take_records(json, "{} [1,\n2] 3", 2) == "{} [1,\n2] ");
  CHECK(take_records(json, "{} [1,", 9) == "{} ");
  CHECK(take_records({.kind = framing::Kind::kNetstring}, "1:a,2:bc,3:d", 9) == "1:a,2:bc,");
}

TEST_CASE("a shuffled sample has all records twice, and a repeat at each window's begin") {
  const framing::Framing lines;
  const Shuffled shuffled = shuffle(lines, "1\n2\n3\n4\n5\n6\n");
  // A prime, so that it fits no tool that takes several records at a time.
  CHECK(shuffled.window_records == 3);
  CHECK(shuffled.stream == "5\n6\n3\n3\n4\n1\n1\n2\n1\n1\n2\n3\n3\n4\n5\n5\n6\n");
  CHECK(shuffle(lines, "1\n").stream == "1\n1\n1\n1\n1\n1\n");
}

}  // namespace leat::cli
