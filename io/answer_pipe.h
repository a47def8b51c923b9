// AnswerPipe is a named pipe that a tool writes its answers to, where it keeps its standard output
// for other words. The tool may open and close it for each answer: we have it open to write, too,
// so that it never ends.
//
// 1. At most one AnswerPipe of a path exists, in all processes: a lock on the pipe itself sees to
// it,
//    and goes with the process. What a dead one left is replaced, with all that lay in it.
// 2. Only the writer and we may open it. Anything else that lies at the path stays as it is.
// 3. Reading it until that would block gives all that was written before, as with any pipe.
//
// It vanishes with this object. Nothing here waits. One thread.

#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "io/fd.h"
#include "io/user.h"

namespace leat::io {

class AnswerPipe {
 public:
  // Without a writer it is for ourselves; another user's only root can make it. `path` is absolute.
  // Errc::kUnavailable: another has it, or the system was short of something. Every error names the
  // path and a remedy.
  [[nodiscard]] static Result<AnswerPipe> take(const std::string& path,
                                               const std::optional<User>& writer = {});

  AnswerPipe(AnswerPipe&& other) noexcept = default;
  AnswerPipe& operator=(AnswerPipe&& other) noexcept;
  AnswerPipe(const AnswerPipe&) = delete;
  AnswerPipe& operator=(const AnswerPipe&) = delete;
  ~AnswerPipe();

  [[nodiscard]] const std::string& path() const { return path_; }

  // To read from: non-blocking, with room for kPipeBytes where the system allows. Borrowed.
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  AnswerPipe(std::string path, Fd fd);

  void release();

  std::string path_;
  Fd fd_;  // Holds the lock while open. None: moved from.
};

}  // namespace leat::io
