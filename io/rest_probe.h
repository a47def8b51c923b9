// RestProbe sees that a kept-alive tool has come to rest: that it has finished all it was given and
// sleeps, waiting for more. It never waits itself.
//
// A look asks, in this order, and is content only if each is so:
//   1. the tool's standard input is empty (FIONREAD, on our end of the pipe);
//   2. the tool's system call is read(0, ...);
//   3. it is asleep: its state is S, neither running nor stopped, traced or dead;
//   4. it sleeps where a process waits for a pipe: its wchan is the one calibrated at start;
//   5. it is one thread, without children, for others could still print;
//   6. the system call, arguments and stack pointer included, is unchanged when read once more.
// A tool that is stopped or frozen on its way out of the read, with the bytes already in its
// buffer, passes 1 and 2, and is told apart by 3 and 4.
//
// After kAtRest the caller reads the tool's standard output until that would block: everything
// that the tool will ever print for what it was given is there, so long as it answers before it
// reads again. Nothing may be written to the tool between the look and the end of that reading.
//
// What it cannot see: a tool that waits in poll, select, epoll or readv, or that reads its input
// through another descriptor than 0, is kWaiting: for input perhaps, perhaps for something else.
// One that runs in another machine word size than ours is kBusy for ever. A descendant that was
// left to init (a daemon) is not looked for.
//
// A look costs half a microsecond while bytes wait, about 4 us while the tool computes, about 13 us
// when it is at rest: call it after output came, not in a spin.
//
// Owned by the replica that owns the tool; one thread at a time.

#pragma once

#include <string>

#include <sys/types.h>

#include "core/result.h"
#include "io/fd.h"

namespace leat::io {

// How this kernel names the place where a process waits for a pipe to fill ("anon_pipe_read",
// "pipe_read", "pipe_wait"). Empty where the kernel does not tell such names: then point 4 above
// is left out, and a tool that a cgroup froze in the middle of a read could be taken to be at rest.
struct PipeWait {
  std::string wchan;
};

// Observes a thread of ours that waits for an empty pipe. Once at the program's start: takes a
// few milliseconds, at most a second. An error when /proc is not there or does not tell.
[[nodiscard]] Result<PipeWait> calibrate_pipe_wait();

enum class Rest { kAtRest, kWaiting, kBusy, kUnseeable, kWithheld };

class RestProbe {
 public:
  // Of a process that was spawned and not yet reaped. `stdin_fd` is our (writing) end of its
  // standard input; it is borrowed and must be open at every look. Never fails: what cannot be
  // opened makes every look kWithheld.
  RestProbe(pid_t pid, int stdin_fd, PipeWait wait);

  // kBusy: not now; look again when it has printed or some time has passed. Also when it has
  // ended, which its pidfd tells.
  // kWaiting: its input is empty, and it sleeps until a descriptor is ready or has bytes: which one
  // cannot be seen.
  // kUnseeable: as it is now, no look could tell. Not for ever: a script's child may end.
  // kWithheld: no look will ever tell, for /proc is closed to us.
  [[nodiscard]] Rest look();

  // Why the last look was kUnseeable or kWithheld: "it has 4 threads". Else empty.
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  void open_file(const std::string& name, Fd& file);
  [[nodiscard]] Rest look_at_process();
  [[nodiscard]] Rest look_at_company(unsigned long threads, Rest alone);
  [[nodiscard]] Rest cannot_look(const char* name);

  std::string folder_;  // "/proc/PID/".
  int stdin_fd_;        // Borrowed.
  PipeWait wait_;       // Fixed after start.
  Fd syscall_;          // These keep naming this process even when its id is another's.
  Fd stat_;
  Fd wchan_;
  Fd children_;          // Of the first thread.
  std::string refusal_;  // What could not be opened, and why. Fixed after start.
  std::string reason_;
};

}  // namespace leat::io
