// A disk that fails when it is told to, under RocksDB itself: writes that fail, that write a part
// only, that find no space, and syncs that fail and lose what was not synced.

#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

namespace leat::journal {

enum class Fault : std::uint8_t { kNone, kWriteError, kNoSpace, kShortWrite, kSyncError };

// What the disk is to do; shared by all its files. Any thread.
class FaultPlan {
 public:
  // From the operation that `after` others precede.
  void fail(Fault fault, int after) {
    left_ = after;
    fault_ = fault;
  }

  void heal() { fault_ = Fault::kNone; }

  // Whether an operation that `which` concerns is to fail now.
  bool strikes(Fault which) {
    if (fault_ != which || left_-- > 0) return false;
    ++struck_;
    return true;
  }

  [[nodiscard]] int struck() const { return struck_; }

 private:
  std::atomic<Fault> fault_ = Fault::kNone;
  std::atomic<int> left_ = 0;
  std::atomic<int> struck_ = 0;
};

class FaultyFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path, FaultPlan& plan)
      : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), plan_(plan) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* context) override {
    return write(data, [&](const rocksdb::Slice& part) {
      size_ += part.size();
      return FSWritableFileOwnerWrapper::Append(part, options, context);
    });
  }

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& /*verification*/,
                           rocksdb::IODebugContext* context) override {
    return Append(data, options, context);
  }

  // Of direct writes, whole blocks.
  rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, std::uint64_t at,
                                     const rocksdb::IOOptions& options,
                                     rocksdb::IODebugContext* context) override {
    return write(data, [&](const rocksdb::Slice& part) {
      if (part.size() < data.size()) return rocksdb::IOStatus::OK();
      size_ = at + part.size();
      return FSWritableFileOwnerWrapper::PositionedAppend(part, at, options, context);
    });
  }

  rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, std::uint64_t at,
                                     const rocksdb::IOOptions& options,
                                     const rocksdb::DataVerificationInfo& /*verification*/,
                                     rocksdb::IODebugContext* context) override {
    return PositionedAppend(data, at, options, context);
  }

  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* context) override {
    if (plan_.strikes(Fault::kSyncError)) return lose();
    synced_ = size_;
    return FSWritableFileOwnerWrapper::Sync(options, context);
  }

  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* context) override {
    if (plan_.strikes(Fault::kSyncError)) return lose();
    synced_ = size_;
    return FSWritableFileOwnerWrapper::Fsync(options, context);
  }

 private:
  template <typename Writer>
  rocksdb::IOStatus write(const rocksdb::Slice& data, const Writer& writer) {
    if (plan_.strikes(Fault::kWriteError)) return rocksdb::IOStatus::IOError("Input/output error");
    if (plan_.strikes(Fault::kNoSpace)) {
      // What fits is written, as a file system does.
      (void)writer(rocksdb::Slice(data.data(), data.size() / 3));
      return rocksdb::IOStatus::NoSpace("No space left on device");
    }
    if (plan_.strikes(Fault::kShortWrite)) {
      (void)writer(rocksdb::Slice(data.data(), data.size() / 2));
      return rocksdb::IOStatus::IOError("Input/output error");
    }
    return writer(data);
  }

  // Says so once, and the pages are gone: as Linux does it.
  rocksdb::IOStatus lose() {
    std::error_code ignored;
    std::filesystem::resize_file(path_, synced_, ignored);
    return rocksdb::IOStatus::IOError("While fdatasync", "Input/output error");
  }

  std::string path_;
  FaultPlan& plan_;
  std::uint64_t size_ = 0;
  std::uint64_t synced_ = 0;  // Bytes that no loss can take.
};

class FaultyFileSystem : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFileSystem(FaultPlan& plan)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), plan_(plan) {}

  [[nodiscard]] const char* Name() const override { return "FaultyFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override {
    auto status = FileSystemWrapper::NewWritableFile(path, options, file, context);
    if (status.ok()) *file = std::make_unique<FaultyFile>(std::move(*file), path, plan_);
    return status;
  }

 private:
  FaultPlan& plan_;
};

class FaultyDisk {
 public:
  FaultyDisk() : env_(rocksdb::NewCompositeEnv(std::make_unique<FaultyFileSystem>(plan_))) {}

  [[nodiscard]] rocksdb::Env* env() const { return env_.get(); }

  [[nodiscard]] FaultPlan& plan() { return plan_; }

 private:
  FaultPlan plan_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace leat::journal
