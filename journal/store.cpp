#include "journal/store.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>

#include <fcntl.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/system_error.h"
#include "journal/blob_place.h"
#include "journal/engine.h"
#include "journal/engine_errors.h"
#include "journal/key.h"
#include "journal/salvage.h"
#include "journal/wal_scan.h"

namespace leat::journal {

namespace {

namespace fs = std::filesystem;

rocksdb::Slice slice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}

rocksdb::Env* env_of(const StoreOptions& options) {
  return options.env != nullptr ? options.env : rocksdb::Env::Default();
}

// What it makes outlives a loss of power.
Result<void> make_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0) {
    if (errno == EEXIST) return {};
    return io::system_failure(Errc::kSystem, "cannot make the directory " + directory);
  }
  const std::string parent = directory + "/..";
  const io::Fd fd(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_open() && ::fsync(fd.get()) == 0) return {};
  return io::system_failure(Errc::kSystem, "cannot sync " + parent);
}

// RocksDB's lock, while its files are looked at before it opens them.
class DirectoryLock {
 public:
  DirectoryLock(const std::string& directory, rocksdb::Env* env)
      : env_(env), status_(env->LockFile(directory + "/LOCK", &lock_)) {}

  ~DirectoryLock() {
    if (status_.ok()) (void)env_->UnlockFile(lock_);
  }

  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  DirectoryLock(DirectoryLock&&) = delete;
  DirectoryLock& operator=(DirectoryLock&&) = delete;

  [[nodiscard]] const rocksdb::Status& status() const { return status_; }

 private:
  rocksdb::Env* env_;
  rocksdb::FileLock* lock_ = nullptr;
  rocksdb::Status status_;
};

// RocksDB's log files; its log in words is called LOG.
std::vector<fs::path> log_files(const std::string& directory) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(directory, ignored)) {
    if (file.path().extension() == ".log") files.push_back(file.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// Whether anything lies there that entries were written to.
bool holds_data(const std::string& directory) {
  std::error_code ignored;
  const fs::directory_iterator files(directory, ignored);
  return std::any_of(begin(files), end(files), [](const fs::directory_entry& file) {
    const std::string extension = file.path().extension().string();
    return extension == ".log" || extension == ".sst" || extension == ".blob";
  });
}

Result<void> cut(const std::string& path, std::uint64_t bytes) {
  const io::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.is_open() || ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0 ||
      ::fsync(file.get()) != 0) {
    return io::system_failure(Errc::kSystem, "cannot cut off what is torn of " + path);
  }
  return {};
}

// Cuts off what is torn. Damage is an error, or is told in `dropped`.
Result<void> look_through_logs(const std::string& directory, WhenDamaged when_damaged,
                               std::vector<std::string>& dropped) {
  for (const fs::path& file : log_files(directory)) {
    const auto scan = scan_wal(file.string());
    if (!scan) return tl::unexpected(scan.error());
    for (const WalScan::Damage& damage : scan->damages) {
      const std::string place = file.filename().string() + " at byte " +
                                std::to_string(damage.offset) + ": " +
                                std::to_string(damage.bytes) + " bytes cannot be read";
      if (when_damaged == WhenDamaged::kRefuse) return damaged(directory, place);
      dropped.push_back(place);
    }
    if (!scan->is_torn()) continue;
    if (auto done = cut(file.string(), scan->whole_bytes); !done) return done;
  }
  return {};
}

// Without `value` there is none yet.
Result<void> check_format(const std::string& directory, const std::string& value) {
  int format = 0;
  const char* const end = value.data() + value.size();
  const auto parsed = std::from_chars(value.data(), end, format);
  if (parsed.ec != std::errc{} || parsed.ptr != end || format < 1) {
    return damaged(directory, "its format is told as '" + value + "', and should be a number");
  }
  if (format <= kFormat) return {};
  return failure(Errc::kInvalidArgument,
                 "the journal in " + directory + " has format " + value +
                     ", and this program knows formats up to " + std::to_string(kFormat) +
                     ": use the version of leat that wrote it, or a later one");
}

// A later format may have tables that this program cannot open.
Result<void> check_families(const std::string& directory, const StoreOptions& options) {
  std::vector<std::string> names;
  const auto listed = rocksdb::DB::ListColumnFamilies(Engine::options(options), directory, &names);
  // What is wrong with them open() will say.
  const bool are_known = std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return std::find(kFamilies.begin(), kFamilies.end(), name) != kFamilies.end();
  });
  if (!listed.ok() || are_known) return {};
  rocksdb::DB* opened = nullptr;
  auto status = rocksdb::DB::OpenForReadOnly(rocksdb::Options(), directory, &opened);
  const std::unique_ptr<rocksdb::DB> db(opened);
  std::string value;
  if (status.ok()) status = db->Get(rocksdb::ReadOptions(), kFormatKey, &value);
  if (status.ok()) {
    if (auto checked = check_format(directory, value); !checked) return checked;
  }
  return failure(
      Errc::kMalformed,
      directory + " holds a database that is no journal of leat; give another directory");
}

}  // namespace

class Store::Files {
 public:
  Files(std::string directory, StoreOptions options)
      : directory_(std::move(directory)), options_(options) {}

  [[nodiscard]] Result<void> open() {
    if (auto made = make_directory(directory_); !made) return made;
    if (auto looked = look_before(); !looked) return looked;
    if (auto opened = open_engine(); !opened) return opened;
    auto checked = format();
    if (!checked) engine_.reset();
    return checked;
  }

  void close() { engine_.reset(); }

  [[nodiscard]] Engine* engine() const { return engine_.get(); }

  [[nodiscard]] const std::string& directory() const { return directory_; }

  [[nodiscard]] const StoreOptions& options() const { return options_; }

  [[nodiscard]] const std::vector<std::string>& dropped() const { return dropped_; }

  // Cleared between writes; keeps its memory.
  [[nodiscard]] rocksdb::WriteBatch& batch() { return batch_; }

  // It was salvaged; from now on damage is damage.
  void refuse_damage() { options_.when_damaged = WhenDamaged::kRefuse; }

 private:
  Result<void> look_before() {
    const DirectoryLock lock(directory_, env_of(options_));
    if (!lock.status().ok()) return explained(directory_, lock.status());
    has_data_ = holds_data(directory_);
    // RocksDB would begin anew, and remove what lies there.
    std::error_code ignored;
    if (has_data_ && options_.when_damaged == WhenDamaged::kRefuse &&
        !fs::exists(directory_ + "/CURRENT", ignored)) {
      return damaged(directory_, "its file CURRENT is missing");
    }
    if (auto known = check_families(directory_, options_); !known) return known;
    return look_through_logs(directory_, options_.when_damaged, dropped_);
  }

  Result<void> open_engine() {
    if (options_.when_damaged == WhenDamaged::kSalvage && has_data_) {
      auto salvaged = salvage(directory_, options_, dropped_);
      if (!salvaged) return tl::unexpected(salvaged.error());
      engine_ = *std::move(salvaged);
      return {};
    }
    const auto status = Engine::open(directory_, options_, engine_);
    if (!status.ok()) return explained(directory_, status);
    return {};
  }

  Result<void> format() {
    std::string value;
    auto status = engine_->db().Get(rocksdb::ReadOptions(), kFormatKey, &value);
    if (status.ok()) return check_format(directory_, value);
    if (!status.IsNotFound()) return explained(directory_, status);
    // New, or its maker died at this point.
    rocksdb::WriteOptions how;
    how.sync = true;
    status = engine_->db().Put(how, kFormatKey, std::to_string(kFormat));
    if (!status.ok()) return explained(directory_, status);
    return {};
  }

  std::string directory_;
  StoreOptions options_;
  std::vector<std::string> dropped_;
  bool has_data_ = false;  // At the last look.
  rocksdb::WriteBatch batch_;
  std::unique_ptr<Engine> engine_;  // None: a reopen() has failed.
};

namespace {

tl::unexpected<Error> is_closed(const std::string& directory) {
  return failure(Errc::kUnavailable, "the journal in " + directory + " is closed after an error");
}

rocksdb::Status add(rocksdb::WriteBatch& batch, const Engine& engine, const Write& write) {
  return std::visit(
      [&](const auto& what) {
        using What = std::decay_t<decltype(what)>;
        rocksdb::ColumnFamilyHandle* const family = engine.family(what.table);
        if constexpr (std::is_same_v<What, Put>) {
          return batch.Put(family, what.key, slice(what.value.view()));
        } else if constexpr (std::is_same_v<What, Erase>) {
          return batch.Delete(family, what.key);
        } else {
          if (what.from >= what.to) return rocksdb::Status::OK();
          return batch.DeleteRange(family, what.from, what.to);
        }
      },
      write);
}

rocksdb::Status add(rocksdb::WriteBatch& batch, const Engine& engine,
                    std::span<const Entry> entries) {
  for (const Entry& entry : entries) {
    for (const Write& write : entry.writes()) {
      auto status = add(batch, engine, write);
      if (!status.ok()) return status;
    }
  }
  return rocksdb::Status::OK();
}

}  // namespace

Store::Store(std::unique_ptr<Files> files) : files_(std::move(files)) {}

Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(const std::string& directory, const StoreOptions& options) {
  auto files = std::make_unique<Files>(directory, options);
  if (auto opened = files->open(); !opened) return tl::unexpected(opened.error());
  files->refuse_damage();
  return Store(std::move(files));
}

Result<void> Store::write(std::span<const Entry> entries, Sync sync) {
  const Engine* const engine = files_->engine();
  if (engine == nullptr) return is_closed(files_->directory());
  rocksdb::WriteBatch& batch = files_->batch();
  batch.Clear();
  auto status = add(batch, *engine, entries);
  if (status.ok()) {
    rocksdb::WriteOptions how;
    how.sync = sync == Sync::kYes;
    status = engine->db().Write(how, &batch);
  }
  if (!status.ok()) return explained(files_->directory(), status);
  return {};
}

Result<void> Store::sync() {
  if (files_->engine() == nullptr) return is_closed(files_->directory());
  const auto status = files_->engine()->db().SyncWAL();
  if (!status.ok()) return explained(files_->directory(), status);
  return {};
}

Result<std::optional<Bytes>> Store::read(Table table, std::string_view key) const {
  const Engine* const engine = files_->engine();
  if (engine == nullptr) return is_closed(files_->directory());
  std::string value;
  const auto status =
      engine->db().Get(rocksdb::ReadOptions(), engine->family(table), slice(key), &value);
  if (status.ok()) return Bytes::own(std::move(value));
  if (status.IsNotFound()) return std::nullopt;
  if (status.IsCorruption()) {
    if (const auto place = blob_place(*engine, table, key)) {
      return damaged(files_->directory(), *place + ": " + words_of(status));
    }
  }
  return explained(files_->directory(), status);
}

Result<void> Store::scan(Table table, std::string_view prefix, const Each& each) const {
  const Engine* const engine = files_->engine();
  if (engine == nullptr) return is_closed(files_->directory());
  const std::optional<std::string> end = end_of_prefix(prefix);
  rocksdb::Slice bound;
  rocksdb::ReadOptions how;
  how.fill_cache = false;  // All is read once.
  if (end) {
    bound = slice(*end);
    how.iterate_upper_bound = &bound;
  }
  const std::unique_ptr<rocksdb::Iterator> place(
      engine->db().NewIterator(how, engine->family(table)));
  for (place->Seek(slice(prefix)); place->Valid(); place->Next()) {
    if (!each(place->key().ToStringView(), place->value().ToStringView())) break;
  }
  if (!place->status().ok()) return explained(files_->directory(), place->status());
  return {};
}

Result<void> Store::probe(std::size_t bytes) const {
  rocksdb::Env* const env = env_of(files_->options());
  const std::string path = files_->directory() + "/probe";
  const std::string piece(std::min(bytes, std::size_t{1} << 20), '\0');
  std::unique_ptr<rocksdb::WritableFile> file;
  auto status = env->NewWritableFile(path, &file, rocksdb::EnvOptions());
  for (std::size_t left = bytes; status.ok() && left > 0; left -= std::min(left, piece.size())) {
    status = file->Append(rocksdb::Slice(piece.data(), std::min(left, piece.size())));
  }
  if (status.ok()) status = file->Fsync();
  if (file != nullptr) (void)file->Close();
  (void)env->DeleteFile(path);
  if (!status.ok()) return explained(files_->directory(), status);
  return {};
}

Result<void> Store::reopen() {
  files_->close();
  return files_->open();
}

void Store::close() {
  files_->close();
}

const std::vector<std::string>& Store::dropped() const {
  return files_->dropped();
}

const std::string& Store::directory() const {
  return files_->directory();
}

}  // namespace leat::journal
