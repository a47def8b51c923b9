#include "framing/splitter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/ensure.h"

namespace leat::framing {

namespace {

// Of a line of `until` that is kept to be matched: more than any record may have.
constexpr std::size_t kLineBytesMax = std::size_t{256} << 20;

const void* find(char byte, std::string_view text) {
  return text.empty() ? nullptr : std::memchr(text.data(), byte, text.size());
}

const void* find(const std::string& bytes, std::string_view text) {
  return text.empty() ? nullptr : ::memmem(text.data(), text.size(), bytes.data(), bytes.size());
}

std::size_t size(char) {
  return 1;
}

std::size_t size(const std::string& bytes) {
  return bytes.size();
}

// Splits off the text before the next terminator and removes it and the terminator from `rest`;
// nothing when there is none.
template <typename Terminator>
std::optional<std::string_view> take_through(const Terminator& terminator, std::string_view& rest) {
  const void* hit = find(terminator, rest);
  if (hit == nullptr) return std::nullopt;
  const auto length = static_cast<std::size_t>(static_cast<const char*>(hit) - rest.data());
  const std::string_view taken = rest.substr(0, length);
  rest.remove_prefix(length + size(terminator));
  return taken;
}

// The failure function of Knuth, Morris and Pratt.
std::vector<std::size_t> fallback_of(std::string_view separator) {
  std::vector<std::size_t> fallback(separator.size(), 0);
  std::size_t matched = 0;
  for (std::size_t i = 1; i < separator.size(); ++i) {
    while (matched > 0 && separator[i] != separator[matched]) {
      matched = fallback[matched - 1];
    }
    if (separator[i] == separator[matched]) ++matched;
    fallback[i] = matched;
  }
  return fallback;
}

// What the scanner says, if there is one.
template <typename Scanner, typename Value, typename Ask>
Value with_scanner(Scanner& scanner, Value without, const Ask& ask) {
  if (auto* const header = std::get_if<HeaderScanner>(&scanner)) return ask(*header);
  if (auto* const json = std::get_if<JsonScanner>(&scanner)) return ask(*json);
  return without;
}

// Why the text is not one JSON value, perhaps with whitespace around it.
std::optional<Malformed> fault_of_json(std::string_view text) {
  JsonScanner scanner;
  const Extent value = scanner.next(text);
  const std::string_view rest = text.substr(value.total());
  const Extent behind = value.is_end ? scanner.next(rest) : Extent{};
  const std::uint64_t offset = value.total() + behind.before;
  if (behind.record > 0) return Malformed{offset, "found a second value"};
  if (scanner.fault()) return Malformed{offset, *scanner.fault()};
  if (value.is_end || scanner.end()) return std::nullopt;
  return Malformed{offset, scanner.fault().value_or("found no value")};
}

bool has_blank_line(std::string_view record) {
  return record.starts_with('\n') || record.find("\n\n") != std::string_view::npos;
}

}  // namespace

Splitter::Splitter(Framing framing) : framing_(std::move(framing)) {
  if (framing_.kind == Kind::kUntil) {
    pattern_.emplace(framing_.pattern);
    ENSURE(pattern_->is_good());
  }
  if (framing_.kind == Kind::kSeparator) {
    ENSURE(!framing_.separator.empty());
    fallback_ = fallback_of(framing_.separator);
  }
  if (framing_.kind == Kind::kNetstring) scanner_ = HeaderScanner(Header::kNetstring);
  if (framing_.kind == Kind::kLength32) scanner_ = HeaderScanner(Header::kLength32);
  if (framing_.kind == Kind::kJson) scanner_ = JsonScanner();
}

void Splitter::split(std::string_view piece, Lengths& lengths, std::string& blob) {
  if (!has_scanner()) {
    blob.append(piece);
    return scan(piece, lengths);
  }
  while (!piece.empty() && !malformed_) {
    const Extent extent = next(piece);
    blob.append(piece, extent.before, extent.record);
    piece.remove_prefix(extent.total());
    if (!extent.is_end) continue;
    blob.append(terminator(framing_));
    end_record(pending_, lengths);
  }
}

Extent Splitter::next(std::string_view piece) {
  const Extent extent =
      with_scanner(scanner_, Extent{}, [&](auto& scanner) { return scanner.next(piece); });
  pending_ += extent.record;
  offset_ += extent.total();
  note_fault();
  return extent;
}

void Splitter::note_fault() {
  if (malformed_) return;
  with_scanner(scanner_, 0, [this](const auto& scanner) {
    if (scanner.fault()) malformed_ = Malformed{offset_, *scanner.fault()};
    return 0;
  });
}

Splitter::Passed Splitter::pass(std::string_view piece) {
  if (has_scanner()) {
    if (malformed_) return {.used = piece.size()};
    const Extent extent = next(piece);
    if (extent.is_end) pending_ = 0;
    const std::size_t used = malformed_ ? piece.size() : extent.total();
    return {used, static_cast<std::int64_t>(extent.record), extent.is_end};
  }
  const auto before = static_cast<std::uint32_t>(pending_);
  Lengths lengths;
  scan(piece, lengths);
  if (lengths.empty()) return {piece.size(), static_cast<std::int64_t>(piece.size()), false};
  // Where the record ends within the piece; right even where lengths overflow.
  const auto terminator_bytes = static_cast<std::uint32_t>(terminator(framing_).size());
  const std::uint32_t end = lengths.front() + terminator_bytes - before;
  reset();
  return {end, std::int64_t{end} - terminator_bytes, true};
}

Splitter::Last Splitter::end() {
  if (has_scanner()) {
    const bool is_end = with_scanner(scanner_, false, [](auto& scanner) { return scanner.end(); });
    note_fault();
    if (is_end) pending_ = 0;
    return is_end ? Last::kTerminated : Last::kNone;
  }
  const bool has_bytes = pending_ > 0;
  reset();
  if (framing_.kind == Kind::kWhole) return Last::kTerminated;
  return has_bytes ? Last::kUnterminated : Last::kNone;
}

std::uint64_t Splitter::record_bytes_min() const {
  return pending_ + with_scanner(scanner_, std::uint64_t{0},
                                 [](const auto& scanner) { return scanner.missing(); });
}

bool Splitter::is_between() const {
  return pending_ == 0 &&
         with_scanner(scanner_, true, [](const auto& scanner) { return scanner.is_between(); });
}

void Splitter::scan(std::string_view piece, Lengths& lengths) {
  switch (framing_.kind) {
    case Kind::kLines:
      if (framing_.lines > 1) return scan_line_groups(piece, lengths);
      return scan_byte('\n', piece, lengths);
    case Kind::kBlankLine:
      return scan_blank_lines(piece, lengths);
    case Kind::kUntil:
      return scan_until(piece, lengths);
    case Kind::kSeparator:
      if (framing_.separator.size() > 1) return scan_separator(piece, lengths);
      return scan_byte(framing_.separator.front(), piece, lengths);
    case Kind::kNetstring:
    case Kind::kLength32:
    case Kind::kJson:
      ENSURE(!has_scanner());
      return;
    case Kind::kWhole:
      pending_ += piece.size();
  }
}

void Splitter::reset() {
  pending_ = 0;
  lines_ = 0;
  line_bytes_ = 0;
  matched_ = 0;
  line_.clear();
  with_scanner(scanner_, 0, [](auto& scanner) {
    scanner.reset();
    return 0;
  });
  offset_ = 0;
  malformed_.reset();
}

void Splitter::end_record(std::size_t length, Lengths& lengths) {
  lengths.push_back(static_cast<std::uint32_t>(length));
  pending_ = 0;
}

void Splitter::scan_byte(char terminator, std::string_view piece, Lengths& lengths) {
  while (const auto record = take_through(terminator, piece)) {
    end_record(pending_ + record->size(), lengths);
  }
  pending_ += piece.size();
}

void Splitter::scan_line_groups(std::string_view piece, Lengths& lengths) {
  while (const auto line = take_through('\n', piece)) {
    pending_ += line->size();
    if (++lines_ == framing_.lines) {
      lines_ = 0;
      end_record(pending_, lengths);
    } else {
      ++pending_;
    }
  }
  pending_ += piece.size();
}

void Splitter::scan_blank_lines(std::string_view piece, Lengths& lengths) {
  while (const auto line = take_through('\n', piece)) {
    const bool is_empty = line_bytes_ + line->size() == 0;
    line_bytes_ = 0;
    if (is_empty) {
      end_record(pending_, lengths);
    } else {
      pending_ += line->size() + 1;
    }
  }
  line_bytes_ += piece.size();
  pending_ += piece.size();
}

bool Splitter::ends_record(std::string_view end_of_line) {
  ENSURE(pattern_.has_value());
  if (line_.empty()) return pattern_->is_in(end_of_line);
  line_ += end_of_line;
  const bool ends = pattern_->is_in(line_);
  line_.clear();
  return ends;
}

void Splitter::scan_until(std::string_view piece, Lengths& lengths) {
  while (const auto line = take_through('\n', piece)) {
    pending_ += line->size();
    if (ends_record(*line)) {
      end_record(pending_, lengths);
    } else {
      ++pending_;
    }
  }
  // A line beyond all records matches nothing: it is not kept.
  if (line_.size() <= kLineBytesMax) line_ += piece;
  pending_ += piece.size();
}

void Splitter::follow_separator(char byte) {
  while (matched_ > 0 && byte != framing_.separator[matched_]) {
    matched_ = fallback_[matched_ - 1];
  }
  if (byte == framing_.separator[matched_]) ++matched_;
}

// A separator may have begun in earlier pieces: goes on until it ended here, or cannot have.
// Returns how much of the piece that settles.
std::size_t Splitter::follow_across_cut(std::string_view piece, Lengths& lengths) {
  std::size_t at = 0;
  while (at < matched_ && at < piece.size()) {
    follow_separator(piece[at++]);
    if (matched_ < framing_.separator.size()) continue;
    matched_ = 0;
    end_record(pending_ + at - framing_.separator.size(), lengths);
    return at;
  }
  if (matched_ <= at) at -= std::exchange(matched_, 0);
  pending_ += at;
  return at;
}

void Splitter::scan_separator(std::string_view piece, Lengths& lengths) {
  piece.remove_prefix(follow_across_cut(piece, lengths));
  while (const auto record = take_through(framing_.separator, piece)) {
    end_record(pending_ + record->size(), lengths);
  }
  pending_ += piece.size();
  const std::size_t end = std::min(piece.size(), framing_.separator.size() - 1);
  for (const char byte : piece.substr(piece.size() - end)) {
    follow_separator(byte);
  }
}

bool Splitter::carries(std::string_view record) const {
  switch (framing_.kind) {
    case Kind::kLines:
      return std::ranges::count(record, '\n') == std::ptrdiff_t{framing_.lines} - 1;
    case Kind::kBlankLine:
      return !has_blank_line(record);
    case Kind::kUntil:
      return carries_until(record);
    case Kind::kSeparator:
      return carries_separator(record);
    case Kind::kNetstring:
    case Kind::kLength32:
      return record.size() <= kHeaderLengthMax;
    case Kind::kJson:
      return !fault_of_json(record);
    case Kind::kWhole:
      return true;
  }
  ENSURE(false);
  return false;
}

bool Splitter::carries_until(std::string_view record) const {
  ENSURE(pattern_.has_value());
  while (const auto line = take_through('\n', record)) {
    if (pattern_->is_in(*line)) return false;
  }
  return pattern_->is_in(record);
}

// A separator may begin in the record and end in the terminator: "a" does not go with "aa".
bool Splitter::carries_separator(std::string_view record) const {
  const std::string& separator = framing_.separator;
  if (record.find(separator) != std::string_view::npos) return false;
  const std::size_t overlap = std::min(record.size(), separator.size() - 1);
  const std::string end = std::string(record.substr(record.size() - overlap)) + separator;
  return end.find(separator) == overlap;
}

bool carries(const Framing& framing, std::string_view record) {
  return Splitter(framing).carries(record);
}

std::string refusal(const Framing& framing, std::string_view record) {
  if (framing.kind == Kind::kLines && framing.lines > 1) {
    return "it has more or fewer lines than " + std::to_string(framing.lines);
  }
  if (framing.kind == Kind::kJson) {
    const std::optional<Malformed> fault = fault_of_json(record);
    return "it is not one JSON value" + (fault ? ": " + to_string(*fault) : "");
  }
  return "it would be several records or none";
}

void feed(const Framing& framing, std::string_view record, std::string& blob) {
  blob += record;
  const bool lacks_newline = !record.empty() && !record.ends_with('\n');
  if (framing.kind == Kind::kBlankLine && lacks_newline) blob += '\n';
  blob += terminator(framing);
}

}  // namespace leat::framing
