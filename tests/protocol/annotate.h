// A message's frames as docs/protocol.md shows them: hexadecimal bytes, and behind a semicolon what
// they say. Frames are separated by an empty line; "-" is a frame without bytes.

#pragma once

#include <string>

#include "wire/codec.h"

namespace leat::wire::testing {

[[nodiscard]] std::string annotated(const Message& message);

// The frames of such a text, its remarks passed over. Aborts on what is not hexadecimal.
[[nodiscard]] Frames frames_of(const std::string& text);

}  // namespace leat::wire::testing
