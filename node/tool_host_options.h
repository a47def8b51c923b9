// From the order to start a tool to what io::spawn() is given, but for what lies in files and
// pipes.

#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "io/process.h"
#include "node/tool_events.h"

namespace leat::node {

// What ToolHost adds of its own.
struct HostMeans {
  std::string guard_entry;  // "LEAT_GUARD=...".
  std::string starter;      // The path of leat-start.
  std::string preload;      // A library that goes ahead of others; empty: none.
};

// The environment is the node's without what would change how tools behave, plus the stage's.
[[nodiscard]] Result<io::SpawnOptions> spawn_options_for(const StartTool& order,
                                                         const HostMeans& means);

// In an environment of "NAME=value", instead of what it was.
void set_variable(std::vector<std::string>& environment, const std::string& name,
                  const std::string& value);

}  // namespace leat::node
