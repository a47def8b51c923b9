// Strangers tells the operator of those who come without the right key, and of what comes that
// cannot be read: of each at most once a second, with how often it was.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "core/repetition.h"
#include "io/authenticator.h"

namespace leat::io {

class Strangers {
 public:
  // `refusal`: what is said of a connection that was refused.
  explicit Strangers(std::string refusal) : refusal_(std::move(refusal)) {}

  void note_malformed(std::string what) { malformed_.note(std::move(what)); }

  // Says what is due. `authenticator`: the same each time, which counts the refused.
  void tell(const std::optional<Authenticator>& authenticator, Instant now,
            const std::function<void(const std::string&)>& say) {
    if (authenticator && authenticator->refused_count() > refused_count_) {
      refused_count_ = authenticator->refused_count();
      refused_.note(refusal_);
    }
    for (Repetition* const repetition : {&malformed_, &refused_}) {
      if (const std::optional<std::string> text = repetition->due(now)) say(*text);
    }
  }

 private:
  std::string refusal_;
  Repetition malformed_;
  Repetition refused_;
  std::uint64_t refused_count_ = 0;  // As it was when it was looked at last.
};

}  // namespace leat::io
