#include "cli/tool_words.h"

namespace leat::cli {

Result<ToolWords> ToolWords::open(const std::optional<std::string>& path) {
  constexpr const char* kWhat = "words of the tools";
  ToolWords words;
  if (!path) return words;
  Result<SideFile> file = *path == "-" ? SideFile::open_standard_error(kWhat)
                                       : SideFile::open(kWhat, *path, SideFile::Earlier::kReplaced);
  if (!file) return tl::unexpected(file.error());
  words.file_ = *std::move(file);
  return words;
}

Result<void> ToolWords::add(const wire::Delivery& delivery) {
  for (const wire::StageSaid& one : delivery.said) {
    bytes_left_out_ += one.said.bytes_left_out;
    if (!is_open()) continue;
    if (Result<void> written = file_.write(one.said.text); !written) return written;
  }
  return {};
}

}  // namespace leat::cli
