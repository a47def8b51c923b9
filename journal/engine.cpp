#include "journal/engine.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>
#include <unistd.h>

#include "io/fd.h"

namespace leat::journal {

namespace {

constexpr std::size_t kStateBufferBytes = std::size_t{16} << 20;
// Smaller payloads lie in the tables' own files.
constexpr std::uint64_t kBlobBytesMin = 512;
constexpr std::uint64_t kBlobFileBytes = std::uint64_t{64} << 20;
// A large backlog has hundreds of payload files; descriptors are for sockets, too.
constexpr int kOpenFilesMax = 256;
constexpr std::size_t kCacheBytes = std::size_t{16} << 20;
constexpr std::size_t kLogTextBytesMax = std::size_t{1} << 20;

// Not every file system does.
bool takes_direct_writes(const std::string& directory) {
  const std::string path = directory + "/probe";
  const io::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600));
  ::unlink(path.c_str());
  return file.is_open();
}

rocksdb::ColumnFamilyOptions plain_family() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kCacheBytes);
  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.compression = rocksdb::kNoCompression;
  family.write_buffer_size = kStateBufferBytes;
  return family;
}

rocksdb::ColumnFamilyOptions payload_family(const StoreOptions& given) {
  rocksdb::ColumnFamilyOptions family = plain_family();
  family.write_buffer_size = given.buffer_bytes / 4;
  family.max_write_buffer_number = 8;
  family.min_write_buffer_number_to_merge = 4;
  // Large values in files of their own, which compaction leaves alone until most of one is garbage.
  family.enable_blob_files = true;
  family.min_blob_size = kBlobBytesMin;
  family.blob_file_size = kBlobFileBytes;
  family.enable_blob_garbage_collection = true;
  family.blob_garbage_collection_age_cutoff = 0.1;
  family.blob_garbage_collection_force_threshold = 0.75;
  return family;
}

}  // namespace

rocksdb::DBOptions Engine::options(const StoreOptions& given) {
  rocksdb::DBOptions options;
  if (given.env != nullptr) options.env = given.env;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  // scan_wal() has looked before: what is torn has been cut off.
  options.wal_recovery_mode = given.when_damaged == WhenDamaged::kSalvage
                                  ? rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords
                                  : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.max_total_wal_size = 3 * std::max(given.buffer_bytes, kStateBufferBytes);
  // One thread writes; nobody else is to be kept out.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;
  // Errors are answered by Store::reopen(), not by threads of RocksDB's own.
  options.max_bgerror_resume_count = 0;
  // No slowing down ahead of time: writing waits when the buffers are full, and then for one of
  // them.
  options.delayed_write_rate = std::uint64_t{4} << 30;
  // One alone does not keep up with the log.
  options.max_background_flushes = 2;
  options.max_background_compactions = 1;
  options.max_open_files = kOpenFilesMax;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.max_log_file_size = kLogTextBytesMax;
  options.keep_log_file_num = 2;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> Engine::families(const StoreOptions& given) {
  return {{kFamilies[0], plain_family()},
          {kFamilies[1], plain_family()},
          {kFamilies[2], payload_family(given)}};
}

rocksdb::Status Engine::open(const std::string& directory, const StoreOptions& given,
                             std::unique_ptr<Engine>& engine) {
  rocksdb::DBOptions how = options(given);
  // Else syncing a log waits for the pages of tables that are written meanwhile.
  how.use_direct_io_for_flush_and_compaction = takes_direct_writes(directory);
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::Status status = rocksdb::DB::Open(how, directory, families(given), &handles, &db);
  if (status.ok()) {
    engine = std::make_unique<Engine>(std::unique_ptr<rocksdb::DB>(db), std::move(handles));
  }
  return status;
}

Engine::Engine(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> handles)
    : db_(std::move(db)), handles_(std::move(handles)) {}

Engine::~Engine() {
  for (rocksdb::ColumnFamilyHandle* const handle : handles_) {
    (void)db_->DestroyColumnFamilyHandle(handle);
  }
  (void)db_->Close();
}

}  // namespace leat::journal
