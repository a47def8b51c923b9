// Answers collects what a tool prints and cuts it into records: the uncommitted output of one
// process.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
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
    splitter_.split(bytes, lengths_, blob_);
    for (std::size_t i = before; i < lengths_.size(); ++i) {
      largest_ = std::max<std::uint64_t>(largest_, lengths_[i]);
    }
    return static_cast<std::uint32_t>(lengths_.size() - before);
  }

  // Whether these bytes are no answer wherever they come: whitespace behind a JSON value.
  [[nodiscard]] bool is_nothing(std::string_view bytes) const {
    return splitter_.framing().kind == framing::Kind::kJson &&
           bytes.find_first_not_of(" \t\r\n") == std::string_view::npos;
  }

  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(lengths_.size()); }

  // Whether nothing has come behind the last record's end.
  [[nodiscard]] bool is_between() const { return splitter_.is_between(); }

  // Bytes of the largest record, the one under way included.
  [[nodiscard]] std::uint64_t largest_record() const {
    return std::max(largest_, splitter_.record_bytes_min());
  }

  // Which record is the first of more bytes, the one under way included; count() + 1 when none is.
  [[nodiscard]] std::uint32_t first_larger_than(std::size_t bytes) const;

  [[nodiscard]] std::size_t bytes() const { return blob_.size(); }

  // Where and why what it printed is not as its output framing says; what follows that is dropped.
  [[nodiscard]] std::optional<std::string> malformed() const;

  // The first n records, or fewer when there are fewer; what is behind them is dropped.
  [[nodiscard]] Records take(std::uint32_t n);

  // The tool has printed its last. Whether that made a record of bytes without terminator; they may
  // also be malformed().
  bool end_last();

  // For another process.
  void clear();

 private:
  framing::Splitter splitter_;
  std::string blob_;  // The records, each with its terminator, and what has come of the next.
  std::vector<std::uint32_t> lengths_;
  std::uint64_t largest_ = 0;
  std::uint64_t taken_ = 0;  // Bytes that it printed before those at hand.
};

}  // namespace leat::node
