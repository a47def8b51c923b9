// A pipeline's YAML file, read and checked.

#pragma once

#include <string>

#include "core/result.h"
#include "spec/pipeline_spec.h"
#include "wire/messages.h"

namespace leat::cli {

struct SpecFile {
  std::string file;       // As the user named it.
  std::string directory;  // Absolute: where the file lies, unless another was told.
  std::string text;
  spec::Pipeline pipeline;

  [[nodiscard]] wire::Deploy deploy() const {
    return {.file = file, .directory = directory, .spec_text = text};
  }
};

// Relative paths in it count from `directory`, or without one from where the file lies.
[[nodiscard]] Result<SpecFile> read_spec(const std::string& path,
                                         const std::string& directory = "");

}  // namespace leat::cli
