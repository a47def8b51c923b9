// What people are told is at most so long, whatever tools, nodes and clients say: a peer could not
// read a longer one.

#pragma once

#include <cstddef>
#include <string>

namespace leat::broker {

inline constexpr std::size_t kReasonBytesMax = std::size_t{32} << 10;

[[nodiscard]] inline std::string shortened(std::string reason,
                                           std::size_t bytes_max = kReasonBytesMax) {
  if (reason.size() > bytes_max) reason.replace(bytes_max - 3, std::string::npos, "...");
  return reason;
}

}  // namespace leat::broker
