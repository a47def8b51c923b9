#include "node/langpack.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base64.h"
#include "core/utf8.h"
#include "framing/splitter.h"
#include "spec/plain_text.h"

namespace leat::node {

namespace {

using ContentType = spec::Langpack::ContentType;

// Escapes make up to six bytes of one, and a record of a batch has fewer than 4 GiB.
constexpr std::size_t kTextBytesMax = std::size_t{1} << 29;

// ---- JSON as it lies.

// REQUIRES: a JSON value.
std::string without_whitespace(std::string_view json) {
  std::string compact;
  compact.reserve(json.size());
  bool is_in_string = false;
  bool is_escaped = false;
  for (const char c : json) {
    const bool is_space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!is_in_string && is_space) continue;
    compact += c;
    if (c == '"' && !is_escaped) is_in_string = !is_in_string;
    is_escaped = is_in_string && c == '\\' && !is_escaped;
  }
  return compact;
}

// Takes the value, or key, that the text begins with: up to what separates it from the next, or
// closes what it lies in.
std::string_view take_value(std::string_view& text) {
  std::size_t depth = 0;
  bool is_in_string = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (is_in_string) {
      if (c == '\\') ++at;
      if (c == '"') is_in_string = false;
      continue;
    }
    const bool is_closing = c == ']' || c == '}';
    if (depth == 0 && (is_closing || c == ',' || c == ':')) break;
    if (c == '"') is_in_string = true;
    if (c == '[' || c == '{') ++depth;
    if (is_closing) --depth;
  }
  const std::string_view value = text.substr(0, at);
  text.remove_prefix(std::min(at, text.size()));
  return value;
}

// The text that a JSON string stands for; nothing when it is no string, or not in UTF-8.
std::optional<std::string> text_of(std::string_view json) {
  if (!json.starts_with('"')) return std::nullopt;
  const auto parsed = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
  if (!parsed.is_string()) return std::nullopt;
  return parsed.get<std::string>();
}

// The value of a key of an object; of the last one, as JSON's readers mostly do. Nothing when there
// is none, or it is null. REQUIRES: a JSON value without whitespace.
std::optional<std::string_view> member(std::string_view json, std::string_view key) {
  std::optional<std::string_view> found;
  if (!json.starts_with('{')) return found;
  json.remove_prefix(1);
  while (json.size() > 1) {
    const std::string_view name = take_value(json);
    json.remove_prefix(std::min<std::size_t>(1, json.size()));
    const std::string_view value = take_value(json);
    json.remove_prefix(std::min<std::size_t>(1, json.size()));
    if (text_of(name) == key) found = value;
  }
  return found;
}

std::optional<std::string_view> member_not_null(std::string_view json, std::string_view key) {
  const std::optional<std::string_view> value = member(json, key);
  return value == "null" ? std::nullopt : value;
}

// ---- Answers.

// What is no string is told as it lies.
std::string words_of(std::optional<std::string_view> json) {
  if (!json) return "";
  return spec::one_line(text_of(*json).value_or(std::string(*json)), kReasonBytesMax / 2 - 1);
}

LangpackError error_of(std::string_view json) {
  // Some write the message alone.
  const bool is_object = json.starts_with('{');
  const std::string message = words_of(is_object ? member_not_null(json, "message") : json);
  const std::string type =
      is_object ? words_of(member_not_null(json, "error_type")) : std::string();
  LangpackError error;
  error.reason = message.empty() ? "no message" : message;
  if (!type.empty()) error.reason = type + ": " + error.reason;
  const auto stacktrace =
      is_object ? member_not_null(json, "stacktrace") : std::optional<std::string_view>();
  if (stacktrace) error.stacktrace = text_of(*stacktrace).value_or(std::string(*stacktrace));
  return error;
}

tl::unexpected<Error> wrong(const std::string& what) {
  return failure(Errc::kMalformed, what);
}

Result<std::string> result_of(std::string_view result, const std::string& type) {
  if (type == "json") return std::string(result);
  const bool is_text = type == "text";
  if (!is_text && type != "binary") {
    return wrong("has the content type '" + std::string(spec::shortened(type, 60)) +
                 "', not text, json or binary");
  }
  std::optional<std::string> text = text_of(result);
  if (!text) {
    return wrong("has the content type '" + type + "', and its result is no string in UTF-8");
  }
  if (is_text) return *std::move(text);
  std::optional<std::string> bytes = from_base64(*text);
  if (!bytes) return wrong("has the content type 'binary', and its result is no base64");
  return *std::move(bytes);
}

// ---- Requests.

std::string request_of(const char* type, std::string_view data) {
  return std::string(R"({"content_type":")").append(type).append(R"(","data":)").append(data) + "}";
}

Result<std::string> encode_json(std::string_view record) {
  if (!framing::carries(framing::kJsonFraming, record)) {
    return wrong(framing::refusal(framing::kJsonFraming, record));
  }
  if (!is_utf8(record)) return wrong("it is JSON, but not in UTF-8");
  return request_of("json", without_whitespace(record));
}

Result<std::string> encode_text(std::string_view record) {
  using nlohmann::json;
  if (record.size() > kTextBytesMax) return wrong("it is too large a text");
  // It is UTF-8, so nothing is replaced.
  return request_of("text",
                    json(std::string(record)).dump(-1, ' ', true, json::error_handler_t::replace));
}

}  // namespace

Result<std::string> encode_request(std::string_view record, ContentType type) {
  switch (type) {
    case ContentType::kJson:
      return encode_json(record);
    case ContentType::kText:
      if (!is_utf8(record)) return wrong("it is no text in UTF-8");
      return encode_text(record);
    case ContentType::kAuto:
      if (is_utf8(record)) return encode_text(record);
      break;
    case ContentType::kBinary:
      break;
  }
  return request_of("binary", "\"" + to_base64(record) + "\"");
}

Reframed encode_requests(const Batch& slice, ContentType type) {
  Reframed encoded;
  RecordsBuilder requests("\n");
  const auto finish = [&](std::uint32_t end) {
    const std::uint32_t count = requests.count();
    if (count == 0) return;
    Batch part{slice.producer, origins_of(slice.runs, end - count, count), requests.take()};
    part.records.attributes = slice.records.slice(end - count, count).attributes;
    std::erase_if(part.records.attributes,
                  [](const Attribute& attribute) { return attribute.name == kUnterminated; });
    encoded.parts.push_back(std::move(part));
  };
  RecordReader reader(slice.records);
  std::uint32_t at = 0;
  for (; !reader.is_done(); ++at) {
    const Result<std::string> request = encode_request(reader.next(), type);
    if (request) {
      requests.add(*request);
      continue;
    }
    finish(at);
    encoded.refused.push_back(
        {origins_of(slice.runs, at, 1).front().first, request.error().message});
  }
  finish(at);
  return encoded;
}

Result<std::variant<std::string, LangpackError>> decode_answer(std::string_view answer) {
  if (!framing::carries(framing::kJsonFraming, answer)) return wrong("is not one JSON value");
  const std::string json = without_whitespace(answer);
  if (!json.starts_with('{')) return wrong("is no JSON object");
  if (const auto error = member_not_null(json, "error")) return error_of(*error);
  const std::optional<std::string_view> result = member(json, "result");
  if (!result) return wrong("has neither a result nor an error");
  const auto metadata = member_not_null(json, "metadata");
  const auto type = metadata ? member_not_null(*metadata, "content_type") : metadata;
  const std::optional<std::string> name = type ? text_of(*type) : std::nullopt;
  if (!name) return wrong("has no content_type in its metadata");
  Result<std::string> bytes = result_of(*result, *name);
  if (!bytes) return tl::unexpected(bytes.error());
  return *std::move(bytes);
}

Result<Records> frame_result(std::string_view result, const framing::Framing& output) {
  if (!framing::carries(output, result)) return wrong(framing::refusal(output, result));
  FramedRecords records(output);
  records.add(result);
  return records.take();
}

}  // namespace leat::node
