// What a command finds around it: signals and standard streams. Made ready once, before any thread
// is started.

#pragma once

#include "cli/trouble.h"
#include "io/fd.h"

namespace leat::cli {

// SIGINT and SIGTERM as a descriptor: from now on they end nothing by themselves.
class Signals {
 public:
  Signals();

  // Readable when the user wants the command to end.
  [[nodiscard]] int fd() const { return fd_.get(); }

  // Whether one came since it was asked last.
  [[nodiscard]] bool came() const;

 private:
  io::Fd fd_;
};

// Where standard error is closed, no file of ours may come to stand there and get what is said.
void occupy_standard_error();

// Refuses a limit of open files with which not even the sockets could be made.
[[nodiscard]] Attempt<void> check_open_files();

// Refuse a stream that is closed.
[[nodiscard]] Attempt<void> check_standard_input();
[[nodiscard]] Attempt<void> check_standard_output();

}  // namespace leat::cli
