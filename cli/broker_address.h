// Where the broker is, as the user says it, and the keys that are needed there.

#pragma once

#include <optional>
#include <string>

#include "cli/trouble.h"
#include "io/address.h"
#include "io/keys.h"

namespace leat::cli {

// Where this user's own broker listens: in a directory that nobody else can enter, which is made
// when it is not there.
[[nodiscard]] Attempt<io::Address> own_place();

// Where to connect; empty: this user's own broker. Refused is a path where somebody else could
// listen.
[[nodiscard]] Attempt<io::Address> broker_address(const std::string& given);

// The keys to talk to that broker, from a directory. None are needed for a socket in a private
// directory, to which nobody else can come; none are given by an empty name.
[[nodiscard]] Attempt<std::optional<io::ClusterKeys>> cluster_keys(const io::Address& broker,
                                                                   const std::string& directory);

}  // namespace leat::cli
