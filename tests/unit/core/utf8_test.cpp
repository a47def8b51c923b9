#include "core/utf8.h"

#include <string>

#include <catch2/catch.hpp>

using leat::is_utf8;

TEST_CASE("text in UTF-8 is text, control characters included") {
  CHECK(is_utf8(""));
  CHECK(is_utf8(std::string("a\0\x01\x7f\n", 5)));
  CHECK(is_utf8("\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xf0\x90\x80\x80"));
  CHECK(is_utf8("\xf4\x8f\xbf\xbf"));
}

TEST_CASE("what is cut, overlong, a surrogate or too high is no text") {
  for (const char* const bytes :
       {"\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x82\x28"}) {
    CHECK_FALSE(is_utf8(bytes));
  }
}
