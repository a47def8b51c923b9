// Asking a broker one thing and waiting for the answer.

#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "cli/front.h"
#include "cli/surroundings.h"
#include "cli/trouble.h"
#include "io/clock.h"
#include "wire/messages.h"

namespace leat::cli {

struct Answers {
  std::vector<wire::Message> messages;  // At least one, unless there is trouble.
  bool was_repeated = false;            // The request was sent more than once.
  std::optional<Trouble> trouble;       // Why there are not all of them.
};

// All answers to a request that client::RequestCore takes. Trouble: refused, no word within the
// front's patience, interrupted.
[[nodiscard]] Answers ask_all(Front& front, const Signals& signals, const wire::Message& request);

// The only answer.
template <typename Kind>
[[nodiscard]] Attempt<Kind> ask(Front& front, const Signals& signals,
                                const wire::Message& request) {
  Answers answers = ask_all(front, signals, request);
  if (answers.trouble) return tl::unexpected<Trouble>(std::move(*answers.trouble));
  return std::get<Kind>(std::move(answers.messages.front()));
}

// Waits until then, or a signal. False: a signal came.
[[nodiscard]] bool sleep_until(Instant then, const Signals& signals);

}  // namespace leat::cli
