// The archive that packs a message: its header by msgpack, its payloads as frames of their own.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <msgpack.hpp>

#include "wire/codec.h"
#include "wire/fields.h"

namespace leat::wire {

class Writer {
 public:
  Writer() : packer_(buffer_) {}

  // The header is an array of the kind and the message's fields. REQUIRES: nothing is written yet.
  template <class T>
  [[nodiscard]] Frames write(std::uint8_t kind, const T& message) {
    array(1 + count_fields(message));
    number("kind", kind);
    Fields<T>::list(*this, message);
    frames_.front() = Bytes::own(std::move(buffer_.text));
    return std::move(frames_);
  }

  // Announces an array, whose elements must follow.
  void array(std::uint32_t size) { packer_.pack_array(size); }

  template <class T>
  [[nodiscard]] static std::uint32_t count_fields(const T& value) {
    Counter counter;
    Fields<T>::list(counter, value);
    return counter.count;
  }

  // The header as far as it is written.
  [[nodiscard]] const std::string& header() const { return buffer_.text; }

  void number(const char*, std::uint64_t value, std::uint64_t = 0) { packer_.pack_uint64(value); }

  void counter(const char*, std::uint64_t value) { packer_.pack_uint64(value); }

  void integer(const char*, std::int32_t value) { packer_.pack_int32(value); }

  void boolean(const char*, bool value) { value ? packer_.pack_true() : packer_.pack_false(); }

  template <class Enum>
  void enumerator(const char*, Enum value, Enum) {
    packer_.pack_uint8(static_cast<std::uint8_t>(value));
  }

  void text(const char*, const std::string& value, std::size_t) {
    packer_.pack_str(size32(value));
    packer_.pack_str_body(value.data(), size32(value));
  }

  void bytes(const char*, const std::string& value, std::size_t) {
    packer_.pack_bin(size32(value));
    packer_.pack_bin_body(value.data(), size32(value));
  }

  void map(const char* name, const std::map<std::string, std::string>& value, std::size_t most) {
    packer_.pack_map(size32(value));
    for (const auto& [key, text_of_key] : value) {
      text(name, key, most);
      text(name, text_of_key, most);
    }
  }

  void position(const char*, const Position& value) {
    array(size32(value.above()) + 1);
    for (const std::uint64_t level : value.above()) {
      packer_.pack_uint64(level);
    }
    packer_.pack_uint64(value.last());
  }

  template <class T>
  void structure(const char*, const T& value) {
    array(count_fields(value));
    Fields<T>::list(*this, value);
  }

  template <class T>
  void list(const char* name, const std::vector<T>& values) {
    array(size32(values));
    for (const T& value : values) {
      structure(name, value);
    }
  }

  void payload(const Records& records) {
    frames_.push_back(records.lengths);
    frames_.push_back(records.blob);
  }

  template <class Holds>
  void rule(const char*, Holds, const char*) {}

 private:
  // What msgpack's packer writes to.
  struct Buffer {
    std::string text;

    void write(const char* data, std::size_t size) { text.append(data, size); }
  };

  // Counts what an archive is given.
  struct Counter {
    std::uint32_t count = 0;

    void number(const auto&...) { ++count; }

    void counter(const auto&...) { ++count; }

    void integer(const auto&...) { ++count; }

    void boolean(const auto&...) { ++count; }

    void enumerator(const auto&...) { ++count; }

    void text(const auto&...) { ++count; }

    void bytes(const auto&...) { ++count; }

    void map(const auto&...) { ++count; }

    void position(const auto&...) { ++count; }

    void structure(const auto&...) { ++count; }

    void list(const auto&...) { ++count; }

    void payload(const auto&...) {}

    void rule(const auto&...) {}
  };

  template <class Container>
  static std::uint32_t size32(const Container& container) {
    return static_cast<std::uint32_t>(container.size());
  }

  Buffer buffer_;
  msgpack::packer<Buffer> packer_;
  Frames frames_{1};  // The header's place, then the payloads.
};

}  // namespace leat::wire
