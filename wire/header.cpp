#include "wire/header.h"

#include <algorithm>
#include <bit>
#include <exception>
#include <string>

#include <msgpack.hpp>

namespace leat::wire {

namespace {

// What msgpack's parser calls for each value; `false` stops it.
class Collector : public msgpack::null_visitor {
 public:
  explicit Collector(std::string_view frame) : frame_(frame) {
    elements_.reserve(std::min<std::size_t>(frame.size(), 128));
  }

  bool visit_nil() { return add({}); }

  bool visit_boolean(bool value) {
    return add({.value = value ? 1U : 0U, .size = 0, .type = Element::Type::kBool});
  }

  bool visit_positive_integer(std::uint64_t value) {
    return add({.value = value, .size = 0, .type = Element::Type::kNumber});
  }

  bool visit_negative_integer(std::int64_t value) {
    return add({.value = std::bit_cast<std::uint64_t>(value),
                .size = 0,
                .type = Element::Type::kNegative});
  }

  bool visit_float32(float) { return add({}); }

  bool visit_float64(double) { return add({}); }

  bool visit_str(const char* text, std::uint32_t size) { return add_text(text, size); }

  bool visit_bin(const char* text, std::uint32_t size) { return add_text(text, size); }

  bool visit_ext(const char*, std::uint32_t) { return add({}); }

  bool start_array(std::uint32_t size) { return open({0, size, Element::Type::kArray}); }

  bool end_array() { return close(); }

  bool start_map(std::uint32_t size) { return open({0, size, Element::Type::kMap}); }

  bool end_map() { return close(); }

  void parse_error(std::size_t, std::size_t at) {
    complain("is no msgpack from byte " + std::to_string(at) + " on");
  }

  void insufficient_bytes(std::size_t, std::size_t at) {
    complain("ends too early, at byte " + std::to_string(at));
  }

  void complain(std::string what) {
    if (complaint_.empty()) complaint_ = std::move(what);
  }

  [[nodiscard]] const std::string& complaint() const { return complaint_; }

  [[nodiscard]] std::vector<Element> take() { return std::move(elements_); }

 private:
  bool add(const Element& element) {
    if (elements_.size() == kElementsMax) {
      complain("has more than " + std::to_string(kElementsMax) + " elements");
      return false;
    }
    elements_.push_back(element);
    return true;
  }

  bool add_text(const char* text, std::uint32_t size) {
    const auto offset = size == 0 ? 0 : static_cast<std::uint64_t>(text - frame_.data());
    return add({.value = offset, .size = size, .type = Element::Type::kText});
  }

  bool open(const Element& container) {
    // Each element takes a byte at least, so that a larger announcement cannot come true.
    if (container.size > frame_.size()) {
      complain("announces " + std::to_string(container.size) + " elements and has " +
               std::to_string(frame_.size()) + " bytes");
      return false;
    }
    if (++nesting_ > kNestingMax) {
      complain("is nested deeper than " + std::to_string(kNestingMax) + " levels");
      return false;
    }
    return add(container);
  }

  bool close() {
    --nesting_;
    return true;
  }

  std::string_view frame_;
  std::vector<Element> elements_;
  std::size_t nesting_ = 0;  // Containers open.
  std::string complaint_;    // The first one; empty while all is well.
};

tl::unexpected<Error> malformed(const std::string& complaint) {
  return failure(Errc::kMalformed, "header: " + complaint);
}

}  // namespace

const char* to_string(Element::Type type) {
  switch (type) {
    case Element::Type::kNumber:
      return "a number";
    case Element::Type::kNegative:
      return "a negative number";
    case Element::Type::kBool:
      return "true or false";
    case Element::Type::kText:
      return "text or bytes";
    case Element::Type::kArray:
      return "an array";
    case Element::Type::kMap:
      return "a map";
    case Element::Type::kOther:
      break;
  }
  return "nil, a float or an extension";
}

Result<std::vector<Element>> parse_header(std::string_view frame) {
  if (frame.empty()) return malformed("is empty");
  if (frame.size() > kHeaderBytesMax) {
    return malformed("has more than " + std::to_string(kHeaderBytesMax) + " bytes");
  }
  try {
    Collector collector(frame);
    std::size_t offset = 0;
    const bool is_whole = msgpack::parse(frame.data(), frame.size(), offset, collector);
    if (!is_whole) collector.complain("is no msgpack");
    if (offset != frame.size()) collector.complain("goes on behind its array");
    if (!collector.complaint().empty()) return malformed(collector.complaint());
    return collector.take();
  } catch (const std::exception& error) {
    return malformed(std::string("cannot be read: ") + error.what());
  }
}

}  // namespace leat::wire
