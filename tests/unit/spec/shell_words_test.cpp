#include "spec/shell_words.h"

#include <random>

#include <catch2/catch.hpp>

using leat::spec::shell_quote;
using leat::spec::shell_words;

namespace {

using Words = std::vector<std::string>;

struct Good {
  const char* command;
  Words words;
};

struct Bad {
  const char* command;
  const char* message;
};

const char* const kRemedy =
    " outside quotes, expected words only, as no shell runs them: quote it, or write shell: true";

}  // namespace

TEST_CASE("a command is split as a POSIX shell splits it") {
  const std::vector<Good> table = {
      {"cat", {"cat"}},
      {"  ./x   -m\tb  ", {"./x", "-m", "b"}},
      {"a 'b c' \"d e\"", {"a", "b c", "d e"}},
      {"a'b'\"c\"d", {"abcd"}},
      {"a '' \"\"", {"a", "", ""}},
      {R"(a \  \'b\' \\)", {"a", " ", "'b'", "\\"}},
      {R"(a "\$x \" \\ \n \`")", {"a", "$x \" \\ \\n `"}},
      {R"(a '\n$x`|' )", {"a", "\\n$x`|"}},
      {"a \"b\nc\" 'd\ne'", {"a", "b\nc", "d\ne"}},
      {"a \\\n  b\\\nc", {"a", "bc"}},
      {"a \"b\\\nc\"", {"a", "bc"}},
      {"\n\n a b \n \n", {"a", "b"}},
      {"a \\\\\n", {"a", "\\"}},
      {"a \\\n", {"a"}},
      {"a #b c#d", {"a", "#b", "c#d"}},
      {"a ^EOS$ \"x$\" $ %", {"a", "^EOS$", "x$", "$", "%"}},
      {"a x=y b~ ]{}! -k=~", {"a", "x=y", "b~", "]{}!", "-k=~"}},
      {"./x=y", {"./x=y"}},
      {"caf\xc3\xa9 \xe2\x82\xac", {"caf\xc3\xa9", "\xe2\x82\xac"}},
  };
  for (const Good& row : table) {
    INFO(row.command);
    const auto words = shell_words(row.command);
    REQUIRE(words);
    CHECK(*words == row.words);
  }
}

TEST_CASE("what only a shell can do is refused with the remedy") {
  for (const char* text : {"|", "&", ";", "<", ">", "(", ")", "`", "*", "?", "["}) {
    const auto words = shell_words(std::string("a ") + text + " b");
    REQUIRE_FALSE(words);
    CHECK(words.error().message == "found '" + std::string(text) + "'" + kRemedy);
  }
  for (const char* text : {"$HOME", "$1", "${", "$(", "$?", "~", "$'"}) {
    const auto words = shell_words(std::string("a ") + text + "/b");
    REQUIRE_FALSE(words);
    CHECK(words.error().message == "found '" + std::string(text) + "'" + kRemedy);
  }
}

TEST_CASE("each other mistake in a command has its message") {
  const std::vector<Bad> table = {
      {"", "found an empty command, expected a program and its arguments"},
      {" \n ", "found an empty command, expected a program and its arguments"},
      {"a 'b", "found a single quote that is not closed, expected its closing quote"},
      {"a \"b\\\"", "found a double quote that is not closed, expected its closing quote"},
      {"a b\\", "found a backslash at the end of the command, expected a character behind it"},
      {"a b\nc", "found a second line of commands, expected one command, or shell: true"},
      {"a \"b $x\"",
       "found '$x' in double quotes, expected words only, as no shell runs them: use single "
       "quotes, or write shell: true"},
      {"a \"`b`\"",
       "found '`' in double quotes, expected words only, as no shell runs them: use single "
       "quotes, or write shell: true"},
      {"LANG=C sort",
       "found 'LANG=C' before the program, expected the program first: set variables with env:"},
  };
  for (const Bad& row : table) {
    INFO(row.command);
    const auto words = shell_words(row.command);
    REQUIRE_FALSE(words);
    CHECK(words.error().message == row.message);
  }
}

TEST_CASE("any bytes are split or refused") {
  std::mt19937 random(5);
  const std::string alphabet = "ab  '\"\\\n$=#~";
  for (int round = 0; round < 20'000; ++round) {
    std::string command;
    for (auto size = random() % 12; size > 0; --size) {
      command += alphabet[random() % alphabet.size()];
    }
    if (const auto words = shell_words(command)) {
      CHECK_FALSE(words->empty());
    } else {
      CHECK_FALSE(words.error().message.empty());
    }
  }
}

TEST_CASE("a mebibyte of line ends is read at once") {
  const auto words = shell_words("a" + std::string(1 << 20, '\n'));
  REQUIRE(words);
  CHECK(*words == Words{"a"});
}

TEST_CASE("words are quoted where a shell needs it, and only there") {
  CHECK(shell_quote("") == "''");
  CHECK(shell_quote("./bin/a-b_c,1:2@x=+%.") == "./bin/a-b_c,1:2@x=+%.");
  CHECK(shell_quote("two words") == "'two words'");
  CHECK(shell_quote("it's") == "'it'\\''s'");
  CHECK(shell_quote("~") == "'~'");
  CHECK(shell_quote(Words{"sed", "-n", "s/a b//p", ""}) == "sed -n 's/a b//p' ''");
}

TEST_CASE("quoted words are split into the same words") {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    Words words = {"program"};
    for (auto count = random() % 4; count > 0; --count) {
      std::string& word = words.emplace_back();
      for (auto size = random() % 8; size > 0; --size) {
        word += static_cast<char>(1 + random() % 255);
      }
    }
    const auto split = shell_words(shell_quote(words));
    REQUIRE(split);
    REQUIRE(*split == words);
  }
}
