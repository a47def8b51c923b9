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
  stream_.resize(bytes);
  records.lengths = pack_lengths(lengths_);
  // Its capacity is mostly used up: a stream grows by doubling.
  records.blob = Bytes::own(std::move(stream_));
  clear();
  return records;
}

std::uint32_t Answers::first_larger_than(std::size_t bytes) const {
  const auto first = std::find_if(lengths_.begin(), lengths_.end(),
                                  [bytes](std::uint32_t length) { return length > bytes; });
  const bool is_none = first == lengths_.end() && pending_bytes() <= bytes;
  return static_cast<std::uint32_t>(first - lengths_.begin()) + (is_none ? 1 : 0);
}

bool Answers::end_last() {
  const std::size_t pending = pending_bytes();
  if (pending == 0) return false;
  lengths_.push_back(static_cast<std::uint32_t>(pending));
  stream_.append(framing::terminator(splitter_.framing()));
  splitter_.reset();
  return true;
}

void Answers::clear() {
  stream_ = {};
  lengths_.clear();
  largest_ = 0;
  splitter_.reset();
}

}  // namespace leat::node
