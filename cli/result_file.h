// ResultFile is FILE of `leat recv --to FILE` with FILE.leat beside it: it carries out what
// FileSink decides, on real files.
//
// FILE is locked while a ResultFile is open; the operating system takes the lock back when the
// process dies. FILE is written in place and never replaced, so that the lock is on what the path
// names. One thread; syncing waits for the disk.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "cli/file_sink.h"
#include "core/result.h"
#include "io/fd.h"

namespace leat::cli {

class ResultFile {
 public:
  // Makes FILE if it is not there. Refuses one that is not a regular file, that another process has
  // open so, or that does not fit to its state. What was written beyond the state is cut off.
  [[nodiscard]] static Result<ResultFile> open(const std::string& path, FileSink::Purpose purpose,
                                               const std::string& consumer);

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] const FileSink& sink() const { return sink_; }

  [[nodiscard]] bool has_failed() const { return has_failed_; }

  void set_framing(framing::Framing framing) { sink_.set_framing(std::move(framing)); }

  void confirm(std::uint64_t delivery) { sink_.confirm(delivery); }

  // Up to which delivery all is in FILE and in the state now, if that is new. An error names the
  // path, and says that nothing is lost; from then on FILE is not touched, and ends with what the
  // state has.
  using Kept = Result<std::optional<std::uint64_t>>;

  // As FileSink's.
  [[nodiscard]] Kept open_session(std::uint64_t epoch);
  [[nodiscard]] Kept add(const wire::Delivery& delivery, Instant now);
  [[nodiscard]] Kept tick(Instant now);
  [[nodiscard]] Kept flush();
  [[nodiscard]] Kept end();

  [[nodiscard]] std::optional<Instant> next_deadline() const {
    return has_failed_ ? std::nullopt : sink_.next_deadline();
  }

 private:
  ResultFile(std::string path, io::Fd fd, FileSink sink, std::uint64_t length)
      : path_(std::move(path)), fd_(std::move(fd)), sink_(std::move(sink)), length_(length) {}

  [[nodiscard]] Kept carry_out(const SinkEffects& effects);
  [[nodiscard]] Result<void> check_untouched(std::uint64_t length) const;
  void cut_off() const;
  [[nodiscard]] Result<void> order(const TruncateFile& effect);
  [[nodiscard]] Result<void> order(const WriteFile& effect);
  [[nodiscard]] Result<void> order(const SyncFile& effect);
  [[nodiscard]] Result<void> order(const WriteState& effect);
  [[nodiscard]] Result<void> order(const Acknowledge& effect);

  std::string path_;
  io::Fd fd_;  // Holds the lock.
  FileSink sink_;
  std::uint64_t length_;  // By the state that is there.
  std::optional<std::uint64_t> acknowledged_;
  bool has_failed_ = false;
};

}  // namespace leat::cli
