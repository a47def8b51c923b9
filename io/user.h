// A user of this machine, as its user database has it.

#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "core/result.h"

namespace leat::io {

struct User {
  std::string name;
  uid_t id = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;  // All of them.
  std::string home;

  // Whether this process runs as that user already.
  [[nodiscard]] bool is_ourselves() const;
};

// Asks the database, which may be far away: waits for it.
[[nodiscard]] Result<User> find_user(const std::string& name);

}  // namespace leat::io
