#include "node/tool_host_options.h"

#include <chrono>
#include <cstdlib>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <unistd.h>

namespace leat::node {

namespace {

using Variables = std::map<std::string, std::string>;

Variables variables_of_node() {
  Variables variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = text.substr(0, equals);
    const bool is_ours = name.starts_with("LEAT_") || name == "PYTHONUNBUFFERED";
    if (!is_ours) variables[name] = text.substr(equals + 1);
  }
  return variables;
}

// Nobody looks at it: a tool that colours what it shows on a terminal would change its answers.
void make_plain(Variables& variables) {
  variables["TERM"] = "dumb";
  variables["NO_COLOR"] = "1";
  variables.erase("COLORTERM");
  variables.erase("LS_COLORS");
}

std::vector<std::string> environment_for(const StartTool& order, const HostMeans& means,
                                         const std::optional<io::User>& user) {
  Variables all = variables_of_node();
  if (user) {
    all["HOME"] = user->home;
    all["LOGNAME"] = all["USER"] = user->name;
  }
  if (order.buffering == spec::Buffering::kPty) make_plain(all);
  for (const auto& [name, value] : order.env) {
    all[name] = value;
  }
  if (!means.preload.empty()) {
    std::string& libraries = all["LD_PRELOAD"];
    libraries = libraries.empty() ? means.preload : means.preload + ":" + libraries;
  }
  std::vector<std::string> entries;
  for (const auto& [name, value] : all) {
    entries.push_back(name + "=" + value);
  }
  entries.push_back(means.guard_entry);
  return entries;
}

Result<io::Surroundings> surroundings_for(const StartTool& order) {
  const spec::Surroundings& wanted = order.surroundings;
  io::Surroundings surroundings{.nice = wanted.nice,
                                .open_files_max = wanted.open_files_max,
                                .memory_bytes_max = wanted.memory_bytes_max};
  if (wanted.cpu_time_max) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wanted.cpu_time_max);
    surroundings.cpu_seconds_max = static_cast<std::uint64_t>(seconds.count());
  }
  if (wanted.user.empty()) return surroundings;
  Result<io::User> user = io::find_user(wanted.user);
  if (!user) {
    return failure(user.error().code,
                   "cannot start '" + order.argv.front() + "': " + user.error().message);
  }
  surroundings.user = std::move(*user);
  return surroundings;
}

}  // namespace

Result<io::SpawnOptions> spawn_options_for(const StartTool& order, const HostMeans& means) {
  Result<io::Surroundings> surroundings = surroundings_for(order);
  if (!surroundings) return tl::unexpected(surroundings.error());
  return io::SpawnOptions{.argv = order.argv,
                          .environment = environment_for(order, means, surroundings->user),
                          .working_directory = order.directory,
                          .surroundings = std::move(*surroundings),
                          .starter = means.starter};
}

void set_variable(std::vector<std::string>& environment, const std::string& name,
                  const std::string& value) {
  std::erase_if(environment, [start = name + "="](const std::string& entry) {
    return entry.starts_with(start);
  });
  environment.push_back(name + "=" + value);
}

}  // namespace leat::node
