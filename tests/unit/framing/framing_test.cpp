#include "framing/framing.h"

#include <catch2/catch.hpp>

using leat::framing::check;
using leat::framing::Framing;
using leat::framing::Kind;
using leat::framing::kLinesMax;

namespace {

Framing until(std::string pattern) {
  return {.kind = Kind::kUntil, .pattern = std::move(pattern), .separator = {}};
}

Framing separator(std::string bytes) {
  return {.kind = Kind::kSeparator, .pattern = {}, .separator = std::move(bytes)};
}

}  // namespace

TEST_CASE("a good framing is accepted") {
  CHECK(check(Framing{}));
  CHECK(check(until("^EOS$")));
  CHECK(check(until("\xff")));
  CHECK(check(separator(std::string(1, '\0'))));
}

TEST_CASE("a pattern that RE2 cannot read is refused with RE2's words") {
  REQUIRE_FALSE(check(until("(")));
  CHECK(check(until("(")).error().message == "the pattern '(' is not RE2 syntax: missing ): (");
  CHECK(check(until("(?=x)")).error().message ==
        "the pattern '(?=x)' is not RE2 syntax: invalid perl operator: (?=");
}

TEST_CASE("an empty separator is refused") {
  REQUIRE_FALSE(check(separator("")));
  CHECK(check(separator("")).error().message ==
        "the separator is empty, it needs one byte or more");
}

TEST_CASE("a record of no lines, or of too many, is refused") {
  CHECK(check(Framing{.kind = Kind::kLines, .lines = kLinesMax}));
  CHECK(check(Framing{.kind = Kind::kLines, .lines = 0}).error().message ==
        "a record of 0 lines, it needs 1 to 1000000");
  CHECK_FALSE(check(Framing{.kind = Kind::kLines, .lines = kLinesMax + 1}));
}

TEST_CASE("a framing is written as the YAML has it") {
  CHECK(to_string(Framing{}) == "lines");
  CHECK(to_string(Framing{.kind = Kind::kLines, .lines = 4}) == "{lines: 4}");
  CHECK(to_string(Framing{.kind = Kind::kBlankLine, .pattern = {}, .separator = {}}) ==
        "blank-line");
  CHECK(to_string(until("^it's$")) == "{until: '^it''s$'}");
  CHECK(to_string(until("a\tb")) == "{until: \"a\\tb\"}");
  CHECK(to_string(separator(std::string("\0\r\n\"\\", 5))) == R"({separator: "\0\x0d\n\"\\"})");
}

TEST_CASE("the terminator is a newline, the separator or nothing") {
  CHECK(terminator(Framing{}) == "\n");
  CHECK(terminator(until("x")) == "\n");
  CHECK(terminator(separator("--")) == "--");
  CHECK(leat::framing::terminator({.kind = Kind::kNetstring}).empty());
  CHECK(leat::framing::terminator({.kind = Kind::kLength32}).empty());
}
