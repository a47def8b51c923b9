#include "wire/reader.h"

#include <bit>
#include <utility>

namespace leat::wire {

void Reader::fail(std::string defect) {
  if (!failed()) defect_ = std::move(defect);
}

void Reader::prefix(const std::string& name) {
  const bool is_innermost = defect_.starts_with("expected ");
  const bool is_index = defect_.starts_with('[');
  defect_.insert(0, is_innermost ? name + ": " : is_index ? name : name + ".");
}

std::uint64_t Reader::kind() {
  left_ = take(Element::Type::kArray).size;
  std::uint64_t kind = 0;
  number("kind", kind);
  return kind;
}

Element Reader::take(Element::Type type) {
  if (failed()) return {};
  // Arrays hold what they announce: header.h refuses others.
  ENSURE(next_ < elements_.size());
  const Element& element = elements_[next_];
  if (element.type != type) {
    fail(std::string("expected ") + to_string(type) + ", found " + to_string(element.type));
    return {};
  }
  ++next_;
  return element;
}

std::uint64_t Reader::take_number(std::uint64_t least, std::uint64_t most) {
  const Element element = take(Element::Type::kNumber);
  if (!failed() && (element.value < least || element.value > most)) {
    fail("expected a number from " + std::to_string(least) + " to " + std::to_string(most) +
         ", found " + std::to_string(element.value));
    return least;
  }
  return element.value;
}

std::int32_t Reader::take_integer() {
  if (failed() || elements_[next_].type != Element::Type::kNegative) {
    return static_cast<std::int32_t>(take_number(0, std::numeric_limits<std::int32_t>::max()));
  }
  const auto value = std::bit_cast<std::int64_t>(take(Element::Type::kNegative).value);
  if (value < std::numeric_limits<std::int32_t>::min()) {
    fail("expected a number of 32 bits, found " + std::to_string(value));
    return 0;
  }
  return static_cast<std::int32_t>(value);
}

std::string Reader::take_text(std::size_t most) {
  const Element element = take(Element::Type::kText);
  if (element.size > most) {
    fail("expected at most " + std::to_string(most) + " bytes, found " +
         std::to_string(element.size));
    return {};
  }
  return std::string(header_.substr(element.value, element.size));
}

Position Reader::take_position() {
  const std::uint32_t levels = take(Element::Type::kArray).size;
  if (!failed() && (levels == 0 || levels > Position::kDepthMax)) {
    fail("expected 1 to " + std::to_string(Position::kDepthMax) + " numbers, found " +
         std::to_string(levels));
  }
  std::vector<std::uint64_t> above;
  for (std::uint32_t i = 1; i < levels && !failed(); ++i) {
    above.push_back(take_number(0, kNumberMax));
  }
  const std::uint64_t last = take_number(0, kNumberMax);
  return {std::move(above), last};
}

void Reader::take_map(std::map<std::string, std::string>& value, std::size_t most) {
  const std::uint32_t pairs = take(Element::Type::kMap).size;
  for (std::uint32_t i = 0; i < pairs && !failed(); ++i) {
    std::string key = take_text(most);
    std::string text = take_text(most);
    if (failed()) return;
    if (!value.emplace(std::move(key), std::move(text)).second) {
      fail("expected different keys, found one twice");
    }
  }
}

void Reader::payload(Records& records) {
  if (failed()) return;
  if (frames_.size() - next_frame_ < 2) {
    fail("expected two frames of lengths and bytes, found " +
         std::to_string(frames_.size() - next_frame_));
    return;
  }
  records.lengths = frames_[next_frame_++];
  records.blob = frames_[next_frame_++];
  if (const Result<void> checked = records.check(); !checked) {
    fail("expected records that agree: " + checked.error().message);
  }
}

void Reader::skip(std::uint64_t count) {
  if (failed()) return;
  for (; count > 0; --count) {
    const Element& element = elements_[next_++];
    if (element.type == Element::Type::kArray) count += element.size;
    if (element.type == Element::Type::kMap) count += 2 * std::uint64_t{element.size};
  }
}

void Reader::finish() {
  skip(left_);
  left_ = 0;
  if (failed() || next_frame_ == frames_.size()) return;
  fail("expected " + std::to_string(next_frame_) + " frames, found " +
       std::to_string(frames_.size()));
}

}  // namespace leat::wire
