#include "core/base64.h"

#include <random>

#include <catch2/catch.hpp>

using namespace leat;

TEST_CASE("bytes are base64 as RFC 4648 has it") {
  CHECK(to_base64("").empty());
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("fo") == "Zm8=");
  CHECK(to_base64("foobar") == "Zm9vYmFy");
  CHECK(to_base64("\xff\xfe\xfb") == "//77");
}

TEST_CASE("base64 may have line breaks, and no padding") {
  CHECK(from_base64("Zm9v\nYmE=\r\n") == "fooba");
  CHECK(from_base64("Zg") == "f");
  CHECK(from_base64("") == "");
}

TEST_CASE("what is no base64 is refused") {
  for (const char* text : {"Z", "Zg=", "Zg===", "Z===", "Zm9v=", "Zm9v====", "Zg==Zg==", "Zm9 v",
                           "Zm9-", "=", "====", "aa\xc3\xa9"}) {
    INFO(text);
    CHECK_FALSE(from_base64(text));
  }
}

TEST_CASE("any bytes come back from base64") {
  std::mt19937 random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes;
    while (bytes.size() < size) {
      bytes += static_cast<char>(random());
    }
    CHECK(from_base64(to_base64(bytes)) == bytes);
  }
}
