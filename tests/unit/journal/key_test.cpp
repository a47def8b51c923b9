#include "journal/key.h"

#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <catch2/catch.hpp>

namespace leat::journal {
namespace {

// Of few different bytes, the special ones among them, so that many are equal or nearly so.
std::string any_text(std::mt19937_64& random) {
  static const std::string bytes(
      "\x00\x01\x02\xFE\xFF"
      "a",
      6);
  std::string text(random() % 5, '\0');
  for (char& byte : text) {
    byte = bytes[random() % bytes.size()];
  }
  return text;
}

std::uint64_t any_number(std::mt19937_64& random) {
  return random() % 4 == 0 ? std::numeric_limits<std::uint64_t>::max() - random() % 3
                           : random() >> (random() % 64);
}

TEST_CASE("keys order as their parts do, and give them back") {
  std::mt19937_64 random(1);
  using Parts = std::tuple<std::string, std::uint64_t, std::string>;
  const auto key_of = [](const Parts& parts) {
    return KeyWriter()
        .text(std::get<0>(parts))
        .number(std::get<1>(parts))
        .text(std::get<2>(parts))
        .take();
  };
  for (int round = 0; round < 20'000; ++round) {
    const Parts a(any_text(random), any_number(random) % 3, any_text(random));
    const Parts b(any_text(random), any_number(random) % 3, any_text(random));
    const std::string key = key_of(a);
    REQUIRE((key < key_of(b)) == (a < b));
    KeyReader reader(key);
    REQUIRE(reader.text() == std::get<0>(a));
    REQUIRE(reader.number() == std::get<1>(a));
    REQUIRE(reader.text() == std::get<2>(a));
    REQUIRE(reader.is_at_end());
  }
}

TEST_CASE("numbers order as numbers, up to the largest") {
  std::mt19937_64 random(2);
  for (int round = 0; round < 20'000; ++round) {
    const std::uint64_t a = any_number(random);
    const std::uint64_t b = any_number(random);
    REQUIRE((KeyWriter().number(a).take() < KeyWriter().number(b).take()) == (a < b));
  }
}

TEST_CASE("any bytes are read as parts or not at all") {
  std::mt19937_64 random(3);
  int read = 0;
  for (int round = 0; round < 50'000; ++round) {
    const std::string key = any_text(random) + any_text(random) + any_text(random);
    KeyReader reader(key);
    if (const auto text = reader.text()) {
      ++read;
      const std::string again = KeyWriter().text(*text).take();
      REQUIRE(key.substr(0, again.size()) == again);
    } else {
      REQUIRE(reader.is_at_end() == key.empty());  // Nothing was taken away.
    }
    KeyReader numbers(key);
    REQUIRE(numbers.number().has_value() == (key.size() >= 8));
  }
  CHECK(read > 1000);
}

TEST_CASE("a key that ends in the middle of a part has no such part") {
  const std::string key = KeyWriter().text(std::string("a\0b", 3)).take();
  for (std::size_t bytes = 0; bytes < key.size(); ++bytes) {
    KeyReader reader(std::string_view(key).substr(0, bytes));
    CHECK_FALSE(reader.text().has_value());
  }
}

TEST_CASE("the end of a prefix is behind all that begin with it, and before all others behind it") {
  std::mt19937_64 random(4);
  for (int round = 0; round < 20'000; ++round) {
    const std::string prefix = any_text(random);
    const std::string key = any_text(random);
    const auto end = end_of_prefix(prefix);
    if (end) {
      REQUIRE(key.starts_with(prefix) == (key >= prefix && key < *end));
    } else {
      REQUIRE(key.starts_with(prefix) == (key >= prefix));
    }
  }
}

}  // namespace
}  // namespace leat::journal
