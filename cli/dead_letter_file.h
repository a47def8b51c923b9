// Failed records as JSON Lines, one object for each record (or window):
//   {"pipeline": ..., "stage": ..., "node": ..., "record": "7", "attempts": 3, "kind": "exit",
//    "status": 1, "reason": ..., "stderr": ..., "text": ... or "base64": ...}
// Bytes stand as text when they are UTF-8, else as base64. A record that was too large to be read
// has "bytes" (its size) instead.

#pragma once

#include <cstdint>
#include <string>

#include "core/result.h"
#include "io/fd.h"
#include "wire/messages.h"

namespace leat::cli {

class DeadLetterFile {
 public:
  DeadLetterFile() = default;

  // Creates the file, or empties it.
  [[nodiscard]] static Result<DeadLetterFile> create(const std::string& path);

  [[nodiscard]] bool is_open() const { return fd_.is_open(); }

  [[nodiscard]] Result<void> add(const std::string& pipeline, const wire::DeadLetter& letter);
  [[nodiscard]] Result<void> add_oversize(const std::string& pipeline, std::uint64_t record,
                                          std::uint64_t bytes);

 private:
  [[nodiscard]] Result<void> write(const std::string& line);

  io::Fd fd_;
  std::string path_;
};

[[nodiscard]] const char* kind_name(wire::FailureKind kind);

}  // namespace leat::cli
