// Splitter cuts a stream that comes in pieces into records. It keeps no bytes but the line under
// way of framing `until`; the results do not depend on where the pieces are cut. Total on any
// bytes. Not thread-safe.
//
// What it makes of the stream is a blob as batches have it: record, terminator, record, terminator,
// ... and then what has come of the next record, of which pending_bytes() tells. Most streams are
// such a blob as they lie, and are scanned only; where there are headers, or any whitespace, the
// records are copied out, once.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "framing/extent.h"
#include "framing/framing.h"
#include "framing/header_scanner.h"
#include "framing/json_scanner.h"
#include "framing/malformed.h"
#include "framing/pattern.h"

namespace leat::framing {

class Splitter {
 public:
  // REQUIRES: check(framing) is well.
  explicit Splitter(Framing framing);

  // Takes in bytes that follow all that came before. Appends to the blob what they are in it, and
  // to the lengths that of every record that ends in them, without terminator. A record of 4 GiB or
  // more is the caller's to prevent: it looks at record_bytes_min() and drops the stream or the
  // record first. What is behind malformed() is passed over.
  void split(std::string_view piece, std::vector<std::uint32_t>& lengths, std::string& blob);

  // As split(), for a caller who has the bytes already. REQUIRES: the framing has no
  // headers and is not json.
  void scan(std::string_view piece, std::vector<std::uint32_t>& lengths);

  struct Passed {
    std::size_t used = 0;  // Bytes of the piece: the record's and its end's.
    // Of them, the record's. Negative where bytes passed before were its terminator's.
    std::int64_t record_bytes = 0;
    bool is_end = false;
  };

  // As split(), for the record under way alone, which nobody wants: up to its end.
  [[nodiscard]] Passed pass(std::string_view piece);

  enum class Last : std::uint8_t { kNone, kTerminated, kUnterminated };

  // What the stream's end makes of the bytes under way: a record, of pending_bytes(), without
  // terminator in the blob; or nothing. Where they can be no
  // record the stream is malformed().
  [[nodiscard]] Last end();

  // Bytes of the record under way at the blob's end; part of the next terminator may be among them.
  [[nodiscard]] std::size_t pending_bytes() const { return pending_; }

  // How many bytes the record under way has at the least: those and what its header tells.
  [[nodiscard]] std::uint64_t record_bytes_min() const;

  // Nothing has come behind the last record's end.
  [[nodiscard]] bool is_between() const;

  // Where and why the stream cannot be cut any further. The offset is from the last reset() on.
  [[nodiscard]] const std::optional<Malformed>& malformed() const { return malformed_; }

  // Bytes since the last reset(), of a framing that can be malformed.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

  // Starts anew, at a record's begin.
  void reset();

  // As the free function carries() of the same framing, without compiling the pattern each time.
  // Looks at the framing only, not at what was scanned.
  [[nodiscard]] bool carries(std::string_view record) const;

  [[nodiscard]] const Framing& framing() const { return framing_; }

 private:
  using Lengths = std::vector<std::uint32_t>;
  // Of framings whose streams are no blobs: netstring, length32, json.
  using Scanner = std::variant<std::monostate, HeaderScanner, JsonScanner>;

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

  [[nodiscard]] bool has_scanner() const { return scanner_.index() > 0; }

  [[nodiscard]] Extent next(std::string_view piece);
  void note_fault();

  Framing framing_;
  std::optional<Pattern> pattern_;  // until only.
  // separator only: where matching goes on when i + 1 bytes of it matched and the next does not.
  std::vector<std::size_t> fallback_;
  std::size_t pending_ = 0;     // Bytes since the last terminator.
  std::uint32_t lines_ = 0;     // lines: of these, how many have ended.
  std::size_t line_bytes_ = 0;  // blank-line: of these, in the line under way.
  std::size_t matched_ = 0;     // separator: of these, how many at the end begin one.
  std::string line_;            // until: the line under way, as far as earlier pieces had it.
  Scanner scanner_;
  std::uint64_t offset_ = 0;            // With a scanner: of the next byte.
  std::optional<Malformed> malformed_;  // With a scanner.
};

// Whether a tool that reads by `framing` would see `record` plus terminator as exactly this record.
// A record for blank-line whose last line lacks its newline counts as having it (see feed()). For
// `until` this compiles the pattern: for many records ask a Splitter.
[[nodiscard]] bool carries(const Framing& framing, std::string_view record);

// What is wrong with a record that the framing cannot carry: "it would be several records or none".
[[nodiscard]] std::string refusal(const Framing& framing, std::string_view record);

// Appends the record as it lies in a batch of this framing: the record, for blank-line the newline
// of its last line if that is missing, and the terminator. REQUIRES: carries(framing, record).
void feed(const Framing& framing, std::string_view record, std::string& blob);

}  // namespace leat::framing
