// ToolWords writes what a session's tools said on standard error where the user wants it, as they
// said it, and counts what was left out on the way.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/side_file.h"
#include "wire/messages.h"

namespace leat::cli {

class ToolWords {
 public:
  // Into the file, which is emptied; "-" is our own standard error, and no path is nowhere.
  [[nodiscard]] static Result<ToolWords> open(const std::optional<std::string>& path);

  [[nodiscard]] bool is_open() const { return file_.is_open(); }

  // When writing them is to end though nobody reads them: SideFile::end_at().
  void end_at(int fd) { file_.end_at(fd); }

  // An error: the file cannot be written.
  [[nodiscard]] Result<void> add(const wire::Delivery& delivery);

  [[nodiscard]] std::uint64_t bytes_left_out() const { return bytes_left_out_; }

 private:
  SideFile file_;
  std::uint64_t bytes_left_out_ = 0;
};

}  // namespace leat::cli
