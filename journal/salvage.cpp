#include "journal/salvage.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include <rocksdb/metadata.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/utilities/debug.h>
#include <rocksdb/utilities/ldb_cmd.h>

#include "journal/engine_errors.h"

namespace leat::journal {

namespace {

using rocksdb::Status;

constexpr std::size_t kKeysAtOnce = 4096;

class Salvage {
 public:
  Salvage(const std::string& directory, const StoreOptions& options,
          std::vector<std::string>& dropped)
      : directory_(directory), options_(options), dropped_(dropped) {}

  Status open(std::unique_ptr<Engine>& engine) {
    Status status = leave_out_tables();
    if (status.ok()) status = Engine::open(directory_, options_, engine);
    if (status.ok()) status = leave_out_values(*engine);
    if (status.ok() || status.IsNoSpace() || status.IsBusy()) return status;
    engine.reset();
    status = repair(status);
    if (status.ok()) status = Engine::open(directory_, options_, engine);
    if (status.ok()) status = leave_out_values(*engine);
    return status;
  }

 private:
  // Files of tables that are damaged, or not there.
  Status leave_out_tables() {
    std::vector<rocksdb::LiveFileMetaData> files;
    Status status = list(files);
    for (const rocksdb::LiveFileMetaData& file : files) {
      if (!status.ok()) return status;
      const Status read = try_table(file);
      if (!read.ok()) status = leave_out(file, read);
    }
    return status;
  }

  Status list(std::vector<rocksdb::LiveFileMetaData>& files) const {
    rocksdb::DBOptions lenient = Engine::options(options_);
    lenient.paranoid_checks = false;
    lenient.create_if_missing = false;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    Status status = rocksdb::DB::OpenForReadOnly(lenient, directory_, Engine::families(options_),
                                                 &handles, &opened);
    if (!status.ok()) return status;
    const Engine engine(std::unique_ptr<rocksdb::DB>(opened), std::move(handles));
    engine.db().GetLiveFilesMetaData(&files);
    return status;
  }

  [[nodiscard]] rocksdb::Options plain_options() const {
    rocksdb::Options options;
    if (options_.env != nullptr) options.env = options_.env;
    return options;
  }

  [[nodiscard]] Status try_table(const rocksdb::LiveFileMetaData& file) const {
    rocksdb::SstFileReader reader(plain_options());
    Status status = reader.Open(directory_ + file.name);
    return status.ok() ? reader.VerifyChecksum() : status;
  }

  // By the one way that RocksDB has to take a file out of the manifest at any level.
  Status leave_out(const rocksdb::LiveFileMetaData& file, const Status& reason) {
    const auto families = Engine::families(options_);
    const std::unique_ptr<rocksdb::LDBCommand> command(rocksdb::LDBCommand::InitFromCmdLineArgs(
        {"--db=" + directory_, "unsafe_remove_sst_file", std::to_string(file.file_number)},
        plain_options(), rocksdb::LDBOptions(), &families));
    if (command == nullptr) return Status::NotSupported("no table can be left out");
    command->Run();
    if (command->GetExecuteState().IsFailed()) {
      return Status::Corruption(command->GetExecuteState().ToString());
    }
    put_aside(file.name);
    dropped_.push_back(file.name.substr(1) + ": a file of table " + file.column_family_name +
                       " with " + std::to_string(file.num_entries) + " keys: " + words_of(reason));
    return Status::OK();
  }

  void put_aside(const std::string& name) const {
    std::error_code ignored;
    std::filesystem::create_directory(directory_ + "/lost", ignored);
    std::filesystem::rename(directory_ + name, directory_ + "/lost" + name, ignored);
  }

  Status leave_out_values(const Engine& engine) {
    for (const Table table : {Table::kState, Table::kPayload}) {
      std::uint64_t count = 0;
      const Status status = erase_unreadable(engine, table, count);
      if (!status.ok()) return status;
      if (count == 0) continue;
      dropped_.push_back("table " + engine.family(table)->GetName() + ": " + std::to_string(count) +
                         " keys whose values cannot be read");
    }
    return engine.db().SyncWAL();
  }

  // RocksDB lists keys without looking at their values a portion at a time.
  static Status erase_unreadable(const Engine& engine, Table table, std::uint64_t& count) {
    std::string last;
    std::vector<rocksdb::KeyVersion> versions;
    do {
      versions.clear();
      Status status = rocksdb::GetAllKeyVersions(&engine.db(), engine.family(table), last,
                                                 rocksdb::Slice(), kKeysAtOnce, &versions);
      if (!status.ok()) return status;
      for (const rocksdb::KeyVersion& version : versions) {
        if (version.user_key == last && !last.empty()) continue;  // An older one of the same.
        last = version.user_key;
        status = erase_if_unreadable(engine, engine.family(table), last, count);
        if (!status.ok()) return status;
      }
    } while (versions.size() >= kKeysAtOnce);
    return Status::OK();
  }

  static Status erase_if_unreadable(const Engine& engine, rocksdb::ColumnFamilyHandle* family,
                                    const std::string& key, std::uint64_t& count) {
    rocksdb::PinnableSlice value;
    const Status status = engine.db().Get(rocksdb::ReadOptions(), family, key, &value);
    if (status.ok() || status.IsNotFound()) return Status::OK();
    ++count;
    return engine.db().Delete(rocksdb::WriteOptions(), family, key);
  }

  Status repair(const Status& reason) {
    dropped_.push_back("the list of the files, made anew from what lies there: " +
                       words_of(reason));
    return rocksdb::RepairDB(directory_, Engine::options(options_), Engine::families(options_));
  }

  const std::string& directory_;
  const StoreOptions& options_;
  std::vector<std::string>& dropped_;
};

}  // namespace

Result<std::unique_ptr<Engine>> salvage(const std::string& directory, const StoreOptions& options,
                                        std::vector<std::string>& dropped) {
  std::unique_ptr<Engine> engine;
  const Status status = Salvage(directory, options, dropped).open(engine);
  if (!status.ok()) return explained(directory, status);
  return engine;
}

}  // namespace leat::journal
