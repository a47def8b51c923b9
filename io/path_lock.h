// PathLock is the right to listen at a unix socket's path. ZeroMQ takes a path that another process
// listens at, without a word to either: whoever binds an ipc address takes the lock first.
//
// 1. At most one PathLock of a path exists, in all processes. The operating system takes it back
//    when a process dies, so that what a dead one left is no obstacle.
// 2. The lock is PATH.lock, which tells the holder's process id to whoever is refused, and goes
// with
//    the lock.
// 3. Nothing here waits.
//
// Owned by the program that binds, for longer than the Context of the socket. Any thread.

#pragma once

#include <string>

#include "core/result.h"
#include "io/fd.h"

namespace leat::io {

class PathLock {
 public:
  // `path` is that of an ipc address (io/address.h). Errc::kUnavailable: a living process has it;
  // the error names its id, as every error names the path and the remedy.
  [[nodiscard]] static Result<PathLock> take(const std::string& path);

  PathLock(PathLock&& other) noexcept = default;
  PathLock& operator=(PathLock&& other) noexcept;
  PathLock(const PathLock&) = delete;
  PathLock& operator=(const PathLock&) = delete;
  ~PathLock();

 private:
  PathLock(std::string file, Fd fd);

  void release();

  std::string file_;  // PATH.lock.
  Fd fd_;             // Holds the lock while open. None: moved from.
};

}  // namespace leat::io
