#include "core/utf8.h"

#include <string>

#include <catch2/catch.hpp>

using namespace leat;

TEST_CASE("text of any script is UTF-8, and so are control characters and no bytes") {
  CHECK(is_utf8(""));
  CHECK(is_utf8(std::string_view("a\0\x7f\n", 4)));
  CHECK(is_utf8("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xef\xbf\xbf"));
}

TEST_CASE("long forms, surrogates, what is too high and what is cut off are no UTF-8") {
  for (const char* bytes : {"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xed\xa0\x80",
                            "\xf4\x90\x80\x80", "\xff", "\x80", "a\xc3", "\xe2\x82", "\xc3("}) {
    CHECK_FALSE(is_utf8(bytes));
  }
}
