#include "cli/spec_file.h"

#include <filesystem>

#include "io/file.h"
#include "spec/parse.h"

namespace leat::cli {

namespace {

// Beyond what parse() takes, so that it is parse() that says what is wrong.
constexpr std::size_t kSpecBytesMax = std::size_t{16} << 20;

}  // namespace

Result<SpecFile> read_spec(const std::string& path, const std::string& directory) {
  Result<std::string> text = io::read_file(path, kSpecBytesMax);
  if (!text) return tl::unexpected(text.error());
  std::error_code error;
  const std::filesystem::path file = std::filesystem::absolute(path, error).lexically_normal();
  SpecFile spec;
  spec.file = path;
  spec.directory = file.parent_path().string();
  if (!directory.empty()) {
    spec.directory = std::filesystem::absolute(directory, error).lexically_normal().string();
  }
  spec.text = std::move(*text);
  Result<spec::Pipeline> pipeline = spec::parse({spec.text, spec.file, spec.directory});
  if (!pipeline) return tl::unexpected(pipeline.error());
  spec.pipeline = std::move(*pipeline);
  return spec;
}

}  // namespace leat::cli
