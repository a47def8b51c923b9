// Scanners of the framings that tell a record's length ahead of it. They keep no bytes, and the
// extents do not depend on where the stream is cut into pieces. Total on any bytes.
//
//   netstring  LENGTH:BYTES, with the length in decimal digits and a comma at the end.
//   length32   the length as four bytes, the highest first, and the bytes.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "framing/extent.h"

namespace leat::framing {

// More than any record may have: a header that says so is none.
inline constexpr std::uint64_t kHeaderLengthMax = std::uint64_t{1} << 30;

enum class Header : std::uint8_t { kNetstring, kLength32 };

class HeaderScanner {
 public:
  explicit HeaderScanner(Header header) : header_(header) {}

  // What the piece, which follows all that was scanned, begins with. After a fault nothing more.
  [[nodiscard]] Extent next(std::string_view piece);

  // What is wrong with the byte behind the last extent, or with the end.
  [[nodiscard]] const std::optional<std::string>& fault() const { return fault_; }

  // Nothing of a next record has come.
  [[nodiscard]] bool is_between() const { return state_ == State::kLength && header_bytes_ == 0; }

  // Bytes of the record under way that its header has told and that have not come.
  [[nodiscard]] std::uint64_t missing() const { return state_ == State::kLength ? 0 : length_; }

  // The stream is at its end. Whether that ends a record: it never does.
  [[nodiscard]] bool end();

  void reset() { *this = HeaderScanner(header_); }

 private:
  enum class State : std::uint8_t { kLength, kRecord, kComma };

  void read_length(char byte);
  void read_netstring_length(char byte);
  void read_length32(char byte);
  void end_record();

  Header header_;
  State state_ = State::kLength;
  std::uint32_t header_bytes_ = 0;  // Seen of this record's.
  std::uint64_t length_ = 0;        // As the header has told so far; then, what has not come.
  std::optional<std::string> fault_;
};

}  // namespace leat::framing
