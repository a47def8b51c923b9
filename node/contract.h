// What a kept-alive tool promises of its output, mode by mode, and what follows from it for the
// replica that drives it. EachContract and FilterContract answer the same questions:
//
//   room(...)       how much more may be given now
//   look_pause(...) how long to wait until the next look at whether it rests
//   judge(...)      what a look means
//   surplus(...)    whether it printed more than it may
//   suspect(...)    who may be to blame for a failure
//   conclude(...)   what it means that it was seen at rest and has ended at end-of-file since
//   results(...)    what is uncommitted, as results

#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "core/time.h"
#include "node/tool_events.h"
#include "wire/messages.h"

namespace leat::node {

// What a look saw, and what earlier ones did.
struct Sight {
  Rest rest = Rest::kBusy;
  std::string reason;          // Why nothing could be seen.
  bool has_rested = false;     // This process, ever.
  bool has_committed = false;  // Any process.
  Duration waited{};           // So long every look saw it wait for something.
  Duration hidden{};           // So long no look saw more than that, or anything.
  Duration rested{};           // So long every look saw it at rest.
};

struct Verdict {
  enum class Kind {
    kWait,    // Look again.
    kCommit,  // All it will ever print for what it was given is there.
    kClose,   // End-of-file will tell.
    kRefuse,  // The mode is not for this tool.
  };
  Kind kind = Kind::kWait;
  std::string reason;  // kRefuse: a sentence's end, behind the tool's command line.
};

// The first look comes when output pauses; then the pauses are an eighth of the time that passed.
// `last`: the pause before, if nothing has happened since.
[[nodiscard]] inline Duration patient_pause(std::optional<Duration> last) {
  constexpr Duration kPause = std::chrono::microseconds(20);
  constexpr Duration kPauseMax = std::chrono::milliseconds(50);
  return last ? std::clamp(*last + *last / 8, kPause, kPauseMax) : kPause;
}

// Who may have made the tool fail, by index into what is uncommitted.
struct Suspicion {
  std::uint32_t sound = 0;               // So many are innocent, from the first on.
  std::optional<std::uint32_t> culprit;  // If it is known.
  bool needs_caution = false;            // Answers may have changed places.
  bool are_suspects = true;              // Without a culprit: one of the others did it.
};

// It came to rest, was given end-of-file, and ended.
struct Ending {
  bool has_printed_more = false;  // Behind its rest.
};

struct Conclusion {
  enum class Kind {
    kCommit,     // It has kept its promise.
    kHoldsBack,  // It kept output back to end-of-file: `reason` is what it did.
    kMismatch,   // It has broken it.
  };
  Kind kind = Kind::kCommit;
  std::string reason;
};

}  // namespace leat::node
