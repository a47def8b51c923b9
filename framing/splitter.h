// Splitter finds the ends of records in a stream that comes in pieces. It keeps no bytes but the
// line under way of framing `until`: the caller keeps the stream in one buffer and hands over each
// new piece; the results do not depend on where the pieces are cut. Total on any bytes. Not
// thread-safe.
//
// stream = record, terminator, record, terminator, ... and perhaps a record without terminator, of
// which pending_bytes() tells.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framing/framing.h"
#include "framing/pattern.h"

namespace leat::framing {

class Splitter {
 public:
  // REQUIRES: check(framing) is well.
  explicit Splitter(Framing framing);

  // Scans bytes that follow all that was scanned before. Appends the length, without terminator,
  // of every record that ends in them. A record of 4 GiB or more is the caller's to prevent: it
  // looks at pending_bytes() and drops the stream or the record first.
  void scan(std::string_view piece, std::vector<std::uint32_t>& lengths);

  // Bytes of the record under way, since the last terminator; part of the next terminator may be
  // among them.
  [[nodiscard]] std::size_t pending_bytes() const { return pending_; }

  // Starts anew, at a record's begin.
  void reset();

  // As the free function carries() of the same framing, without compiling the pattern each time.
  // Looks at the framing only, not at what was scanned.
  [[nodiscard]] bool carries(std::string_view record) const;

  [[nodiscard]] const Framing& framing() const { return framing_; }

 private:
  using Lengths = std::vector<std::uint32_t>;

  void scan_byte(char terminator, std::string_view piece, Lengths& lengths);
  void scan_line_groups(std::string_view piece, Lengths& lengths);
  void scan_blank_lines(std::string_view piece, Lengths& lengths);
  void scan_until(std::string_view piece, Lengths& lengths);
  void scan_separator(std::string_view piece, Lengths& lengths);
  std::size_t follow_across_cut(std::string_view piece, Lengths& lengths);
  void follow_separator(char byte);
  [[nodiscard]] bool ends_record(std::string_view end_of_line);
  [[nodiscard]] bool carries_until(std::string_view record) const;
  [[nodiscard]] bool carries_separator(std::string_view record) const;
  void end_record(std::size_t length, Lengths& lengths);

  Framing framing_;
  std::optional<Pattern> pattern_;  // until only.
  // separator only: where matching goes on when i + 1 bytes of it matched and the next does not.
  std::vector<std::size_t> fallback_;
  std::size_t pending_ = 0;     // Bytes since the last terminator.
  std::uint32_t lines_ = 0;     // lines: of these, how many have ended.
  std::size_t line_bytes_ = 0;  // blank-line: of these, in the line under way.
  std::size_t matched_ = 0;     // separator: of these, how many at the end begin one.
  std::string line_;            // until: the line under way, as far as earlier pieces had it.
};

// Whether a tool that reads by `framing` would see `record` plus terminator as exactly this record.
// A record for blank-line whose last line lacks its newline counts as having it (see feed()). For
// `until` this compiles the pattern: for many records ask a Splitter.
[[nodiscard]] bool carries(const Framing& framing, std::string_view record);

// Appends the record as a tool of this framing reads it: the record, for blank-line the newline of
// its last line if that is missing, and the terminator. REQUIRES: carries(framing, record).
void feed(const Framing& framing, std::string_view record, std::string& stream);

}  // namespace leat::framing
