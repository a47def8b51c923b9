// YAML text to a checked Pipeline. Total: any bytes give a Pipeline or one Error whose message
// reads "FILE:LINE:COLUMN: found X, expected Y", with the nearest known word where one is near.

#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "spec/pipeline_spec.h"

namespace leat::spec {

struct Source {
  std::string_view text;
  std::string file;       // As the user named it, for messages.
  std::string directory;  // Absolute: relative tool paths and the working directory.
};

[[nodiscard]] Result<Pipeline> parse(const Source& source);

}  // namespace leat::spec
