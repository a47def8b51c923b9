#include "framing/json_scanner.h"

#include <algorithm>
#include <utility>

#include "core/ensure.h"
#include "framing/malformed.h"

namespace leat::framing {

namespace {

bool is_space(char byte) {
  return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

bool is_hex_digit(char byte) {
  return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

bool is_exponent(char byte) {
  return byte == 'e' || byte == 'E';
}

// Bytes of a string that stand for themselves: neither its end, nor a backslash, nor a control
// character.
std::size_t plain_bytes(std::string_view text) {
  const auto plain = [](char byte) {
    return byte != '"' && byte != '\\' && static_cast<unsigned char>(byte) >= 0x20;
  };
  return static_cast<std::size_t>(std::ranges::find_if_not(text, plain) - text.begin());
}

constexpr std::string_view kDelimiters = "whitespace between two values";

}  // namespace

Extent JsonScanner::next(std::string_view piece) {
  Extent extent;
  if (fault_) return extent;
  while (state_ == State::kBetween && extent.before < piece.size() &&
         is_space(piece[extent.before])) {
    needs_delimiter_ = false;
    ++extent.before;
  }
  piece.remove_prefix(extent.before);
  while (extent.record < piece.size()) {
    if (state_ == State::kString) extent.record += plain_bytes(piece.substr(extent.record));
    if (extent.record == piece.size()) break;
    const Took took = take(piece[extent.record]);
    if (took == Took::kFault) break;
    extent.is_end = took != Took::kMiddle;
    if (took != Took::kNothing) ++extent.record;
    if (extent.is_end) break;
  }
  return extent;
}

bool JsonScanner::end() {
  if (fault_ || is_between()) return false;
  if (depth_ == 0 && is_whole_number()) {
    reset();
    return true;
  }
  fault_ = "found the end, expected the rest of a JSON value";
  return false;
}

JsonScanner::Took JsonScanner::take(char byte) {
  switch (state_) {
    case State::kBetween:
      return begin_value(byte);
    case State::kString:
      return take_string(byte);
    case State::kEscape:
      return take_escape(byte);
    case State::kHex:
      return take_hex(byte);
    case State::kWord:
      return take_word(byte);
    case State::kItem:
    case State::kFirstItem:
    case State::kKey:
    case State::kFirstKey:
    case State::kColon:
    case State::kMore:
      return is_space(byte) ? Took::kMiddle : take_in_container(byte);
    case State::kMinus:
    case State::kZero:
    case State::kInteger:
    case State::kPoint:
    case State::kFraction:
    case State::kExponent:
    case State::kExponentSign:
    case State::kExponentDigits:
      return take_number(byte);
  }
  ENSURE(false);
  return Took::kFault;
}

JsonScanner::Took JsonScanner::go(State state) {
  state_ = state;
  return Took::kMiddle;
}

JsonScanner::Took JsonScanner::fail(char byte, std::string_view expected) {
  fault_ = unexpected_byte(byte, expected);
  return Took::kFault;
}

JsonScanner::Took JsonScanner::begin_value(char byte) {
  is_key_ = false;
  const bool is_open = byte == '"' || byte == '[' || byte == '{';
  if (std::exchange(needs_delimiter_, false) && !is_open) return fail(byte, kDelimiters);
  switch (byte) {
    case '{':
      return open(State::kFirstKey);
    case '[':
      return open(State::kFirstItem);
    case '"':
      return go(State::kString);
    case 't':
      return begin_word("rue");
    case 'f':
      return begin_word("alse");
    case 'n':
      return begin_word("ull");
    case '-':
      return go(State::kMinus);
    case '0':
      return go(State::kZero);
    default:
      return is_digit(byte) ? go(State::kInteger) : fail(byte, "a JSON value");
  }
}

JsonScanner::Took JsonScanner::begin_word(std::string_view rest) {
  word_rest_ = rest;
  return go(State::kWord);
}

JsonScanner::Took JsonScanner::open(State first) {
  if (depth_ == kJsonDepthMax) {
    fault_ = "found more than " + std::to_string(kJsonDepthMax) +
             " arrays and objects within each other, which is the most";
    return Took::kFault;
  }
  is_object_[depth_++] = first == State::kFirstKey;
  return go(first);
}

JsonScanner::Took JsonScanner::end_value() {
  if (depth_ > 0) return go(State::kMore);
  state_ = State::kBetween;
  return Took::kLast;
}

JsonScanner::Took JsonScanner::close() {
  --depth_;
  return end_value();
}

JsonScanner::Took JsonScanner::take_in_container(char byte) {
  const bool is_object = is_object_[depth_ - 1];
  if (state_ == State::kItem) return begin_value(byte);
  if (state_ == State::kFirstItem) return byte == ']' ? close() : begin_value(byte);
  if (state_ == State::kColon) return byte == ':' ? go(State::kItem) : fail(byte, "a colon");
  if (state_ == State::kMore) {
    if (byte == ',') return go(is_object ? State::kKey : State::kItem);
    if (byte == (is_object ? '}' : ']')) return close();
    return fail(byte, is_object ? "a comma or '}'" : "a comma or ']'");
  }
  const bool may_end = state_ == State::kFirstKey;
  if (byte == '}' && may_end) return close();
  const char* const expected = may_end ? "a key in double quotes or '}'" : "a key in double quotes";
  if (byte != '"') return fail(byte, expected);
  is_key_ = true;
  return go(State::kString);
}

JsonScanner::Took JsonScanner::take_string(char byte) {
  if (byte == '\\') return go(State::kEscape);
  if (byte != '"') return fail(byte, "no control character in a string");
  return std::exchange(is_key_, false) ? go(State::kColon) : end_value();
}

JsonScanner::Took JsonScanner::take_escape(char byte) {
  hex_left_ = 4;
  if (byte == 'u') return go(State::kHex);
  const bool is_known = std::string_view("\"\\/bfnrt").find(byte) != std::string_view::npos;
  return is_known ? go(State::kString)
                  : fail(byte, "an escape: \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u");
}

JsonScanner::Took JsonScanner::take_hex(char byte) {
  if (!is_hex_digit(byte)) return fail(byte, "four hexadecimal digits behind \\u");
  return go(--hex_left_ > 0 ? State::kHex : State::kString);
}

JsonScanner::Took JsonScanner::take_word(char byte) {
  if (byte != word_rest_.front()) return fail(byte, "true, false or null");
  word_rest_.remove_prefix(1);
  if (!word_rest_.empty()) return Took::kMiddle;
  needs_delimiter_ = depth_ == 0;
  return end_value();
}

bool JsonScanner::is_whole_number() const {
  return state_ == State::kZero || state_ == State::kInteger || state_ == State::kFraction ||
         state_ == State::kExponentDigits;
}

JsonScanner::Took JsonScanner::take_number(char byte) {
  const bool may_have_fraction = state_ == State::kZero || state_ == State::kInteger;
  if (is_digit(byte)) return take_digit(byte);
  if (byte == '.' && may_have_fraction) return go(State::kPoint);
  if (is_exponent(byte) && (may_have_fraction || state_ == State::kFraction)) {
    return go(State::kExponent);
  }
  const bool is_sign = byte == '+' || byte == '-';
  if (is_sign && state_ == State::kExponent) return go(State::kExponentSign);
  if (!is_whole_number()) return fail(byte, "a digit");
  if (depth_ > 0) {
    state_ = State::kMore;
    return take(byte);
  }
  needs_delimiter_ = true;
  state_ = State::kBetween;
  return Took::kNothing;
}

JsonScanner::Took JsonScanner::take_digit(char byte) {
  switch (state_) {
    case State::kMinus:
      return go(byte == '0' ? State::kZero : State::kInteger);
    case State::kZero:
      return fail(byte, "no digit behind a leading 0");
    case State::kPoint:
    case State::kFraction:
      return go(State::kFraction);
    case State::kExponent:
    case State::kExponentSign:
    case State::kExponentDigits:
      return go(State::kExponentDigits);
    default:
      return go(State::kInteger);
  }
}

}  // namespace leat::framing
