// Guardian is the node's side of its guardian: a tiny process that outlives the node and, when the
// node dies (kill -9, a crash, its end), ends with SIGKILL every process group that it was told
// of, and every process that carries this node's token in its environment. Then it removes the
// folder that the node had for records.
//
// 1. The node's death is the end of a pipe: there is no clock, and no message that could be lost.
// 2. The token closes the gap between starting a tool and telling of it, and finds what left its
//    process group. Only a process that both left its group and changed its environment escapes.
// 3. Nothing here waits, except restart() and the destructor (both bounded).
// 4. The guardian is in a session of its own, deaf to SIGINT, SIGTERM, SIGHUP; it holds none of
//    our descriptors open, so nobody waits for our output because of it.
//
// One per node, owned by the node's loop, used by its thread only. prepare_signals() must have run.

#pragma once

#include <set>
#include <string>

#include <sys/types.h>

#include "core/result.h"
#include "io/process.h"

namespace leat::io {

class Guardian {
 public:
  // `program` is the path of leat-guardian.
  [[nodiscard]] static Result<Guardian> start(std::string program);

  Guardian(Guardian&& other) noexcept = default;
  Guardian& operator=(Guardian&& other) noexcept;
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;

  // Ends the guardian. It kills first what is still told of: tell remove() of what shall live.
  ~Guardian();

  // "LEAT_GUARD=...": belongs into every tool's environment, instead of another of that name.
  // The same after restart().
  [[nodiscard]] std::string environment_entry() const;

  // Right after spawn(). An error means that the guardian is dead or stuck; the group is noted all
  // the same, and told by restart(). REQUIRES: pgid > 1.
  Result<void> add(pid_t pgid);

  // When the tool has ended and its group was killed: best before try_wait() reaps it, for
  // afterwards the id may become another's. An error as with add().
  Result<void> remove(pid_t pgid);

  // Before anything lies in it: the folder that is to go with the node. An error as with add().
  // REQUIRES: its path is that of RecordFiles.
  Result<void> set_folder(std::string path);

  // False when the guardian has ended (it never does by itself while we live).
  [[nodiscard]] bool is_alive() const;

  [[nodiscard]] pid_t pid() const { return child_.pid; }

  // Readable when the guardian has ended.
  [[nodiscard]] int pidfd() const { return child_.pidfd.get(); }

  // Ends what is left of the guardian, starts another, and tells it of all. Waits at most
  // a second or so. After an error it may be tried again.
  Result<void> restart();

 private:
  Guardian(std::string program, std::string token);

  Result<void> launch();
  Result<void> tell(const std::string& line);
  void abolish();

  std::string program_;     // Fixed after start.
  std::string token_;       // Fixed after start; never empty.
  std::string folder_;      // Empty: none.
  std::set<pid_t> groups_;  // Added and not removed: what a new guardian is told.
  Child child_;             // The guardian. pid -1: none, because restart() failed or moved from.
};

}  // namespace leat::io
