// SideFile is what a user named for something beside the results: failed records, or what tools
// said. While nobody reads it, a pipe, it waits where signals are heard.

#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "io/fd.h"

namespace leat::cli {

class SideFile {
 public:
  // What becomes of an earlier run's.
  enum class Earlier { kReplaced, kKept };

  SideFile() = default;

  // `what` it is for: "dead letters".
  [[nodiscard]] static Result<SideFile> open(const std::string& what, const std::string& path,
                                             Earlier earlier);

  // Our own standard error.
  [[nodiscard]] static Result<SideFile> open_standard_error(const std::string& what);

  [[nodiscard]] bool is_open() const { return fd_.is_open(); }

  // While nobody reads what it writes, it waits until this is readable, and then fails with
  // Errc::kUnavailable.
  void end_at(int fd) { end_fd_ = fd; }

  // All of it, or an error.
  [[nodiscard]] Result<void> write(std::string_view bytes) const;

 private:
  // Until there is room in what is written to, a pipe; or not, when it is to end.
  [[nodiscard]] bool wait_for_room() const;

  io::Fd fd_;
  int end_fd_ = -1;  // None: it waits for ever.
  std::string what_;
  std::string path_;
};

}  // namespace leat::cli
