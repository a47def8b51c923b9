// Errors in the operating system's words.

#pragma once

#include <cerrno>
#include <string>

#include <string.h>

#include "core/result.h"

namespace leat::io {

// "No such file or directory". The same in every locale.
[[nodiscard]] inline std::string in_words(int error) {
  const char* words = ::strerrordesc_np(error);
  return words != nullptr ? words : "error " + std::to_string(error);
}

// "what: No such file or directory". Reads errno unless it is given.
[[nodiscard]] inline tl::unexpected<Error> system_failure(Errc code, const std::string& what,
                                                          int error = errno) {
  return failure(code, what + ": " + in_words(error));
}

}  // namespace leat::io
