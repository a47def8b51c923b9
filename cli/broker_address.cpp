#include "cli/broker_address.h"

#include <cstdlib>
#include <utility>

namespace leat::cli {

Attempt<io::Address> own_address() {
  const Result<io::Address> address = io::default_front_address(std::getenv("XDG_RUNTIME_DIR"));
  if (!address) return trouble(ExitCode::kUsage, address.error());
  return *address;
}

Attempt<io::Address> broker_address(const std::string& given) {
  if (given.empty()) return own_address();
  const Result<io::Address> address = io::parse_address(given, io::Purpose::kConnect);
  if (!address) return trouble(ExitCode::kUsage, address.error());
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
