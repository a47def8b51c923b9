#include "node/answers.h"

#include <algorithm>
#include <utility>

namespace leat::node {

Records Answers::take(std::uint32_t n) {
  n = std::min(n, count());
  lengths_.resize(n);
  Records records;
  records.count = n;
  records.separator = framing::terminator(splitter_.framing());
  std::size_t bytes = records.separator.size() * n;
  for (const std::uint32_t length : lengths_) {
    bytes += length;
  }
  blob_.resize(bytes);
  records.lengths = pack_lengths(lengths_);
  // Its capacity is mostly used up: a blob grows by doubling.
  records.blob = Bytes::own(std::move(blob_));
  const std::uint64_t taken = taken_ + splitter_.offset();
  clear();
  taken_ = taken;
  return records;
}

std::uint32_t Answers::first_larger_than(std::size_t bytes) const {
  const auto first = std::find_if(lengths_.begin(), lengths_.end(),
                                  [bytes](std::uint32_t length) { return length > bytes; });
  const bool is_none = first == lengths_.end() && splitter_.record_bytes_min() <= bytes;
  return static_cast<std::uint32_t>(first - lengths_.begin()) + (is_none ? 1 : 0);
}

bool Answers::end_last() {
  const std::size_t pending = splitter_.pending_bytes();
  const framing::Splitter::Last last = splitter_.end();
  if (last == framing::Splitter::Last::kNone) return false;
  lengths_.push_back(static_cast<std::uint32_t>(pending));
  blob_.append(framing::terminator(splitter_.framing()));
  return last == framing::Splitter::Last::kUnterminated;
}

std::optional<std::string> Answers::malformed() const {
  std::optional<framing::Malformed> malformed = splitter_.malformed();
  if (!malformed) return std::nullopt;
  malformed->offset += taken_;
  return "what the tool printed is not " + framing::to_string(splitter_.framing()) + " " +
         framing::to_string(*malformed);
}

void Answers::clear() {
  blob_ = {};
  lengths_.clear();
  largest_ = 0;
  taken_ = 0;
  splitter_.reset();
}

}  // namespace leat::node
