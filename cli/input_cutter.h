// InputCutter cuts a stream into batches of records. Records that are too large are skipped as they
// come, told apart by their size, and cost no memory. Where the stream stops being what its framing
// says nothing more is cut; the records before are as good as ever.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "framing/splitter.h"

namespace leat::cli {

class InputCutter {
 public:
  struct Oversize {
    std::uint64_t index;  // Among all records of the stream, from 0.
    std::uint64_t bytes;
  };

  InputCutter(const framing::Framing& framing, std::size_t record_bytes_max)
      : splitter_(framing), record_bytes_max_(record_bytes_max) {}

  void add(std::string_view bytes);

  // The stream is at its end: what is left is a last record without terminator, or malformed().
  void finish();

  // The whole records that came since the last take.
  [[nodiscard]] std::optional<Records> take();

  // The skipped ones since the last take.
  [[nodiscard]] std::vector<Oversize> take_oversize();

  // Where and why nothing more can be cut.
  [[nodiscard]] const std::optional<framing::Malformed>& malformed() const {
    return splitter_.malformed();
  }

  [[nodiscard]] const framing::Framing& framing() const { return splitter_.framing(); }

  // Records cut so far, skipped ones included.
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  // The part of the bytes after the skipped record's end; nothing when it goes on.
  std::string_view skip(std::string_view bytes);
  void check_size();
  void drop_oversize();

  framing::Splitter splitter_;
  std::size_t record_bytes_max_;
  std::string blob_;                      // Whole records, then a piece of the next.
  std::vector<std::uint32_t> lengths_;    // Of the whole ones.
  bool is_unterminated_ = false;          // The last of them.
  std::optional<std::uint64_t> skipped_;  // Bytes so far of a record being skipped.
  std::uint64_t count_ = 0;
  std::vector<Oversize> oversize_;
};

}  // namespace leat::cli
