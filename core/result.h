// How an operation that may fail says so. Operating errors (bad input, a peer that went away, a
// full disk) are values of type Error; the caller must look, because Result is [[nodiscard]].

#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace leat {

enum class Errc { kInvalidArgument, kNotFound, kMalformed, kUnavailable, kLimitExceeded, kSystem };

struct Error {
  Errc code;
  // One sentence that names the thing that failed and, where there is one, the remedy, without a
  // trailing period: "stage 'dedupe': unknown tool 'uniqq'".
  std::string message;
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> failure(Errc code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

}  // namespace leat
