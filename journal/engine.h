// Engine is RocksDB as the journal uses it: its options and its column families. Inside journal/
// only, as everything that includes RocksDB.

#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include "journal/entry.h"
#include "journal/store.h"

namespace leat::journal {

// The first is RocksDB's own; in it lies the format. The others are the tables, in their order.
inline constexpr std::array<const char*, 3> kFamilies = {"default", "state", "payload"};
inline constexpr const char* kFormatKey = "format";
inline constexpr int kFormat = 1;

class Engine {
 public:
  // How open() and RepairDB() see the directory.
  [[nodiscard]] static rocksdb::DBOptions options(const StoreOptions& given);
  [[nodiscard]] static std::vector<rocksdb::ColumnFamilyDescriptor> families(
      const StoreOptions& given);

  [[nodiscard]] static rocksdb::Status open(const std::string& directory, const StoreOptions& given,
                                            std::unique_ptr<Engine>& engine);

  Engine(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> handles);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  Engine(Engine&&) = delete;
  Engine& operator=(Engine&&) = delete;

  [[nodiscard]] rocksdb::DB& db() const { return *db_; }

  [[nodiscard]] rocksdb::ColumnFamilyHandle* family(Table table) const {
    return handles_[table == Table::kState ? 1 : 2];
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;  // As kFamilies; the db's.
};

}  // namespace leat::journal
