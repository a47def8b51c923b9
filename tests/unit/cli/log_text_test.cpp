#include "cli/log_text.h"

#include <catch2/catch.hpp>

using leat::cli::Bytes;
using leat::cli::escaped;
using leat::cli::log_text;
using leat::wire::Logs;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::system_clock::time_point kNow{1'773'500'966'535ms};
constexpr std::uint64_t kSecond = 1'000'000'000;

}  // namespace

TEST_CASE("lines of all stages and nodes are shown by their time") {
  const std::vector<Logs> all = {
      {.pipeline = "p",
       .stage = "parse",
       .node = "a1",
       .lines = {{.replica = 1, .age_ns = 3 * kSecond, .record = "17", .text = "old"},
                 {.replica = 0, .age_ns = kSecond, .text = "young"},
                 {.age_ns = kSecond, .lines_left_out = 12'345, .bytes_left_out = 1}}},
      {.pipeline = "p",
       .stage = "tag",
       .node = "b",
       .lines = {{.replica = 2, .age_ns = 2 * kSecond, .text = "mid\x1b\xff"}}}};
  CHECK(log_text(all, kNow, Bytes::kAsTheyAre) ==
        "2026-03-14T15:09:23.535Z parse/1@a1 [record 17] old\n"
        "2026-03-14T15:09:24.535Z tag/2@b mid\x1b\xff\n"
        "2026-03-14T15:09:25.535Z parse/0@a1 young\n"
        "2026-03-14T15:09:25.535Z parse@a1 ... 12,345 lines (1 byte) left out\n");
  CHECK(log_text(all, kNow, Bytes::kEscaped).find("@b mid\\x1b\\xff\n") != std::string::npos);
}

TEST_CASE("an age that no line can have is no mistake") {
  const std::vector<Logs> all = {{.lines = {{.age_ns = UINT64_MAX, .text = "x"}}}};
  CHECK(log_text(all, kNow, Bytes::kAsTheyAre).starts_with("2025-03-13T"));
}

TEST_CASE("what a terminal would obey is escaped, and text is not") {
  CHECK(escaped("a\tb \\ \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80") ==
        "a\tb \\ \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  CHECK(escaped("\x1b[2J\r\x7f\xc2\x9b") == "\\x1b[2J\\x0d\\x7f\\xc2\\x9b");
  CHECK(escaped("\xc3(\xe2\x82\xff") == "\\xc3(\\xe2\\x82\\xff");
}
