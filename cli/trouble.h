// Why a command cannot go on: what to say, and what the shell gets to know.

#pragma once

#include <string>
#include <utility>

#include "cli/say.h"
#include "core/result.h"

namespace leat::cli {

struct Trouble {
  ExitCode code;
  std::string message;
};

// What was done, or why it could not be.
template <typename T>
using Attempt = tl::expected<T, Trouble>;

inline tl::unexpected<Trouble> trouble(ExitCode code, std::string message) {
  return tl::unexpected<Trouble>(Trouble{code, std::move(message)});
}

inline tl::unexpected<Trouble> trouble(ExitCode code, const Error& error) {
  return trouble(code, error.message);
}

// Says what the trouble is; the command's answer either way.
[[nodiscard]] inline ExitCode conclude(const Attempt<ExitCode>& attempt) {
  if (attempt) return *attempt;
  if (!attempt.error().message.empty()) say(attempt.error().message);
  return attempt.error().code;
}

}  // namespace leat::cli
