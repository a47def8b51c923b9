// What lies in one of RocksDB's log files (write-ahead logs): looked through before RocksDB opens
// them, because it cannot tell a write that power cut off from damage in the middle, nor does it
// say where.
//
// A log is written one group after the other, and each is synced before the next begins. So bytes
// that cannot be read and are followed by the beginning of a further group were whole once: damage.
// Where nothing whole begins behind them they are the write that was under way when the power went,
// which nobody was told of: torn.
//
// Reads the file once, in pieces. Any thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace leat::journal {

struct WalScan {
  // One place that cannot be read.
  struct Damage {
    std::uint64_t offset = 0;  // Of the first group that is not whole.
    std::uint64_t bytes = 0;   // Up to the next group that is.
  };

  std::uint64_t groups = 0;       // How many are whole.
  std::vector<Damage> damages;    // Ascending; at most kDamagesMax.
  std::uint64_t whole_bytes = 0;  // Up to the end of the last whole group.
  std::uint64_t file_bytes = 0;

  static constexpr std::size_t kDamagesMax = 1000;

  [[nodiscard]] bool is_torn() const { return whole_bytes < file_bytes; }
};

// Errc::kSystem: the file cannot be read.
[[nodiscard]] Result<WalScan> scan_wal(const std::string& path);

}  // namespace leat::journal
