// A pseudo terminal for what a tool prints, and for nothing else: most programs hand their output
// on line by line when it is a terminal, and some do so on no other condition.
//
// 1. Bytes pass as they are, all 256 of them: no newline becomes two bytes, and none of them is a
//    signal, an end of file or a halt.
// 2. Nobody gets it as the controlling terminal: its end signals nothing to the tool.
// 3. Reading the master until that would block gives everything that was written to the slave
//    before, although it is a worker of the kernel that carries the bytes across: a read that finds
//    nothing waits for that worker first (Linux 4.10 and later). So does poll, but not FIONREAD.
//    docs/ARCHITECTURE.md has what was measured.
//
// The master gives 4 KiB at a time: a short read does not mean that nothing is left. Its end is
// when nobody has the slave open any more; then read_some() says kEnd.

#pragma once

#include "core/result.h"
#include "io/fd.h"

namespace leat::io {

// Both ends close-on-exec, and neither of them 0, 1 or 2. Ours is non-blocking.
struct Pty {
  Fd master;  // What the tool prints is read here.
  Fd slave;   // For the tool, to write only. While we have it open there is no end.
};

// Errc::kUnavailable: the system is short of something, and may not be later. Every other error
// stays: there is no /dev/ptmx, or no /dev/pts.
[[nodiscard]] Result<Pty> make_pty();

}  // namespace leat::io
