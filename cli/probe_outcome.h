// How a trial of `leat probe` ended, and what that says about the stage that was tried.
//
// Pure. Values; any thread.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "framing/framing.h"

namespace leat::cli {

// Of a run of the tool itself, or of `leat pipe` with a stage.
struct Outcome {
  std::string start_error;       // Why it could not be started; empty: it was.
  bool is_late = false;          // It was killed when its time was over.
  bool prints_too_much = false;  // It was killed when it had printed more than is kept.
  int code = 0;                  // Its exit status, unless a signal ended it.
  int signal = 0;
  std::string output;
  std::string errors;        // The last of what it said.
  std::string dead_letters;  // Of a stage: JSON Lines.
  Duration elapsed{};

  [[nodiscard]] bool is_clean() const {
    return start_error.empty() && !is_late && !prints_too_much && code == 0 && signal == 0;
  }
};

// What a stage is to print.
struct Expectation {
  std::string_view body;
  std::string_view
      trailer;  // What the tool says at its end, whatever it was given: may be missing.
};

struct Judgement {
  enum class Kind { kFits, kDiffers, kFails };
  Kind kind = Kind::kFails;
  std::string reason;              // Why it does not fit: a clause.
  std::optional<int> exit_status;  // Of a tool whose window failed for nothing but that.
  bool lacks_trailer = false;      // Of one that fits.
};

// Compares bytes.
[[nodiscard]] Judgement judge(const Outcome& outcome, const Expectation& expected,
                              const framing::Framing& output);

// Compares numbers of records only: for a tool that does not print the same twice.
[[nodiscard]] Judgement judge_by_count(const Outcome& outcome, const Expectation& expected,
                                       const framing::Framing& output);

// "exited with status 3", "was killed by signal 9"; and its last words, if it had any.
[[nodiscard]] std::string ending_of(const Outcome& outcome);

// What `leat pipe` said about the stage when all went well: how it is buffered, say.
[[nodiscard]] std::vector<std::string> told_by(const Outcome& outcome);

// The way of buffering that a stage came to by itself; empty where the first one did.
[[nodiscard]] std::string buffering_of(const Outcome& outcome);

}  // namespace leat::cli
