#include "cli/input_cutter.h"

#include <algorithm>
#include <utility>

namespace leat::cli {

namespace {

// Pieces, so that no record grows far beyond the limit before it is noticed.
constexpr std::size_t kPieceBytes = std::size_t{64} << 10;

}  // namespace

void InputCutter::add(std::string_view bytes) {
  while (!bytes.empty()) {
    if (skipped_) {
      bytes = skip(bytes);
      continue;
    }
    const std::string_view piece = bytes.substr(0, kPieceBytes);
    bytes.remove_prefix(piece.size());
    const std::size_t before = lengths_.size();
    stream_.append(piece);
    splitter_.scan(piece, lengths_);
    count_ += lengths_.size() - before;
    check_size();
  }
}

void InputCutter::check_size() {
  drop_oversize();
  const std::size_t pending = splitter_.pending_bytes();
  if (pending <= record_bytes_max_ + framing::terminator(splitter_.framing()).size()) return;
  stream_.resize(stream_.size() - pending);
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
      kept.append(stream_, offset, size);
      kept_lengths.push_back(lengths_[i]);
    }
    offset += size;
  }
  kept.append(stream_, offset);
  stream_ = std::move(kept);
  lengths_ = std::move(kept_lengths);
}

std::string_view InputCutter::skip(std::string_view bytes) {
  const std::string_view piece = bytes.substr(0, kPieceBytes);
  const auto before = static_cast<std::uint32_t>(splitter_.pending_bytes());
  std::vector<std::uint32_t> lengths;
  splitter_.scan(piece, lengths);
  if (lengths.empty()) {
    *skipped_ += piece.size();
    return bytes.substr(piece.size());
  }
  // Where the record ends within the piece; right even where lengths overflow.
  const auto separator =
      static_cast<std::uint32_t>(framing::terminator(splitter_.framing()).size());
  const std::uint32_t end = lengths.front() + separator - before;
  oversize_.push_back({count_++, *skipped_ + end - separator});
  skipped_.reset();
  splitter_.reset();
  return bytes.substr(end);
}

void InputCutter::finish() {
  if (skipped_) {
    oversize_.push_back({count_++, *skipped_});
    skipped_.reset();
    splitter_.reset();
    return;
  }
  const std::size_t pending = splitter_.pending_bytes();
  if (pending == 0) return;
  if (pending > record_bytes_max_) {
    oversize_.push_back({count_++, pending});
    stream_.resize(stream_.size() - pending);
    splitter_.reset();
    return;
  }
  lengths_.push_back(static_cast<std::uint32_t>(pending));
  stream_.append(framing::terminator(splitter_.framing()));
  splitter_.reset();
  is_unterminated_ = true;
  ++count_;
}

std::optional<Records> InputCutter::take() {
  if (lengths_.empty()) return std::nullopt;
  Records records;
  records.count = static_cast<std::uint32_t>(lengths_.size());
  records.separator = framing::terminator(splitter_.framing());
  records.lengths = pack_lengths(std::exchange(lengths_, {}));
  // Nothing is kept of a record that is being skipped.
  const std::size_t whole = stream_.size() - (skipped_ ? 0 : splitter_.pending_bytes());
  std::string rest = stream_.substr(whole);
  stream_.resize(whole);
  records.blob = Bytes::own(std::exchange(stream_, std::move(rest)));
  if (std::exchange(is_unterminated_, false)) {
    records.attributes.push_back({records.count - 1, 1, std::string(kUnterminated), ""});
  }
  return records;
}

std::vector<InputCutter::Oversize> InputCutter::take_oversize() {
  return std::exchange(oversize_, {});
}

}  // namespace leat::cli
