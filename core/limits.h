// Every limit of the system, in one place. At each of them something stated happens; nothing grows
// without one. Bytes are bytes, counts are records unless they say otherwise.

#pragma once

#include <cstddef>
#include <cstdint>

#include "core/time.h"

namespace leat {

struct Limits {
  // A larger record is a dead letter that tells its size; a tool that prints one fails.
  std::size_t record_bytes_max = std::size_t{64} << 20;
  // What the broker holds for one pipeline: waiting, leased, undelivered. At the limit it admits
  // nothing new and dispatches only each producer's oldest open record.
  std::size_t queue_bytes_max = std::size_t{256} << 20;
  // What one producer may have submitted without its being settled; beyond it, no credit.
  std::size_t session_bytes_max = std::size_t{16} << 20;
  // Blob bytes of one lease; a larger record travels alone.
  std::size_t lease_bytes_max = std::size_t{256} << 10;
  // Dead letters' last lines of standard error.
  std::size_t stderr_bytes_max = std::size_t{16} << 10;
  std::uint32_t stderr_lines_max = 20;
};

}  // namespace leat
