// Scanner of JSON values one after another (RFC 8259), with whitespace between them, or nothing
// where that leaves no doubt: behind a number, true, false and null at the top must be whitespace
// or the begin of a string, an array or an object. It keeps no bytes, and the extents do not depend
// on where the stream is cut into pieces. Total on any bytes, in time in proportion to them.
//
// Strings are bytes: whether they are UTF-8 is the tool's to say.

#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "framing/extent.h"

namespace leat::framing {

// Arrays and objects within each other.
inline constexpr std::size_t kJsonDepthMax = 512;

class JsonScanner {
 public:
  // What the piece, which follows all that was scanned, begins with. After a fault nothing more.
  [[nodiscard]] Extent next(std::string_view piece);

  // What is wrong with the byte behind the last extent, or with the end.
  [[nodiscard]] const std::optional<std::string>& fault() const { return fault_; }

  // Nothing of a next value has come.
  [[nodiscard]] bool is_between() const { return state_ == State::kBetween; }

  // Of a value under way nobody knows what is to come.
  [[nodiscard]] static std::uint64_t missing() { return 0; }

  // The stream is at its end. Whether that ends a value: a number.
  [[nodiscard]] bool end();

  void reset() { *this = JsonScanner(); }

 private:
  enum class State : std::uint8_t {
    kBetween,
    kItem,       // A value, in an array or an object.
    kFirstItem,  // Or the end of the array.
    kKey,        // Of an object.
    kFirstKey,   // Or the end of the object.
    kColon,      // Behind a key.
    kMore,       // Behind a value in an array or an object.
    kString,     // Of a key or a value.
    kEscape,     // Behind a backslash.
    kHex,        // Digits behind \u.
    kWord,       // true, false, null.
    kMinus,      // Numbers: what came last.
    kZero,
    kInteger,
    kPoint,
    kFraction,
    kExponent,
    kExponentSign,
    kExponentDigits
  };

  // What a byte was.
  enum class Took : std::uint8_t {
    kMiddle,
    kLast,     // Of a value at the top.
    kNothing,  // It is not the value's, which ended before it.
    kFault
  };

  [[nodiscard]] Took take(char byte);
  Took begin_value(char byte);
  Took begin_word(std::string_view rest);
  Took open(State first);
  Took close();
  Took take_in_container(char byte);
  Took take_string(char byte);
  Took take_escape(char byte);
  Took take_hex(char byte);
  Took take_word(char byte);
  Took take_number(char byte);
  Took take_digit(char byte);
  Took go(State state);
  Took end_value();
  Took fail(char byte, std::string_view expected);

  [[nodiscard]] bool is_whole_number() const;

  State state_ = State::kBetween;
  bool is_key_ = false;           // The string under way.
  bool needs_delimiter_ = false;  // The value before was a number or a word.
  std::uint8_t hex_left_ = 0;
  std::string_view word_rest_;
  std::size_t depth_ = 0;
  std::bitset<kJsonDepthMax> is_object_;  // By depth.
  std::optional<std::string> fault_;
};

}  // namespace leat::framing
