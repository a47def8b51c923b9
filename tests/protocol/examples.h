// The messages whose bytes docs/protocol.md shows: one of each kind.

#pragma once

#include <vector>

#include "wire/messages.h"

namespace leat::wire::testing {

[[nodiscard]] std::vector<Message> examples();

}  // namespace leat::wire::testing
