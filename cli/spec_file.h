// A pipeline's YAML file, read and checked.

#pragma once

#include <string>

#include "core/result.h"
#include "spec/pipeline_spec.h"
#include "wire/messages.h"

namespace leat::cli {

struct SpecFile {
  std::string file;       // As the user named it.
  std::string directory;  // Absolute: where the file lies.
  std::string text;
  spec::Pipeline pipeline;

  [[nodiscard]] wire::Deploy deploy() const {
    return {.file = file, .directory = directory, .spec_text = text};
  }
};

[[nodiscard]] Result<SpecFile> read_spec(const std::string& path);

}  // namespace leat::cli
