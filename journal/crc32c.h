// CRC-32C (Castagnoli), the checksum of RocksDB's log files. Uses the processor's instruction where
// there is one. Any thread.

#pragma once

#include <cstdint>
#include <string_view>

namespace leat::journal {

// The checksum of what `before` is the checksum of, followed by `bytes`; 0 is that of nothing.
[[nodiscard]] std::uint32_t crc32c(std::uint32_t before, std::string_view bytes);

}  // namespace leat::journal
