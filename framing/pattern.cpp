#include "framing/pattern.h"

#include <re2/re2.h>

namespace leat::framing {

namespace {

re2::RE2::Options bytes_and_no_log() {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  return options;
}

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Pattern::Pattern(std::string_view text)
    : compiled_(std::make_unique<re2::RE2>(piece(text), bytes_and_no_log())) {}

Pattern::~Pattern() = default;
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;

bool Pattern::is_good() const {
  return compiled_->ok();
}

std::string Pattern::error() const {
  return compiled_->error();
}

bool Pattern::is_in(std::string_view line) const {
  return compiled_->Match(piece(line), 0, line.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

}  // namespace leat::framing
