// What the broker's logic orders its shell to do.

#pragma once

#include <string>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "wire/messages.h"

namespace leat::broker {

// Sends a message over the front to this peer.
struct Send {
  std::string peer;
  wire::Message message;
};

// Pushes a lease to the inlet of the node.
struct PushLease {
  NodeId node;
  wire::Lease lease;
};

// Connects a PUSH socket to the inlet; one that stands for an older epoch goes.
struct ConnectInlet {
  NodeId node;
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::string address;
};

struct DisconnectInlet {
  NodeId node;
  SegmentId segment;
};

// Tells the operator.
struct Say {
  std::string text;
};

using Effect = std::variant<Send, PushLease, ConnectInlet, DisconnectInlet, Say>;
using Effects = std::vector<Effect>;

}  // namespace leat::broker
