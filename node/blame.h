// What every kind of kept replica does when its tool has failed: it tells a tool that cannot work
// from one that a record ended, and charges the record.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/time.h"
#include "node/replica.h"
#include "node/work_queue.h"
#include "wire/messages.h"

namespace leat::node {

// Deaths that are no record's fault.
class Deaths {
 public:
  // How its process ended. `was_fed`: it was given something. `has_culprit`: it is known who ended
  // it. Returns why the stage has failed with this, if it has.
  [[nodiscard]] std::optional<std::string> note(const ToolEnded& end, const Post& post,
                                                const std::string& stderr_tail, bool was_fed,
                                                bool has_culprit);

  // A process could start.
  void note_start() { start_failures_ = 0; }

  // It was a record that made processes end.
  void note_culprit() { contented_ends_ = 0; }

 private:
  std::uint32_t start_failures_ = 0;  // In a row.
  std::uint32_t contented_ends_ = 0;  // With status 0, and no culprit.
};

// Where a record has failed, and what its result takes along of what has happened since the last
// one: the time that it has cost, and what the tool said.
struct Charged {
  const Post& post;
  ToolId tool;
  Duration& wasted;
  wire::Said& heard;
};

// One attempt more. With some left it goes back to the queue's front, to wait for the next, and
// else it is given up. Whether it was.
bool charge(const Charged& at, Portion culprit, wire::Failure why, Turn& turn);

// Says in the failure which record it is, at which attempt, and how to repeat it.
void describe(const Charged& at, const Portion& culprit, wire::Failure& why);

// It has failed for good: a result says so.
void give_up(const Charged& at, const Portion& culprit, wire::Failure why, Turn& turn);

}  // namespace leat::node
