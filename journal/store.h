// Store keeps the journal's two tables (journal/entry.h) in a directory, by RocksDB. It is the
// synchronous part: whoever calls waits for the disk. journal/journal.h puts a thread around it;
// docs/journal.md says what lies in the directory.
//
// 1. What write() was told to sync is there after kill -9 and power loss. What is there after them
// is
//    the state after all entries up to some one, each whole, in the order in which they were
//    written.
// 2. A directory belongs to one process at a time; a second one is refused.
// 3. A write that power cut off is cut away at open. Damage anywhere else is told with the file
// and,
//    where it is known, the offset, and never passed over in silence, unless the store was opened
//    to salvage what can be read.
// 4. After write() or sync() has failed nothing more can be written before reopen(). Reading goes
// on.
// 5. Each error is one line that names the directory.
//
// write(), sync(), reopen() and close() are for one thread; read() and scan() for any, but not
// during reopen() and close().

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "journal/entry.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace leat::journal {

enum class WhenDamaged : std::uint8_t { kRefuse, kSalvage };

enum class Sync : std::uint8_t { kYes, kNo };

struct StoreOptions {
  WhenDamaged when_damaged = WhenDamaged::kRefuse;
  // Of payloads what gathers in memory before it is sorted into files: twice as much at most. What
  // is erased meanwhile is not written a second time. Logs are three times as long at most, and
  // replayed at open.
  std::size_t buffer_bytes = std::size_t{128} << 20;
  rocksdb::Env* env = nullptr;  // What stands for the disk, in tests. Outlives the store.
};

class Store {
 public:
  // Makes the directory (for its owner alone) unless it is there; its parent must be.
  //   kUnavailable      another process has it open
  //   kMalformed        damaged, and not to be salvaged; or nothing that Leat wrote
  //   kInvalidArgument  of a newer format than this program knows
  //   kSystem           the system says no: no space, no permission
  [[nodiscard]] static Result<Store> open(const std::string& directory,
                                          const StoreOptions& options = {});

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  // All of the entries or, after power loss or an error, none; kNo leaves the time of writing to
  // the disk to the system, which survives the death of this process.
  [[nodiscard]] Result<void> write(std::span<const Entry> entries, Sync sync);

  // Everything written before is on the disk.
  [[nodiscard]] Result<void> sync();

  // Nothing where no such key is. kMalformed: what lies there is damaged. kUnavailable: a reopen()
  // has failed.
  [[nodiscard]] Result<std::optional<Bytes>> read(Table table, std::string_view key) const;

  // Each key that begins with `prefix`, ascending, with its value, until `each` returns false. Both
  // are lent for the call.
  using Each = std::function<bool(std::string_view key, std::string_view value)>;
  [[nodiscard]] Result<void> scan(Table table, std::string_view prefix, const Each& each) const;

  // Whether the disk takes `bytes` more and syncs them: writes a file, and removes it.
  [[nodiscard]] Result<void> probe(std::size_t bytes) const;

  // Closes and opens; after an error nothing can be read either before the next one succeeds.
  [[nodiscard]] Result<void> reopen();

  // Lets go of the directory; after it nothing can be read or written before reopen().
  void close();

  // What salvaging left out, a line for each file or kind. Empty when all was well.
  [[nodiscard]] const std::vector<std::string>& dropped() const;

  [[nodiscard]] const std::string& directory() const;

  class Files;

  // open() makes one that is open.
  explicit Store(std::unique_ptr<Files> files);

 private:
  std::unique_ptr<Files> files_;
};

}  // namespace leat::journal
