// The contract of Algorithmia's LangServer (`preset: langpack`) as bytes: a record becomes a
// request, one line of JSON on the tool's standard input; what the tool writes to its named pipe,
// one JSON value, is the result, or the tool's own error.
//
//   request:  {"content_type": "text"|"json"|"binary", "data": ...}
//   answer:   {"result": ..., "metadata": {"content_type": ...}}, or
//             {"error": {"message": ..., "error_type": ..., "stacktrace": ...}}
//
// Text goes out in ASCII alone, so that no tool's locale, nor its idea of a line, matters. JSON is
// never read and written anew, but cut out as it lies, so that no number changes: only whitespace
// outside of strings is left out. Pure; total on any bytes.

#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "core/batch.h"
#include "core/result.h"
#include "framing/framing.h"
#include "node/reframe.h"
#include "spec/pipeline_spec.h"

namespace leat::node {

// The request without its newline. The error is a sentence's end: "it is not one JSON value".
[[nodiscard]] Result<std::string> encode_request(std::string_view record,
                                                 spec::Langpack::ContentType type);

// The records of a slice as requests, in lines; told apart those that cannot be any. A record
// without terminator is one as all. REQUIRES: the slice's runs are one for one.
[[nodiscard]] Reframed encode_requests(const Batch& slice, spec::Langpack::ContentType type);

struct LangpackError {
  std::string reason;      // "ValueError: no such word", in one line, of at most kReasonBytesMax.
  std::string stacktrace;  // Any text, perhaps none.
};

inline constexpr std::size_t kReasonBytesMax = 4096;

// The result's bytes, or the tool's error. Failure: the answer is neither, with a sentence's end:
// "has neither a result nor an error".
[[nodiscard]] Result<std::variant<std::string, LangpackError>> decode_answer(
    std::string_view answer);

// The result as the one record of a batch. The error is why the framing cannot carry it.
[[nodiscard]] Result<Records> frame_result(std::string_view result, const framing::Framing& output);

}  // namespace leat::node
