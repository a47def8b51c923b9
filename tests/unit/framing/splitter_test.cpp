#include "framing/splitter.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace {

using leat::framing::feed;
using leat::framing::Framing;
using leat::framing::Kind;
using leat::framing::Splitter;

using Lengths = std::vector<std::uint32_t>;

Framing lines() {
  return {};
}

Framing line_groups(std::uint32_t lines) {
  return {.kind = Kind::kLines, .lines = lines};
}

Framing blank_line() {
  return {.kind = Kind::kBlankLine, .pattern = {}, .separator = {}};
}

Framing until(std::string pattern) {
  return {.kind = Kind::kUntil, .pattern = std::move(pattern), .separator = {}};
}

Framing separator(std::string bytes) {
  return {.kind = Kind::kSeparator, .pattern = {}, .separator = std::move(bytes)};
}

std::vector<Framing> all_framings() {
  return {lines(),          line_groups(2),    line_groups(4),
          blank_line(),     until("^EOS$"),    until("b"),
          until("^$"),      separator("a"),    separator(std::string(1, '\0')),
          separator("aab"), separator("abab"), separator("\r\n"),
          separator("aaa"), separator("\n\n")};
}

struct Cut {
  Lengths lengths;
  std::size_t pending = 0;
  friend bool operator==(const Cut&, const Cut&) = default;
};

std::ostream& operator<<(std::ostream& out, const Cut& cut) {
  for (const auto length : cut.lengths) {
    out << length << ' ';
  }
  return out << "+ " << cut.pending;
}

// ---- A reference that sees the whole stream at once and searches by brute force.

bool matches_by_hand(const std::string& pattern, const std::string& line) {
  if (pattern == "^EOS$") return line == "EOS";
  if (pattern == "^$") return line.empty();
  return line.find(pattern) != std::string::npos;
}

// Where the record that begins at `begin` ends and where the next begins; npos without an end.
struct End {
  std::size_t record = std::string::npos;
  std::size_t next = std::string::npos;
};

End end_by_lines(const Framing& framing, const std::string& stream, std::size_t begin) {
  std::uint32_t lines = 0;
  for (std::size_t line = begin;;) {
    const std::size_t newline = stream.find('\n', line);
    if (newline == std::string::npos) return {};
    const std::string text = stream.substr(line, newline - line);
    if (framing.kind == Kind::kLines && ++lines == framing.lines) return {newline, newline + 1};
    if (framing.kind == Kind::kBlankLine && text.empty()) return {line, newline + 1};
    if (framing.kind == Kind::kUntil && matches_by_hand(framing.pattern, text)) {
      return {newline, newline + 1};
    }
    line = newline + 1;
  }
}

End end_of_record(const Framing& framing, const std::string& stream, std::size_t begin) {
  if (framing.kind != Kind::kSeparator) return end_by_lines(framing, stream, begin);
  const std::string& terminator = framing.separator;
  for (std::size_t at = begin; at + terminator.size() <= stream.size(); ++at) {
    if (stream.compare(at, terminator.size(), terminator) == 0) return {at, at + terminator.size()};
  }
  return {};
}

Cut reference(const Framing& framing, const std::string& stream) {
  Cut cut;
  std::size_t begin = 0;
  for (End end = end_of_record(framing, stream, 0); end.record != std::string::npos;
       end = end_of_record(framing, stream, begin)) {
    cut.lengths.push_back(static_cast<std::uint32_t>(end.record - begin));
    begin = end.next;
  }
  cut.pending = stream.size() - begin;
  return cut;
}

Cut scan_whole(const Framing& framing, const std::string& stream) {
  Splitter splitter(framing);
  Cut cut;
  splitter.scan(stream, cut.lengths);
  cut.pending = splitter.pending_bytes();
  return cut;
}

std::size_t below(std::mt19937& random, std::size_t limit) {
  return static_cast<std::size_t>(random()) % limit;
}

Cut scan_in_pieces(const Framing& framing, const std::string& stream, std::mt19937& random) {
  Splitter splitter(framing);
  Cut cut;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = std::min(below(random, 12), stream.size() - at);
    splitter.scan(std::string_view(stream).substr(at, size), cut.lengths);
    at += size;
  }
  cut.pending = splitter.pending_bytes();
  return cut;
}

Cut scan_in_two(const Framing& framing, const std::string& stream, std::size_t at) {
  Splitter splitter(framing);
  Cut cut;
  splitter.scan(std::string_view(stream).substr(0, at), cut.lengths);
  splitter.scan(std::string_view(stream).substr(at), cut.lengths);
  cut.pending = splitter.pending_bytes();
  return cut;
}

std::string random_text(std::mt19937& random, const std::string& alphabet, std::size_t size_max) {
  std::string text;
  for (std::size_t size = below(random, size_max + 1); size > 0; --size) {
    text += alphabet[below(random, alphabet.size())];
  }
  return text;
}

const std::string kAlphabet = std::string("aaabb\n\n\r\0ES\xff", 12);

std::string random_stream(std::mt19937& random) {
  std::string stream;
  for (std::size_t parts = below(random, 6); parts > 0; --parts) {
    stream += random_text(random, kAlphabet, 12);
    if (below(random, 2) == 0) stream += "\nEOS\n";
  }
  return stream;
}

Cut fed_and_scanned(const Framing& framing, const std::string& record) {
  std::string stream;
  feed(framing, record, stream);
  return scan_whole(framing, stream);
}

}  // namespace

TEST_CASE("any cuts of any stream give the records that a simple search finds") {
  std::mt19937 random(20261103);
  for (const Framing& framing : all_framings()) {
    for (int round = 0; round < 2000; ++round) {
      const std::string stream = random_stream(random);
      INFO(to_string(framing) << " in " << Catch::StringMaker<std::string>::convert(stream));
      const Cut expected = reference(framing, stream);
      REQUIRE(scan_whole(framing, stream) == expected);
      REQUIRE(scan_in_pieces(framing, stream, random) == expected);
    }
  }
}

TEST_CASE("random bytes are cut without loss") {
  std::mt19937 random(7);
  for (const Framing& framing : all_framings()) {
    std::string stream(100'000, '\0');
    for (char& byte : stream) {
      byte = static_cast<char>(random());
    }
    const Cut cut = scan_whole(framing, stream);
    std::size_t bytes = cut.pending;
    for (const auto length : cut.lengths) {
      bytes += length + terminator(framing).size();
    }
    CHECK(bytes == stream.size());
    CHECK(scan_in_pieces(framing, stream, random) == cut);
  }
}

TEST_CASE("every stream of two letters is cut right, wherever it comes in two pieces") {
  constexpr std::size_t kSize = 12;
  for (const char* bytes : {"aab", "abab", "aaa", "abaab", "aabaaa", "aabaaaa"}) {
    const Framing framing = separator(bytes);
    for (unsigned number = 0; number < 1U << kSize; ++number) {
      std::string stream;
      for (std::size_t i = 0; i < kSize; ++i) {
        stream += (number >> i & 1U) == 0 ? 'a' : 'b';
      }
      const Cut expected = reference(framing, stream);
      INFO(bytes << " in " << stream);
      for (std::size_t cut = 0; cut <= kSize; ++cut) {
        if (scan_in_two(framing, stream, cut) != expected) FAIL("cut at " << cut);
      }
    }
  }
}

TEST_CASE("a separator that overlaps with itself is found at its first place") {
  CHECK(scan_whole(separator("aab"), "aaab") == Cut{{1}, 0});
  CHECK(scan_whole(separator("abab"), "abaabab") == Cut{{3}, 0});
  CHECK(scan_whole(separator("aa"), "aaaaa") == Cut{{0, 0}, 1});
}

TEST_CASE("lines end at newlines and may be empty") {
  CHECK(scan_whole(lines(), "") == Cut{{}, 0});
  CHECK(scan_whole(lines(), "a\n\nbc") == Cut{{1, 0}, 2});
}

TEST_CASE("a record of four lines ends at the fourth newline") {
  CHECK(scan_whole(line_groups(4), "@a\nAC\n+\n!!\n@b\n") == Cut{{10}, 3});
  CHECK(scan_whole(line_groups(4), "\n\n\n\n") == Cut{{3}, 0});
}

TEST_CASE("a whole stream is one record when it ends, an empty one too") {
  const Framing whole{.kind = Kind::kWhole};
  CHECK(scan_whole(whole, "a\nb") == Cut{{}, 3});
  for (const std::string_view stream : {"", "a\nb\n"}) {
    Splitter splitter(whole);
    Lengths lengths;
    splitter.scan(stream, lengths);
    CHECK(splitter.pending_bytes() == stream.size());
    CHECK(splitter.end() == Splitter::Last::kTerminated);
    CHECK(splitter.is_between());
  }
  CHECK(carries(whole, "any\n"));
}

TEST_CASE("a blank-line record has its lines with their newlines") {
  CHECK(scan_whole(blank_line(), "a\nb\n\n") == Cut{{4}, 0});
  CHECK(scan_whole(blank_line(), "\n") == Cut{{0}, 0});
  CHECK(scan_whole(blank_line(), "a\n\n\nb\n") == Cut{{2, 0}, 2});
}

TEST_CASE("an until record ends with the line that matches") {
  CHECK(scan_whole(until("^EOS$"), "a\nEOS\nEOS\nxEOS\n") == Cut{{5, 3}, 5});
  CHECK(scan_whole(until("^.$"), "\xff\nab\n\n\xc3\n") == Cut{{1, 5}, 0});
  CHECK(scan_whole(until("\xc3\xa9"), "caf\xc3\xa9 \xff\n") == Cut{{7}, 0});
}

TEST_CASE("a line of a mebibyte that comes in pieces is matched whole") {
  const std::string stream = "EOS" + std::string(1 << 20, 'x') + "\nEOS\n";
  std::mt19937 random(1);
  CHECK(scan_in_pieces(until("^EOS$"), stream, random) == Cut{{(1 << 20) + 7}, 0});
}

TEST_CASE("after a reset the next byte begins a record") {
  for (const Framing& framing : all_framings()) {
    Splitter splitter(framing);
    Lengths lengths;
    splitter.scan("aEO", lengths);
    lengths.clear();
    splitter.reset();
    CHECK(splitter.pending_bytes() == 0);
    std::string stream = "aab\n\nEOS\n";
    splitter.scan(stream, lengths);
    CHECK(Cut{lengths, splitter.pending_bytes()} == reference(framing, stream));
  }
}

TEST_CASE("a record is carried exactly when scanning what was fed gives it back") {
  std::mt19937 random(42);
  for (const Framing& framing : all_framings()) {
    const Splitter splitter(framing);
    int carried = 0;
    for (int round = 0; round < 3000; ++round) {
      std::string record = random_text(random, kAlphabet, 6);
      if (framing.kind == Kind::kUntil && below(random, 2) == 0) record += "\nEOS";
      if (framing.lines > 2 && below(random, 2) == 0) record += "\n\n";
      INFO(to_string(framing) << " for " << Catch::StringMaker<std::string>::convert(record));
      const bool adds_newline =
          framing.kind == Kind::kBlankLine && !record.empty() && !record.ends_with('\n');
      const auto length = static_cast<std::uint32_t>(record.size() + (adds_newline ? 1 : 0));
      const bool comes_back = fed_and_scanned(framing, record) == Cut{{length}, 0};
      REQUIRE(splitter.carries(record) == comes_back);
      REQUIRE(carries(framing, record) == comes_back);
      carried += comes_back ? 1 : 0;
    }
    CHECK(carried > 0);
  }
}

TEST_CASE("feeding appends and keeps what was there") {
  std::string stream = "before";
  feed(blank_line(), "a", stream);
  feed(separator("--"), "b\n", stream);
  feed(lines(), "", stream);
  CHECK(stream == "beforea\n\nb\n--\n");
}
