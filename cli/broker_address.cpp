#include "cli/broker_address.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

namespace leat::cli {

Attempt<io::Address> own_place() {
  const Result<io::Address> address = io::default_front_address(std::getenv("XDG_RUNTIME_DIR"));
  if (!address) return trouble(ExitCode::kUsage, address.error());
  // Whoever comes first makes the directory: also a client, for else somebody else could.
  const std::string directory = std::filesystem::path(address->path).parent_path().string();
  const Result<void> made = io::make_private_directory(directory);
  if (!made) return trouble(ExitCode::kBroker, made.error());
  return *address;
}

Attempt<io::Address> broker_address(const std::string& given) {
  if (given.empty()) return own_place();
  const Result<io::Address> address = io::parse_address(given, io::Purpose::kConnect);
  if (!address) return trouble(ExitCode::kUsage, address.error());
  if (address->transport != io::Transport::kIpc) return *address;
  const Result<void> safe = io::check_socket_path(address->path);
  if (!safe) return trouble(ExitCode::kBroker, safe.error());
  return *address;
}

Attempt<std::optional<io::ClusterKeys>> cluster_keys(const io::Address& broker,
                                                     const std::string& directory) {
  if (io::is_local(broker) || directory.empty()) return std::nullopt;
  Result<io::ClusterKeys> keys = io::read_cluster_keys(directory);
  if (!keys) return trouble(ExitCode::kUsage, keys.error());
  return std::move(*keys);
}

}  // namespace leat::cli
