// RecordFiles holds records in files, one each, for tools that want a path. They lie in a folder
// of ours under TMPDIR (/tmp without it) that nobody else may enter, and nobody else may read them.
// The folder has room for other things of a tool, such as its named pipe.
//
// A file goes with remove(), the folder and all that lies in it with this object. After a sudden
// death of this process that is the guardian's: tell it of the folder before the first file.
//
// One thread. Writing is to a file system's memory, and waits as long as that does.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "io/user.h"

namespace leat::io {

class RecordFiles {
 public:
  // Makes the folder. Errc::kUnavailable: the system was short of something.
  [[nodiscard]] static Result<RecordFiles> create();

  RecordFiles(RecordFiles&& other) noexcept;
  RecordFiles& operator=(RecordFiles&& other) noexcept;
  RecordFiles(const RecordFiles&) = delete;
  RecordFiles& operator=(const RecordFiles&) = delete;
  ~RecordFiles();

  // Absolute, without a line break.
  [[nodiscard]] const std::string& folder() const { return folder_; }

  // The path of a new file with these bytes, which the reader can read: we without one, and when
  // only root could give it away. Others may then pass through the folder, and see nothing there.
  // Errc::kUnavailable: there was no room.
  [[nodiscard]] Result<std::string> write(std::string_view record,
                                          const std::optional<User>& reader = {});

  // The path of something that is not there yet, for its user: as with write().
  [[nodiscard]] Result<std::string> reserve(const std::optional<User>& user = {});

  // REQUIRES: write() gave the path.
  static void remove(const std::string& path);

 private:
  [[nodiscard]] std::string next_path();

  explicit RecordFiles(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;  // Empty: moved from.
  std::uint64_t count_ = 0;
};

}  // namespace leat::io
