// Finds the program that a command means, and says why one could not be executed: the system call
// gives one number for many causes, and a user needs the cause. Looks at files, only after the
// failure or for a bare name.

#pragma once

#include <string>

#include "core/result.h"
#include "io/process.h"

namespace leat::io {

// The path to execute. It counts from options.working_directory when it is relative.
// REQUIRES: options.argv is not empty.
[[nodiscard]] Result<std::string> find_program(const SpawnOptions& options);

// Why executing `path` (as find_program() gave it) failed with `error`.
[[nodiscard]] Error explain_spawn_failure(const SpawnOptions& options, const std::string& path,
                                          int error);

}  // namespace leat::io
