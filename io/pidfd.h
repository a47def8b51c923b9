// Descriptors of processes. By number, because glibc 2.36's <sys/pidfd.h> cannot be linked from
// C++.

#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "io/fd.h"

namespace leat::io {

// None and errno when there is no such process. Readable when the process has ended.
[[nodiscard]] inline Fd open_pidfd(pid_t pid) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

// Reaches this very process or none. False and errno when it was reaped, or is not ours to signal.
inline bool signal_process(const Fd& pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

}  // namespace leat::io
