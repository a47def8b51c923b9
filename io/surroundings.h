// What surrounds a program besides its files and environment, where it is not as with us.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "io/start_protocol.h"
#include "io/user.h"

namespace leat::io {

struct Surroundings {
  std::optional<int> nice;  // -20 to 19; as near to it as we may.
  std::optional<User> user;
  std::optional<std::uint64_t> cpu_seconds_max;   // Of each of its processes.
  std::optional<std::uint64_t> open_files_max;    // In each of its processes.
  std::optional<std::uint64_t> memory_bytes_max;  // Of address space, of each of its processes.

  // Whether all is as with us, so that nothing is to be changed.
  [[nodiscard]] bool is_ours() const;

  // The arguments of leat-start that bring them about.
  [[nodiscard]] std::vector<std::string> to_arguments() const;
};

// Why a step of the start of `path` failed, unless that was executing it.
[[nodiscard]] Error explain_step_failure(const Surroundings& surroundings, const std::string& path,
                                         StartStep step, int error);

}  // namespace leat::io
