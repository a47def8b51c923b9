#include "cli/input_cutter.h"

#include <algorithm>
#include <utility>

namespace leat::cli {

namespace {

// Pieces, so that no record grows far beyond the limit before it is noticed.
constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

}  // namespace

void InputCutter::add(std::string_view bytes) {
  while (!bytes.empty() && !splitter_.malformed()) {
    if (skipped_) {
      bytes = skip(bytes);
      continue;
    }
    const std::string_view piece = bytes.substr(0, kPieceBytes);
    bytes.remove_prefix(piece.size());
    const std::size_t before = lengths_.size();
    splitter_.split(piece, lengths_, blob_);
    count_ += lengths_.size() - before;
    check_size();
  }
}

void InputCutter::check_size() {
  drop_oversize();
  const std::size_t pending = splitter_.pending_bytes();
  const std::size_t end = framing::terminator(splitter_.framing()).size();
  if (splitter_.record_bytes_min() <= record_bytes_max_ + end) return;
  blob_.resize(blob_.size() - pending);
  skipped_ = pending;
}

// Those that ended within the last piece.
void InputCutter::drop_oversize() {
  const auto is_oversize = [this](std::uint32_t length) { return length > record_bytes_max_; };
  if (std::none_of(lengths_.begin(), lengths_.end(), is_oversize)) return;
  const std::size_t separator = framing::terminator(splitter_.framing()).size();
  std::string kept;
  std::vector<std::uint32_t> kept_lengths;
  std::size_t offset = 0;
  for (std::size_t i = 0; i < lengths_.size(); ++i) {
    const std::size_t size = lengths_[i] + separator;
    if (is_oversize(lengths_[i])) {
      oversize_.push_back({count_ - lengths_.size() + i, lengths_[i]});
    } else {
      kept.append(blob_, offset, size);
      kept_lengths.push_back(lengths_[i]);
    }
    offset += size;
  }
  kept.append(blob_, offset);
  blob_ = std::move(kept);
  lengths_ = std::move(kept_lengths);
}

std::string_view InputCutter::skip(std::string_view bytes) {
  const framing::Splitter::Passed passed = splitter_.pass(bytes.substr(0, kPieceBytes));
  *skipped_ += static_cast<std::uint64_t>(passed.record_bytes);
  if (passed.is_end) {
    oversize_.push_back({count_++, *skipped_});
    skipped_.reset();
  }
  return bytes.substr(passed.used);
}

void InputCutter::finish() {
  const std::size_t pending = splitter_.pending_bytes();
  const framing::Splitter::Last last = splitter_.end();
  if (last == framing::Splitter::Last::kNone) return;
  const std::uint64_t bytes = skipped_.value_or(pending);
  if (bytes > record_bytes_max_) {
    if (!skipped_) blob_.resize(blob_.size() - pending);
    oversize_.push_back({count_++, bytes});
    skipped_.reset();
    return;
  }
  lengths_.push_back(static_cast<std::uint32_t>(pending));
  blob_.append(framing::terminator(splitter_.framing()));
  is_unterminated_ = last == framing::Splitter::Last::kUnterminated;
  ++count_;
}

std::optional<Records> InputCutter::take() {
  if (lengths_.empty()) return std::nullopt;
  Records records;
  records.count = static_cast<std::uint32_t>(lengths_.size());
  records.separator = framing::terminator(splitter_.framing());
  records.lengths = pack_lengths(std::exchange(lengths_, {}));
  // Nothing is kept of a record that is being skipped.
  const std::size_t whole = blob_.size() - (skipped_ ? 0 : splitter_.pending_bytes());
  std::string rest = blob_.substr(whole);
  blob_.resize(whole);
  records.blob = Bytes::own(std::exchange(blob_, std::move(rest)));
  if (std::exchange(is_unterminated_, false)) {
    records.attributes.push_back({records.count - 1, 1, std::string(kUnterminated), ""});
  }
  return records;
}

std::vector<InputCutter::Oversize> InputCutter::take_oversize() {
  return std::exchange(oversize_, {});
}

}  // namespace leat::cli
