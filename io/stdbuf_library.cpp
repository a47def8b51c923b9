#include "io/stdbuf_library.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include <unistd.h>

namespace leat::io {

namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "libstdbuf.so";

// The linker splits what it is to preload at these.
bool can_be_preloaded(const fs::path& file) {
  return file.native().find_first_of(": ") == std::string::npos &&
         ::access(file.c_str(), R_OK) == 0;
}

// Behind its links: the folder it was installed into.
std::optional<fs::path> folder_of_stdbuf(std::string_view path) {
  while (!path.empty()) {
    const std::string_view folder = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(path.size(), folder.size() + 1));
    const fs::path program = fs::path(folder) / "stdbuf";
    if (!program.is_absolute() || ::access(program.c_str(), X_OK) != 0) continue;
    std::error_code error;
    const fs::path real = fs::canonical(program, error);
    if (!error) return real.parent_path();
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> find_stdbuf_library(std::string_view path) {
  std::vector<fs::path> folders;
  if (const std::optional<fs::path> beside = folder_of_stdbuf(path)) {
    const fs::path root = beside->parent_path();
    folders = {*beside, root / "libexec/coreutils", root / "lib/coreutils"};
  }
  for (const char* usual : {"/usr/libexec/coreutils", "/usr/lib/coreutils",
                            "/usr/local/libexec/coreutils", "/usr/local/lib/coreutils"}) {
    folders.emplace_back(usual);
  }
  for (const fs::path& folder : folders) {
    if (can_be_preloaded(folder / kName)) return (folder / kName).string();
  }
  return failure(Errc::kNotFound,
                 "there is no libstdbuf.so, which stdbuf of coreutils 7.5 or later brings along");
}

}  // namespace leat::io
