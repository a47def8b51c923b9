#include "core/batch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "core/ensure.h"

namespace leat {

static_assert(std::endian::native == std::endian::little, "lengths are read where they lie");

namespace {

std::uint32_t length_at(const Bytes& lengths, std::uint32_t i) {
  std::uint32_t length = 0;
  std::memcpy(&length, lengths.view().data() + std::size_t{4} * i, sizeof length);
  return length;
}

// What records [first, first + n) take in the blob. REQUIRES: they lie within.
std::size_t span_bytes(const Records& records, std::uint32_t first, std::uint32_t n) {
  std::size_t total = records.separator.size() * n;
  for (std::uint32_t i = first; i < first + n; ++i) {
    total += length_at(records.lengths, i);
  }
  return total;
}

// Whether `separator_at(byte)` holds behind every record. REQUIRES: lengths and separators add up
// to the blob.
template <class SeparatorAt>
bool are_separated(const Records& records, SeparatorAt separator_at) {
  const std::size_t separator_bytes = records.separator.size();
  const char* byte = records.blob.view().data();
  for (std::uint32_t i = 0; i < records.count; ++i) {
    byte += length_at(records.lengths, i);
    if (!separator_at(byte)) return false;
    byte += separator_bytes;
  }
  return true;
}

bool are_separated(const Records& records) {
  const std::string& separator = records.separator;
  if (separator.empty()) return true;
  const char only = separator.front();
  if (separator.size() == 1) {
    return are_separated(records, [only](const char* byte) { return *byte == only; });
  }
  return are_separated(records, [&separator](const char* byte) {
    return std::memcmp(byte, separator.data(), separator.size()) == 0;
  });
}

}  // namespace

std::uint32_t Records::length(std::uint32_t i) const {
  ENSURE(i < count);
  return length_at(lengths, i);
}

std::size_t Records::blob_bytes(std::uint32_t n) const {
  ENSURE(n <= count);
  if (n == count) return blob.size();
  return span_bytes(*this, 0, n);
}

std::uint32_t Records::fit(std::size_t bytes) const {
  if (blob.size() <= bytes) return count;
  std::size_t total = 0;
  std::uint32_t n = 0;
  while (n < count) {
    total += length_at(lengths, n) + separator.size();
    if (total > bytes) break;
    ++n;
  }
  return std::max(n, std::min(count, 1U));
}

Records Records::slice(std::uint32_t first, std::uint32_t n) const {
  ENSURE(first <= count && n <= count - first);
  const std::size_t begin_byte = blob_bytes(first);
  const bool is_to_end = n == count - first;
  const std::size_t end_byte = is_to_end ? blob.size() : begin_byte + span_bytes(*this, first, n);
  Records part;
  part.count = n;
  part.lengths = lengths.slice(std::size_t{4} * first, std::size_t{4} * n);
  part.separator = separator;
  part.blob = blob.slice(begin_byte, end_byte - begin_byte);
  for (const Attribute& attribute : attributes) {
    const std::uint32_t begin = std::max(attribute.first, first);
    const std::uint32_t end = std::min(attribute.first + attribute.count, first + n);
    if (begin >= end) continue;
    part.attributes.push_back({begin - first, end - begin, attribute.name, attribute.value});
  }
  return part;
}

bool Records::has(std::string_view attribute, std::uint32_t record) const {
  return std::any_of(attributes.begin(), attributes.end(), [&](const Attribute& a) {
    return a.name == attribute && record >= a.first && record - a.first < a.count;
  });
}

Result<void> Records::check() const {
  if (lengths.size() != std::size_t{4} * count) {
    return failure(Errc::kMalformed, "the lengths frame has " + std::to_string(lengths.size()) +
                                         " bytes, not 4 for each of " + std::to_string(count) +
                                         " records");
  }
  const std::uint64_t total = span_bytes(*this, 0, count);
  if (total != blob.size()) {
    return failure(Errc::kMalformed, "the records' lengths add up to " + std::to_string(total) +
                                         " bytes, and the blob has " + std::to_string(blob.size()));
  }
  if (!are_separated(*this)) {
    return failure(Errc::kMalformed, "a record is not followed by the separator");
  }
  for (const Attribute& attribute : attributes) {
    if (attribute.first > count || attribute.count > count - attribute.first) {
      return failure(Errc::kMalformed,
                     "attribute '" + attribute.name + "' reaches beyond the records");
    }
  }
  return {};
}

std::string_view RecordReader::next() {
  ENSURE(!is_done());
  const std::uint32_t length = length_at(records_.lengths, index_++);
  const std::string_view record = records_.blob.view().substr(offset_, length);
  offset_ += length + records_.separator.size();
  return record;
}

void RecordsBuilder::add(std::string_view record) {
  ENSURE(record.size() <= std::numeric_limits<std::uint32_t>::max());
  blob_.append(record).append(separator_);
  lengths_.push_back(static_cast<std::uint32_t>(record.size()));
}

Records RecordsBuilder::take() {
  Records records;
  records.count = count();
  records.lengths = pack_lengths(lengths_);
  records.blob = Bytes::own(std::move(blob_));
  records.separator = separator_;
  lengths_.clear();
  blob_.clear();
  return records;
}

Records join(const std::vector<Records>& parts) {
  if (parts.empty()) return {};
  if (parts.size() == 1) return parts.front();
  Records joined;
  joined.separator = parts.front().separator;
  std::string lengths;
  std::string blob;
  for (const Records& part : parts) {
    ENSURE(part.separator == joined.separator);
    for (const Attribute& attribute : part.attributes) {
      joined.attributes.push_back(attribute);
      joined.attributes.back().first += joined.count;
    }
    lengths.append(part.lengths.view());
    blob.append(part.blob.view());
    joined.count += part.count;
  }
  joined.lengths = Bytes::own(std::move(lengths));
  joined.blob = Bytes::own(std::move(blob));
  return joined;
}

Bytes pack_lengths(const std::vector<std::uint32_t>& lengths) {
  std::string bytes(lengths.size() * 4, '\0');
  if (!lengths.empty()) std::memcpy(bytes.data(), lengths.data(), bytes.size());
  return Bytes::own(std::move(bytes));
}

std::uint64_t input_count(const std::vector<Run>& runs) {
  std::uint64_t inputs = 0;
  for (const Run& run : runs) {
    inputs += run.inputs;
  }
  return inputs;
}

std::vector<Run> origins_of(const std::vector<Run>& runs, std::uint32_t first,
                            std::uint32_t count) {
  std::vector<Run> origins;
  std::uint32_t skip = first;
  for (const Run& run : runs) {
    if (count == 0) break;
    if (skip >= run.outputs) {
      skip -= run.outputs;
      continue;
    }
    const std::uint32_t n = std::min(count, run.outputs - skip);
    origins.push_back({run.origin(skip), n, n});
    skip = 0;
    count -= n;
  }
  ENSURE(count == 0);
  return origins;
}

}  // namespace leat
