// The unit of transport: records of one producer, in order, with where each came from.
//
// Records lie in one blob, each followed by `separator` (perhaps nothing), with their lengths
// beside it as little-endian u32, so that a slice is two sub-spans and a line tool is fed with the
// blob as it lies. Runs say which origins the records belong to. Copying either copies no payload.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/ids.h"
#include "core/position.h"
#include "core/result.h"

namespace leat {

// What a client says of a range of its records and wants back with their results: it survives the
// stages that answer one for one. `first` and `count` are indices into the records.
struct Attribute {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::string name;
  std::string value;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

// Says that a record had no terminator at its stream's end. Set by who cut the stream.
inline constexpr std::string_view kUnterminated = "unterminated";

struct Records {
  std::uint32_t count = 0;
  Bytes lengths;  // count little-endian u32, without separators.
  Bytes blob;     // The records, each followed by the separator.
  std::string separator;
  std::vector<Attribute> attributes;

  // REQUIRES: i < count. Linear in i: walk with RecordReader instead.
  [[nodiscard]] std::uint32_t length(std::uint32_t i) const;

  // Records [first, first + n), sharing the payload. REQUIRES: they lie within.
  [[nodiscard]] Records slice(std::uint32_t first, std::uint32_t n) const;

  // The bytes that the first n records take in the blob, separators included.
  [[nodiscard]] std::size_t blob_bytes(std::uint32_t n) const;

  // How many records from the first on take at most `bytes` of the blob; at least 1 unless empty.
  [[nodiscard]] std::uint32_t fit(std::size_t bytes) const;

  // What holding these costs: payload and lengths.
  [[nodiscard]] std::size_t bytes() const { return blob.size() + lengths.size(); }

  [[nodiscard]] bool has(std::string_view attribute, std::uint32_t record) const;

  // Whether lengths, separators and blob agree and attributes lie within: what a decoder checks.
  [[nodiscard]] Result<void> check() const;
};

// Walks the records in order: while (const auto record = reader.next()) ...
class RecordReader {
 public:
  explicit RecordReader(const Records& records) : records_(records) {}

  [[nodiscard]] bool is_done() const { return index_ == records_.count; }

  // REQUIRES: !is_done(). Without separator; valid as long as the records' blob.
  std::string_view next();

 private:
  const Records& records_;
  std::uint32_t index_ = 0;
  std::size_t offset_ = 0;
};

// Collects records into one blob.
class RecordsBuilder {
 public:
  explicit RecordsBuilder(std::string separator) : separator_(std::move(separator)) {}

  void add(std::string_view record);

  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(lengths_.size()); }

  [[nodiscard]] std::size_t bytes() const { return blob_.size() + 4 * lengths_.size(); }

  // The records added since the last take.
  [[nodiscard]] Records take();

 private:
  std::string separator_;
  std::string blob_;
  std::vector<std::uint32_t> lengths_;
};

// The parts' records one after another; a single part is shared, several are copied.
// REQUIRES: all have the separator of the first.
[[nodiscard]] Records join(const std::vector<Records>& parts);

// Lengths as they lie in Records.
[[nodiscard]] Bytes pack_lengths(const std::vector<std::uint32_t>& lengths);

// `inputs` siblings from `first` on became `outputs` records. Where the two are equal, record i
// has origin first + i; else the records are the children (first, 0), (first, 1), ... of the first
// one, and the others became nothing.
struct Run {
  Position first;
  std::uint32_t inputs = 0;
  std::uint32_t outputs = 0;

  [[nodiscard]] bool is_one_for_one() const { return inputs == outputs; }

  // Origin of output i.
  [[nodiscard]] Position origin(std::uint32_t i) const {
    return is_one_for_one() ? first.plus(i) : first.child(i);
  }

  friend bool operator==(const Run&, const Run&) = default;
};

struct Batch {
  ProducerId producer;
  std::vector<Run> runs;  // Their outputs add up to records.count.
  Records records;
};

// How many origins these are of.
[[nodiscard]] std::uint64_t input_count(const std::vector<Run>& runs);

// The origins of `count` records from index `first` on, as runs that are one for one.
[[nodiscard]] std::vector<Run> origins_of(const std::vector<Run>& runs, std::uint32_t first,
                                          std::uint32_t count);

}  // namespace leat
