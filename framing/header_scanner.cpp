#include "framing/header_scanner.h"

#include <algorithm>

#include "core/words.h"
#include "framing/malformed.h"

namespace leat::framing {

namespace {

std::string too_long(std::uint64_t length) {
  return "found a length of " + std::to_string(length) + " bytes, expected at most " +
         std::to_string(kHeaderLengthMax);
}

}  // namespace

Extent HeaderScanner::next(std::string_view piece) {
  Extent extent;
  while (state_ == State::kLength && !fault_ && extent.before < piece.size()) {
    read_length(piece[extent.before]);
    if (!fault_) ++extent.before;
  }
  if (fault_) return extent;
  piece.remove_prefix(extent.before);
  if (state_ == State::kRecord) {
    extent.record = std::min<std::uint64_t>(length_, piece.size());
    length_ -= extent.record;
    piece.remove_prefix(extent.record);
    if (length_ == 0 && header_ == Header::kNetstring) state_ = State::kComma;
    extent.is_end = length_ == 0 && header_ == Header::kLength32;
  }
  if (state_ == State::kComma && !piece.empty()) {
    extent.is_end = piece.front() == ',';
    extent.after = extent.is_end ? 1 : 0;
    if (!extent.is_end) {
      fault_ = unexpected_byte(piece.front(), "the comma behind the record's bytes");
    }
  }
  if (extent.is_end) end_record();
  return extent;
}

void HeaderScanner::read_length(char byte) {
  if (header_ == Header::kNetstring) {
    read_netstring_length(byte);
  } else {
    read_length32(byte);
  }
}

void HeaderScanner::read_netstring_length(char byte) {
  if (byte == ':' && header_bytes_ > 0) {
    state_ = State::kRecord;
    return;
  }
  if (byte < '0' || byte > '9') {
    fault_ = unexpected_byte(byte, header_bytes_ == 0 ? "a record's length in digits"
                                                      : "a digit of its length, or the colon");
    return;
  }
  if (header_bytes_ > 0 && length_ == 0) {
    fault_ = unexpected_byte(byte, "a colon, for no length begins with 0");
    return;
  }
  const std::uint64_t length = 10 * length_ + static_cast<std::uint64_t>(byte - '0');
  if (length > kHeaderLengthMax) {
    fault_ = too_long(length);
    return;
  }
  length_ = length;
  ++header_bytes_;
}

void HeaderScanner::read_length32(char byte) {
  const std::uint64_t length = length_ << 8 | static_cast<unsigned char>(byte);
  if (header_bytes_ == 3 && length > kHeaderLengthMax) {
    fault_ = too_long(length);
    return;
  }
  length_ = length;
  if (++header_bytes_ == 4) state_ = State::kRecord;
}

void HeaderScanner::end_record() {
  state_ = State::kLength;
  header_bytes_ = 0;
  length_ = 0;
}

bool HeaderScanner::end() {
  if (is_between() || fault_) return false;
  if (state_ == State::kLength) {
    fault_ = "found the end, expected the rest of a record's length";
  } else if (length_ > 0) {
    fault_ = "found the end, expected " + count_of(length_, "more byte") + " of the record";
  } else {
    fault_ = "found the end, expected the comma behind the record's bytes";
  }
  return false;
}

}  // namespace leat::framing
