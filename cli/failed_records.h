// FailedRecords tells of the records that failed, the first ones one by one, counts them all, and
// keeps them in a file if the user named one.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/dead_letter_file.h"
#include "cli/input_cutter.h"
#include "core/position.h"
#include "core/result.h"
#include "wire/messages.h"

namespace leat::cli {

class FailedRecords {
 public:
  // `tell` says a line to the user.
  FailedRecords(std::string pipeline, DeadLetterFile file,
                std::function<void(const std::string&)> tell)
      : pipeline_(std::move(pipeline)), file_(std::move(file)), tell_(std::move(tell)) {}

  // When writing them is to end though nobody reads them: DeadLetterFile::end_at().
  void end_at(int fd) { file_.end_at(fd); }

  // What failed and what was dropped. An error: the file cannot be written.
  [[nodiscard]] Result<void> add(const wire::Delivery& delivery);

  // A record of our own input that was too large to be read.
  [[nodiscard]] Result<void> add_oversize(const InputCutter::Oversize& oversize,
                                          std::size_t record_bytes_max);

  [[nodiscard]] std::uint64_t count() const { return count_; }

  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  // Counts them, at the end; says nothing when all is well.
  void tell_outcome() const;

 private:
  // The broker does not count the records of our input that were too large to be read.
  [[nodiscard]] Position place_in_stream(const Position& origin) const;
  [[nodiscard]] Result<void> add(const std::string& producer, const wire::DeadLetter& letter);
  void tell(const std::string& what);

  std::string pipeline_;
  DeadLetterFile file_;
  std::function<void(const std::string&)> tell_;
  std::uint64_t count_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t told_ = 0;
  std::vector<std::uint64_t> skipped_;  // Places of those that were too large, ascending.
};

}  // namespace leat::cli
