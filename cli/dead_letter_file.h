// Failed records as JSON Lines, one object for each record (or window):
//   {"pipeline": ..., "producer": ..., "time": ..., "stage": ..., "node": ..., "record": "7",
//    "attempts": 3, "kind": "signal", "status": 11, "signal": "SIGSEGV", "elapsed_ms": 1.25,
//    "reason": ..., "stderr": ..., "text": ... or "base64": ..., "repeat": ...}
// "producer" is there where somebody else than the reader sent the record, "time" is when it was
// written here. Bytes stand as text when they are UTF-8, else as base64. A record that was too
// large to be read has "bytes" (its size) instead.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/side_file.h"
#include "core/result.h"
#include "wire/messages.h"

namespace leat::cli {

class DeadLetterFile {
 public:
  DeadLetterFile() = default;

  using Earlier = SideFile::Earlier;

  [[nodiscard]] static Result<DeadLetterFile> open(const std::string& path, Earlier earlier);

  // One that is not open, without a path.
  [[nodiscard]] static Result<DeadLetterFile> open_if_named(const std::optional<std::string>& path,
                                                            Earlier earlier) {
    return path ? open(*path, earlier) : DeadLetterFile();
  }

  [[nodiscard]] bool is_open() const { return file_.is_open(); }

  [[nodiscard]] const std::string& path() const { return path_; }

  // SideFile::end_at().
  void end_at(int fd) { file_.end_at(fd); }

  // Where failed records come from.
  struct Source {
    std::string pipeline;
    std::string producer;  // Empty: this process.
  };

  [[nodiscard]] Result<void> add(const Source& source, const wire::DeadLetter& letter);
  [[nodiscard]] Result<void> add_oversize(const Source& source, std::uint64_t record,
                                          std::uint64_t bytes);

 private:
  SideFile file_;
  std::string path_;
};

}  // namespace leat::cli
