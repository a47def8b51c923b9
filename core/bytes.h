// Bytes is an immutable view of bytes together with a share in their owner, so that a slice of a
// batch can outlive the message that it came in and cross threads without a copy. It is the one
// place of the project that shares ownership; everything else owns or borrows.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/ensure.h"

namespace leat {

class Bytes {
 public:
  Bytes() = default;

  // Takes over the string's storage.
  static Bytes own(std::string text) {
    auto owner = std::make_shared<const std::string>(std::move(text));
    const std::string_view view = *owner;
    return {std::move(owner), view};
  }

  static Bytes copy(std::string_view text) { return own(std::string(text)); }

  // `view` lies in what `owner` keeps alive.
  static Bytes share(std::shared_ptr<const void> owner, std::string_view view) {
    return {std::move(owner), view};
  }

  [[nodiscard]] std::string_view view() const { return view_; }

  [[nodiscard]] std::size_t size() const { return view_.size(); }

  [[nodiscard]] bool empty() const { return view_.empty(); }

  // The bytes [first, first + count), owned together with this. REQUIRES: they lie within.
  [[nodiscard]] Bytes slice(std::size_t first, std::size_t count) const {
    ENSURE(first <= view_.size() && count <= view_.size() - first);
    return {owner_, view_.substr(first, count)};
  }

  friend bool operator==(const Bytes& a, const Bytes& b) { return a.view_ == b.view_; }

 private:
  Bytes(std::shared_ptr<const void> owner, std::string_view view)
      : owner_(std::move(owner)), view_(view) {}

  std::shared_ptr<const void> owner_;
  std::string_view view_;  // Into what owner_ keeps alive.
};

}  // namespace leat
