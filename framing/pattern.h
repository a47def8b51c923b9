// A regular expression that is searched for in lines of any bytes. The only user of RE2: matching
// takes time in proportion to the line, whatever the pattern, and never fails.
//
// Pattern and line are bytes, so a letter outside ASCII in the pattern stands for its UTF-8 bytes
// and `.` for one byte. `^` and `$` are the line's begin and end. Safe to use from several threads.

#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace leat::framing {

class Pattern {
 public:
  explicit Pattern(std::string_view text);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  [[nodiscard]] bool is_good() const;

  // What RE2 says of a pattern that is not good.
  [[nodiscard]] std::string error() const;

  // REQUIRES: is_good().
  [[nodiscard]] bool is_in(std::string_view line) const;

 private:
  std::unique_ptr<re2::RE2> compiled_;  // Never null, except after a move.
};

}  // namespace leat::framing
