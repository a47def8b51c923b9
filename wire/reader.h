// The archive that fills a message from its frames and checks everything on the way. After the
// first defect it reads nothing more and keeps its description; what was read by then is not used.

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "wire/codec.h"
#include "wire/fields.h"
#include "wire/header.h"

namespace leat::wire {

class Reader {
 public:
  // `elements` are those of the first frame. Both must outlive the reader.
  Reader(const std::vector<Element>& elements, const Frames& frames)
      : elements_(elements), frames_(frames), header_(frames.front().view()) {}

  // Opens the header's array and takes its first field.
  [[nodiscard]] std::uint64_t kind();

  template <class T>
  void message(T& value) {
    Fields<T>::list(*this, value);
    finish();
  }

  // Empty while all is well, else where and what: "slices[0].runs: expected ...".
  [[nodiscard]] const std::string& defect() const { return defect_; }

  template <class T>
  void number(const char* name, T& value, std::uint64_t most = std::numeric_limits<T>::max()) {
    static_assert(std::is_unsigned_v<T>);
    field(name, [&] { value = static_cast<T>(take_number(0, most)); });
  }

  template <class T>
  void counter(const char* name, T& value) {
    static_assert(std::is_unsigned_v<T>);
    field(name, [&] { value = static_cast<T>(take_number(1, std::numeric_limits<T>::max())); });
  }

  void integer(const char* name, std::int32_t& value) {
    field(name, [&] { value = take_integer(); });
  }

  void boolean(const char* name, bool& value) {
    field(name, [&] { value = take(Element::Type::kBool).value != 0; });
  }

  template <class Enum>
  void enumerator(const char* name, Enum& value, Enum last) {
    field(name,
          [&] { value = static_cast<Enum>(take_number(0, static_cast<std::uint64_t>(last))); });
  }

  void text(const char* name, std::string& value, std::size_t most) {
    field(name, [&] { value = take_text(most); });
  }

  void bytes(const char* name, std::string& value, std::size_t most) { text(name, value, most); }

  void map(const char* name, std::map<std::string, std::string>& value, std::size_t most) {
    field(name, [&] { take_map(value, most); });
  }

  void position(const char* name, Position& value) {
    field(name, [&] { value = take_position(); });
  }

  template <class T>
  void structure(const char* name, T& value) {
    field(name, [&] { take_structure(value); });
  }

  template <class T>
  void list(const char* name, std::vector<T>& values) {
    field(name, [&] { take_list(values); });
  }

  void payload(Records& records);

  template <class Holds>
  void rule(const char* name, Holds holds, const char* wanted) {
    if (failed() || holds()) return;
    fail(std::string("expected ") + wanted);
    prefix(name);
  }

 private:
  [[nodiscard]] bool failed() const { return !defect_.empty(); }

  void fail(std::string defect);

  // Puts the name of what contains the defect in front.
  void prefix(const std::string& name);

  // One field of the array being read.
  template <class Take>
  void field(const char* name, Take take_it) {
    if (failed()) return;
    if (left_ == 0) {
      fail("expected this field, found the end of the array");
    } else {
      --left_;
      take_it();
    }
    if (failed()) prefix(name);
  }

  // The next element if it is of this type; else fails, and gives one without value and size.
  Element take(Element::Type type);
  std::uint64_t take_number(std::uint64_t least, std::uint64_t most);
  std::int32_t take_integer();
  std::string take_text(std::size_t most);
  Position take_position();
  void take_map(std::map<std::string, std::string>& value, std::size_t most);

  template <class T>
  void take_structure(T& value) {
    const std::uint32_t outer = left_;
    left_ = take(Element::Type::kArray).size;
    if (!failed()) Fields<T>::list(*this, value);
    skip(left_);
    left_ = outer;
  }

  template <class T>
  void take_list(std::vector<T>& values) {
    const std::uint32_t count = take(Element::Type::kArray).size;
    for (std::uint32_t i = 0; i < count && !failed(); ++i) {
      take_structure(values.emplace_back());
      if (failed()) prefix("[" + std::to_string(i) + "]");
    }
  }

  // Passes over elements with all that is in them.
  void skip(std::uint64_t count);

  // What is behind the last known field is passed over; frames that nothing announced are a defect.
  void finish();

  const std::vector<Element>& elements_;
  const Frames& frames_;
  std::string_view header_;
  std::size_t next_ = 0;        // Into elements_.
  std::size_t next_frame_ = 1;  // Into frames_.
  std::uint32_t left_ = 0;      // Elements of the array being read that are not taken.
  std::string defect_;
};

}  // namespace leat::wire
