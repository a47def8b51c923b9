// Input reads standard input and cuts it into records, as many at a time as there is credit for.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/input_cutter.h"
#include "core/result.h"

namespace leat::cli {

class Input {
 public:
  Input(const framing::Framing& framing, std::size_t record_bytes_max);

  // Reads once. REQUIRES: wants_more(). An error tells after how many records.
  [[nodiscard]] Result<void> read();

  // All that was read is taken, and there may be more.
  [[nodiscard]] bool wants_more() const { return !is_over_ && !pending_; }

  // All is read and taken.
  [[nodiscard]] bool is_done() const { return is_over_ && !pending_; }

  // The next records, as many as the credit pays for, one at the least; none when none are read.
  [[nodiscard]] std::optional<Records> take(std::uint64_t credit_bytes);

  // Why nothing more is read although there may be more: where the input stops being what its
  // framing says, in words.
  [[nodiscard]] std::optional<std::string> malformed() const;

  // Those too large to be read, since the last call.
  [[nodiscard]] std::vector<InputCutter::Oversize> take_oversize() {
    return cutter_.take_oversize();
  }

  // Records cut so far, those too large included.
  [[nodiscard]] std::uint64_t count() const { return cutter_.count(); }

  // How much of it was read, 0 to 1, where its size is known.
  [[nodiscard]] std::optional<double> share() const;

 private:
  InputCutter cutter_;
  std::vector<char> buffer_;
  std::optional<Records> pending_;  // Cut, and not taken.
  bool is_over_ = false;
  std::optional<std::uint64_t> size_;  // Bytes, where it is a file.
  std::uint64_t read_bytes_ = 0;
};

}  // namespace leat::cli
