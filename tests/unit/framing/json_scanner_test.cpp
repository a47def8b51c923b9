#include "framing/json_scanner.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "framing/splitter.h"
#include "tests/support/any_json.h"

namespace {

using leat::framing::carries;
using leat::framing::Framing;
using leat::framing::Kind;
using leat::framing::kJsonDepthMax;
using leat::framing::Malformed;
using leat::framing::refusal;
using leat::framing::Splitter;

using Strings = std::vector<std::string>;

const Framing kJson{.kind = Kind::kJson};

struct Values {
  Strings values;
  std::optional<Malformed> malformed;
};

// All of the stream, to its end.
Values values_of(std::string_view stream) {
  Splitter splitter(kJson);
  std::vector<std::uint32_t> lengths;
  std::string blob;
  splitter.split(stream, lengths, blob);
  const std::size_t pending = splitter.pending_bytes();
  if (splitter.end() == Splitter::Last::kTerminated) {
    lengths.push_back(static_cast<std::uint32_t>(pending));
    blob += '\n';
  }
  Values found{.malformed = splitter.malformed()};
  std::size_t at = 0;
  for (const std::uint32_t length : lengths) {
    found.values.push_back(blob.substr(at, length));
    REQUIRE(blob.at(at + length) == '\n');
    at += length + 1;
  }
  return found;
}

Strings good(std::string_view stream) {
  const Values found = values_of(stream);
  INFO(stream);
  CHECK_FALSE(found.malformed);
  return found.values;
}

std::string fault(std::string_view stream) {
  return to_string(values_of(stream).malformed.value_or(Malformed{0, "none"}));
}

}  // namespace

TEST_CASE("values are cut with whitespace between them, or none where JSON allows it") {
  CHECK(good("").empty());
  CHECK(good(" \n\t\r ").empty());
  CHECK(good("{}{}") == Strings{"{}", "{}"});
  CHECK(good("{\"a\": 1}\n[1,\n 2]\n\n\"x\"") == Strings{"{\"a\": 1}", "[1,\n 2]", "\"x\""});
  CHECK(good("1 -2.5\ntrue[null]false\"a\"\"b\"3{}") ==
        Strings{"1", "-2.5", "true", "[null]", "false", "\"a\"", "\"b\"", "3", "{}"});
  CHECK(good(R"("}" "\"" "\\" "\u00e9")") ==
        Strings{R"("}")", R"("\"")", R"("\\")", R"("\u00e9")"});
}

TEST_CASE("a number at the end of the stream is a value, and in a stream that goes on not yet") {
  CHECK(good("12") == Strings{"12"});
  Splitter splitter(kJson);
  std::vector<std::uint32_t> lengths;
  std::string blob;
  splitter.split("12", lengths, blob);
  CHECK(lengths.empty());
  CHECK_FALSE(splitter.is_between());
  splitter.split("3\n", lengths, blob);
  CHECK(blob == "123\n");
  CHECK(splitter.is_between());
}

TEST_CASE("a stream that is no JSON is told with its place") {
  CHECK(fault("{\"a\": 1} hello") == "at byte 9: found 'h', expected a JSON value");
  CHECK(fault("[1 2]") == "at byte 3: found '2', expected a comma or ']'");
  CHECK(fault("{\"a\" 1}") == "at byte 5: found '1', expected a colon");
  CHECK(fault("{\"a\": 1]") == "at byte 7: found ']', expected a comma or '}'");
  CHECK(fault("{a: 1}") == "at byte 1: found 'a', expected a key in double quotes or '}'");
  CHECK(fault("{\"a\": 1,}") == "at byte 8: found '}', expected a key in double quotes");
  CHECK(fault("[1,]") == "at byte 3: found ']', expected a JSON value");
  CHECK(fault("\"a\nb\"") ==
        "at byte 2: found a newline, expected no control character in a string");
  CHECK(fault(R"("\x")").starts_with("at byte 2: found 'x', expected an escape: "));
  CHECK(fault(R"("\u12g4")") ==
        "at byte 5: found 'g', expected four hexadecimal digits behind \\u");
  CHECK(fault("nul ") == "at byte 3: found ' ', expected true, false or null");
  CHECK(fault("NaN") == "at byte 0: found 'N', expected a JSON value");
  CHECK(fault("01") == "at byte 1: found '1', expected no digit behind a leading 0");
  CHECK(fault("1.") == "at byte 2: found the end, expected the rest of a JSON value");
  CHECK(fault("-x") == "at byte 1: found 'x', expected a digit");
  CHECK(fault("1e+]") == "at byte 3: found ']', expected a digit");
  CHECK(fault("{\"a\": [") == "at byte 7: found the end, expected the rest of a JSON value");
}

TEST_CASE("what could be one value or two is refused") {
  CHECK(fault("truefalse") == "at byte 4: found 'f', expected whitespace between two values");
  CHECK(fault("1true") == "at byte 1: found 't', expected whitespace between two values");
  CHECK(fault("null1") == "at byte 4: found '1', expected whitespace between two values");
  CHECK(fault("1-2") == "at byte 1: found '-', expected whitespace between two values");
}

TEST_CASE("nesting has a limit, which is told") {
  const std::string most(kJsonDepthMax, '[');
  CHECK(good(most + std::string(kJsonDepthMax, ']')).size() == 1);
  CHECK(fault(most + "{") ==
        "at byte 512: found more than 512 arrays and objects within each other, which is the most");
}

TEST_CASE("a text is carried exactly when another parser takes it for one value") {
  std::mt19937 random(20261121);
  const std::string letters = "{}[]\",:\\ \n-+.0129eEtruefalsn/bu";
  std::size_t taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = leat::tests::any_json(random);
    for (std::size_t i = random() % 3; i > 0 && !text.empty(); --i) {
      const std::size_t at = random() % text.size();
      const char letter = letters[random() % letters.size()];
      if (random() % 3 == 0) {
        text.erase(at, 1);
      } else if (random() % 2 == 0) {
        text.insert(at, 1, letter);
      } else {
        text[at] = letter;
      }
    }
    // It checks what strings hold, too.
    const bool is_ascii = std::ranges::all_of(text, [](char letter) { return letter > 0; });
    if (text.find("\\u") != std::string::npos || !is_ascii) continue;
    INFO(text);
    const bool is_json = nlohmann::json::accept(text);
    REQUIRE(carries(kJson, text) == is_json);
    taken += is_json ? 1 : 0;
  }
  CHECK(taken > 5000);
}

TEST_CASE("a refused text is told why") {
  CHECK(refusal(kJson, "{} {}") == "it is not one JSON value: at byte 3: found a second value");
  CHECK(refusal(kJson, "{} ]") ==
        "it is not one JSON value: at byte 3: found ']', expected a JSON value");
  CHECK(refusal(kJson, "") == "it is not one JSON value: at byte 0: found no value");
  CHECK(refusal(kJson, "[1") ==
        "it is not one JSON value: at byte 2: found the end, expected the rest of a JSON value");
  CHECK(carries(kJson, " 12 "));
  CHECK(carries(kJson, "12"));
}
