#include "node/langpack.h"

#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "framing/splitter.h"
#include "tests/support/any_json.h"

namespace leat::node {

namespace {

using ContentType = spec::Langpack::ContentType;
using nlohmann::json;

std::string request(std::string_view record, ContentType type = ContentType::kAuto) {
  const Result<std::string> encoded = encode_request(record, type);
  return encoded ? *encoded : "refused: " + encoded.error().message;
}

std::string answer(std::string_view text) {
  const auto decoded = decode_answer(text);
  if (!decoded) return "wrong: " + decoded.error().message;
  if (const auto* const error = std::get_if<LangpackError>(&*decoded)) {
    return "error: " + error->reason +
           (error->stacktrace.empty() ? "" : " AT " + error->stacktrace);
  }
  return std::get<std::string>(*decoded);
}

std::string result(const std::string& value, const std::string& type) {
  return answer(R"({"result": )" + value + R"(, "metadata": {"content_type": ")" + type + "\"}}\n");
}

Batch slice_of(const std::vector<std::string>& records) {
  RecordsBuilder builder("\n\n");
  for (const std::string& record : records) {
    builder.add(record);
  }
  const auto count = static_cast<std::uint32_t>(records.size());
  return {{0, 1}, {{Position(7), count, count}}, builder.take()};
}

std::string any_bytes(std::mt19937& random, std::size_t most, std::string_view letters) {
  std::string bytes(random() % (most + 1), ' ');
  for (char& c : bytes) {
    c = letters.empty() ? static_cast<char>(random()) : letters[random() % letters.size()];
  }
  return bytes;
}

}  // namespace

TEST_CASE("a record of text goes out as text, in one line of ASCII") {
  CHECK(request("a \"b\"\n") == R"({"content_type":"text","data":"a \"b\"\n"})");
  CHECK(request("\xc3\xa9\xe2\x80\xa8") == R"({"content_type":"text","data":"\u00e9\u2028"})");
  CHECK(request("") == R"({"content_type":"text","data":""})");
  CHECK(request("1", ContentType::kText) == R"({"content_type":"text","data":"1"})");
  CHECK(request("\xff", ContentType::kText) == "refused: it is no text in UTF-8");
}

TEST_CASE("a record that is no text goes out as base64, and others where it is asked for") {
  CHECK(request("foo\xff") == R"({"content_type":"binary","data":"Zm9v/w=="})");
  CHECK(request("foo", ContentType::kBinary) == R"({"content_type":"binary","data":"Zm9v"})");
  CHECK(request("", ContentType::kBinary) == R"({"content_type":"binary","data":""})");
}

TEST_CASE("a record of JSON goes out as it is, but for whitespace") {
  CHECK(request(" {\"a b\\\" c\": [1e999, 1.10,\n 12345678901234567890123]}\r\n",
                ContentType::kJson) ==
        R"({"content_type":"json","data":{"a b\" c":[1e999,1.10,12345678901234567890123]}})");
  CHECK(request("{} {}", ContentType::kJson) ==
        "refused: it is not one JSON value: at byte 3: found a second value");
  CHECK(request("", ContentType::kJson) ==
        "refused: it is not one JSON value: at byte 0: found no value");
  CHECK(request("\"\xff\"", ContentType::kJson) == "refused: it is JSON, but not in UTF-8");
}

TEST_CASE("the requests of a slice are lines, and what can be none is told apart") {
  Batch slice = slice_of({"1", "[2, 3]", "no", "4"});
  slice.records.attributes = {{3, 1, std::string(kUnterminated), ""}, {1, 1, "name", "x"}};
  const Reframed encoded = encode_requests(slice, ContentType::kJson);
  REQUIRE(encoded.parts.size() == 2);
  const Batch& first = encoded.parts[0];
  CHECK(first.records.blob.view() ==
        "{\"content_type\":\"json\",\"data\":1}\n{\"content_type\":\"json\",\"data\":[2,3]}\n");
  CHECK(first.runs == std::vector<Run>{{Position(7), 2, 2}});
  REQUIRE(first.records.attributes.size() == 1);
  CHECK(first.records.attributes[0].first == 1);
  CHECK(encoded.parts[1].runs == std::vector<Run>{{Position(10), 1, 1}});
  CHECK(encoded.parts[1].records.attributes.empty());
  REQUIRE(encoded.refused.size() == 1);
  CHECK(encoded.refused[0].origin == Position(9));
  CHECK(encode_requests(slice_of({}), ContentType::kAuto).parts.empty());
}

TEST_CASE("a result is text, bytes or JSON, as its content type says") {
  CHECK(result(R"("a\n\u00e9")", "text") == "a\n\xc3\xa9");
  CHECK(result(R"("Zm9v/w==")", "binary") == "foo\xff");
  CHECK(result("[1.10, 1e999, \" \"]", "json") == "[1.10,1e999,\" \"]");
  CHECK(result("null", "json") == "null");
  CHECK(answer(R"({"metadata":{"content_type":"json"},"result":7,"error":null})") == "7");
  CHECK(answer(R"({"r\u0065sult":1,"result":2,"metadata":{"content_type":"json"}})") == "2");
}

TEST_CASE("an error is told with its type and stacktrace, as far as it has them") {
  CHECK(answer(R"({"error":{"message":"no","error_type":"ValueError","stacktrace":"in f\n"}})") ==
        "error: ValueError: no AT in f\n");
  CHECK(answer(R"({"error":{"message":"no"}})") == "error: no");
  CHECK(answer(R"({"error":{"message":"a\nb\n","error_type":null}, "result":1})") == "error: a b");
  CHECK(answer(R"({"error":{}})") == "error: no message");
  CHECK(answer(R"({"error":"no"})") == "error: no");
  CHECK(answer(R"({"error":[1]})") == "error: [1]");
  const std::string large =
      answer(R"({"error":{"message":")" + std::string(100'000, 'x') + R"("}})");
  CHECK(large.size() < kReasonBytesMax);
}

TEST_CASE("what is neither a result nor an error is wrong, and why is told") {
  CHECK(answer("{}") == "wrong: has neither a result nor an error");
  CHECK(answer("[]") == "wrong: is no JSON object");
  CHECK(answer("{\"result\"") == "wrong: is not one JSON value");
  CHECK(answer(R"({"result":1})") == "wrong: has no content_type in its metadata");
  CHECK(answer(R"({"result":1,"metadata":{"content_type":1}})") ==
        "wrong: has no content_type in its metadata");
  CHECK(answer(R"({"result":1,"metadata":"content_type"})") ==
        "wrong: has no content_type in its metadata");
  CHECK(result("1", "xml") == "wrong: has the content type 'xml', not text, json or binary");
  CHECK(result("1", "text") ==
        "wrong: has the content type 'text', and its result is no string in UTF-8");
  CHECK(result("\"\xff\"", "text") ==
        "wrong: has the content type 'text', and its result is no string in UTF-8");
  CHECK(result("\"\\ud800\"", "text") ==
        "wrong: has the content type 'text', and its result is no string in UTF-8");
  CHECK(result("\"?\"", "binary") ==
        "wrong: has the content type 'binary', and its result is no base64");
}

TEST_CASE("a result becomes a record of the output framing, or is refused") {
  const Result<Records> line = frame_result("a b", {});
  REQUIRE(line);
  CHECK(line->count == 1);
  CHECK(line->blob.view() == "a b\n");
  const auto refused = frame_result("a\nb", {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "it would be several records or none");
  const Result<Records> lines =
      frame_result("a", {.kind = framing::Kind::kBlankLine, .pattern = {}, .separator = {}});
  REQUIRE(lines);
  CHECK(lines->blob.view() == "a\n\n");
  CHECK(RecordReader(*lines).next() == "a\n");
}

TEST_CASE("any record comes back from a request, and any value from a result") {
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string record = any_bytes(random, 40, "");
    const json encoded = json::parse(request(record, ContentType::kBinary));
    const std::string data = encoded["data"];
    CHECK(result("\"" + data + "\"", "binary") == record);
    const std::string text = any_bytes(random, 40, "a\"\\\n\t{}[]:, \x01\x7f");
    CHECK(json::parse(request(text))["data"].get<std::string>() == text);
    const std::string value = tests::any_json(random);
    const std::string sent = request(value, ContentType::kJson);
    CHECK(sent.find('\n') == std::string::npos);
    CHECK(sent == R"({"content_type":"json","data":)" + result(value, "json") + "}");
  }
}

TEST_CASE("no answer, whatever its bytes, is more than wrong") {
  std::mt19937 random(2);
  const std::string good =
      R"({"error":{"message":"m","stacktrace":"s"},"result":"Zg==","metadata":{"content_type":"binary"}})";
  for (int i = 0; i < 20'000; ++i) {
    (void)answer(any_bytes(random, 60, ""));
    (void)answer(any_bytes(random, 60, R"({}[]":,\ea1u0 )"));
    std::string bent = good;
    for (std::size_t k = random() % 4; k > 0; --k) {
      bent[random() % bent.size()] = R"({}[]":,\x)"[random() % 9];
    }
    (void)answer(bent);
    (void)answer(good.substr(0, random() % good.size()));
    (void)answer(tests::any_json(random));
  }
}

}  // namespace leat::node
