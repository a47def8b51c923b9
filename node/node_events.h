// What a node's logic is told, besides the time.

#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "core/ids.h"
#include "node/tool_events.h"
#include "wire/messages.h"

namespace leat::node {

// A message came from the broker's front.
struct BrokerMessage {
  wire::Message message;
};

// A message came to an inlet.
struct InletMessage {
  wire::Message message;
};

// An inlet's socket listens at this address.
struct InletBound {
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::string address;
};

// An inlet's socket cannot listen.
struct InletBindFailed {
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::string reason;  // A sentence.
};

using Event = std::variant<BrokerMessage, InletMessage, InletBound, InletBindFailed, ToolStarted,
                           ToolStartFailed, ToolPrinted, ToolSaid, ToolComplained, ToolAccepted,
                           ToolLooked, ToolEnded>;

}  // namespace leat::node
