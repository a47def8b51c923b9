// Answers collects what a tool prints and cuts it into records: the uncommitted output of one
// process.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "framing/splitter.h"

namespace leat::node {

class Answers {
 public:
  explicit Answers(const framing::Framing& output) : splitter_(output) {}

  // How many records ended in these bytes.
  std::uint32_t add(std::string_view bytes) {
    const std::size_t before = lengths_.size();
    stream_.append(bytes);
    splitter_.scan(bytes, lengths_);
    for (std::size_t i = before; i < lengths_.size(); ++i) {
      largest_ = std::max<std::size_t>(largest_, lengths_[i]);
    }
    return static_cast<std::uint32_t>(lengths_.size() - before);
  }

  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(lengths_.size()); }

  // Bytes after the last record's end.
  [[nodiscard]] std::size_t pending_bytes() const { return splitter_.pending_bytes(); }

  // Bytes of the largest record, the one under way included.
  [[nodiscard]] std::size_t largest_record() const {
    return std::max(largest_, splitter_.pending_bytes());
  }

  // Which record is the first of more bytes, the one under way included; count() + 1 when none is.
  [[nodiscard]] std::uint32_t first_larger_than(std::size_t bytes) const;

  [[nodiscard]] std::size_t bytes() const { return stream_.size(); }

  // The first n records, or fewer when there are fewer; what is behind them is dropped.
  [[nodiscard]] Records take(std::uint32_t n);

  // Makes a record of the bytes after the last record's end, as at the stream's end; whether there
  // were any.
  bool end_last();

  void clear();

 private:
  framing::Splitter splitter_;
  std::string stream_;
  std::vector<std::uint32_t> lengths_;
  std::size_t largest_ = 0;
};

}  // namespace leat::node
