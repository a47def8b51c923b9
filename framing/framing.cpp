#include "framing/framing.h"

#include <array>
#include <cstdio>

#include "core/ensure.h"
#include "framing/pattern.h"

namespace leat::framing {

namespace {

bool is_printable(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte != 0x7f;
}

void append_escaped(std::string& text, char c) {
  if (c == '\n') {
    text += "\\n";
  } else if (c == '\t') {
    text += "\\t";
  } else if (c == '\0') {
    text += "\\0";
  } else if (c == '"' || c == '\\') {
    text.append(1, '\\').append(1, c);
  } else if (is_printable(c)) {
    text += c;
  } else {
    std::array<char, 8> hex{};
    static_cast<void>(std::snprintf(hex.data(), hex.size(), "\\x%02x",
                                    static_cast<unsigned>(static_cast<unsigned char>(c))));
    text += hex.data();
  }
}

std::string in_double_quotes(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    append_escaped(quoted, c);
  }
  return quoted + '"';
}

std::string in_single_quotes(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    quoted.append(c == '\'' ? 2 : 1, c);
  }
  return quoted + "'";
}

std::string quoted_pattern(std::string_view pattern) {
  for (const char c : pattern) {
    if (!is_printable(c)) return in_double_quotes(pattern);
  }
  return in_single_quotes(pattern);
}

Result<void> check_pattern(const std::string& text) {
  const Pattern pattern(text);
  if (pattern.is_good()) return {};
  return failure(Errc::kInvalidArgument,
                 "the pattern " + quoted_pattern(text) + " is not RE2 syntax: " + pattern.error());
}

}  // namespace

Result<void> check(const Framing& framing) {
  if (framing.kind == Kind::kUntil) return check_pattern(framing.pattern);
  if (framing.kind == Kind::kSeparator && framing.separator.empty()) {
    return failure(Errc::kInvalidArgument, "the separator is empty, it needs one byte or more");
  }
  if (framing.lines < 1 || framing.lines > kLinesMax) {
    return failure(Errc::kInvalidArgument, "a record of " + std::to_string(framing.lines) +
                                               " lines, it needs 1 to " +
                                               std::to_string(kLinesMax));
  }
  return {};
}

std::string_view terminator(const Framing& framing) {
  if (framing.kind == Kind::kSeparator) return framing.separator;
  return has_headers(framing) || framing.kind == Kind::kWhole ? "" : "\n";
}

bool has_headers(const Framing& framing) {
  return framing.kind == Kind::kNetstring || framing.kind == Kind::kLength32;
}

bool may_lack_terminator(const Framing& framing) {
  return !has_headers(framing) && framing.kind != Kind::kJson && framing.kind != Kind::kWhole;
}

std::string to_string(const Framing& framing) {
  switch (framing.kind) {
    case Kind::kLines:
      return framing.lines == 1 ? "lines" : "{lines: " + std::to_string(framing.lines) + "}";
    case Kind::kBlankLine:
      return "blank-line";
    case Kind::kUntil:
      return "{until: " + quoted_pattern(framing.pattern) + "}";
    case Kind::kSeparator:
      return "{separator: " + in_double_quotes(framing.separator) + "}";
    case Kind::kNetstring:
      return "netstring";
    case Kind::kLength32:
      return "length32";
    case Kind::kJson:
      return "json";
    case Kind::kWhole:
      return "whole";
  }
  ENSURE(false);
  return {};
}

}  // namespace leat::framing
