// Starts tools and learns how they ended. A child is the leader of its own process group, sees
// exactly three descriptors (0, 1, 2: pipes of ours, but for an output that is given), the given
// environment, default signals and an empty signal mask, whatever this program inherited or opened.
//
// 1. Nothing here waits for the child: spawning returns when the program was executed or was not,
//    and all else is asked. With surroundings that are not ours it returns before, and what became
//    of the start is asked, too.
// 2. A child is ours until try_wait() told its end: its id is not given to another process before
//    that. Whoever owns a Child ends it: destroying one closes the pipes and the pidfd, no more.
// 3. A tool that leaves its process group is not reached by kill_group(); see io/guardian.h for
//    what finds it all the same.
//
// prepare_signals() must have run. Any thread; a Child belongs to one at a time.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/result.h"
#include "io/fd.h"
#include "io/surroundings.h"

namespace leat::io {

// Once, when the program starts: SIGPIPE is ignored, so that writing to a tool that closed its
// input is an error and not our end; SIGCHLD is at its default, so that no child is reaped behind
// our back even when our parent ignored it.
void prepare_signals();

enum class Leads { kProcessGroup, kSession };

struct SpawnOptions {
  // Initialised, for else g++ warns where a designated initialiser leaves them out.
  // NOLINTBEGIN(readability-redundant-member-init)

  // The program and its arguments. A name without a slash is looked up in the PATH of
  // `environment`; a relative path counts from `working_directory`.
  std::vector<std::string> argv = {};
  // "NAME=value", complete: nothing is inherited.
  std::vector<std::string> environment = {};
  // Empty: ours.
  std::string working_directory = {};
  // Unless they are ours, `starter` starts the program: the path of leat-start.
  Surroundings surroundings = {};
  std::string starter = {};
  // What becomes its standard output: borrowed, above 2. Else a pipe of ours.
  std::optional<int> output_fd = {};
  // NOLINTEND(readability-redundant-member-init)

  Leads leads = Leads::kProcessGroup;
};

struct Child {
  pid_t pid = -1;  // Its process group's id, too.
  Fd pidfd;        // Readable when the process has ended. Reaping it is try_wait()'s.
  // Our ends: non-blocking and close-on-exec. Input and output have room for kPipeBytes where the
  // system allows; errors have the default, so that an unprivileged user's pipes go further. No
  // output where it was given.
  Fd to_stdin;
  Fd from_stdout;
  Fd from_stderr;
  // Open while leat-start has not become the program. Readable when it has, or could not.
  Fd start_report;
};

// An error names the program and the cause in the operating system's words: not found (in which
// PATH), a directory, not executable, the interpreter of a script or the loader of a binary
// missing, not a program, working directory missing. kNotFound, kInvalidArgument and kSystem will
// not go away by themselves; kUnavailable (no descriptors, memory or processes left) may.
[[nodiscard]] Result<Child> spawn(const SpawnOptions& options);

enum class StartState { kUnknown, kStarted };

// Of a child whose start_report is open: whether it has become the program. kStarted closes the
// report, and so does an error, which is as one of spawn(); then the child ends by itself.
[[nodiscard]] Result<StartState> try_start(Child& child, const SpawnOptions& options);

struct ExitStatus {
  int code = 0;    // Of exit(); 0 when a signal killed it.
  int signal = 0;  // 0 unless a signal killed it.
  bool has_dumped_core = false;

  [[nodiscard]] bool is_success() const { return code == 0 && signal == 0; }

  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

// "exited with status 3", "killed by signal 9 (SIGKILL)", "killed by signal 11 (SIGSEGV), core
// dumped".
[[nodiscard]] std::string to_string(const ExitStatus& status);

// How the child ended, and reaps it; none while it lives. From then on its id may belong to
// another process: first end what is left of its group. REQUIRES: not told before.
[[nodiscard]] std::optional<ExitStatus> try_wait(Child& child);

// Sends the signal to every process of the group; false when there is none. REQUIRES: pgid > 1,
// and its leader is a child that was not reaped yet (ended or not).
bool kill_group(pid_t pgid, int signal);

}  // namespace leat::io
