// Streams of framings whose records are more than bytes and a terminator.

#include "framing/stream.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "framing/splitter.h"
#include "tests/support/any_json.h"

namespace {

namespace tests = leat::tests;
using leat::RecordsBuilder;
using leat::framing::Framing;
using leat::framing::Kind;
using leat::framing::Malformed;
using leat::framing::Splitter;
using leat::framing::stream_of;

using Strings = std::vector<std::string>;

const std::vector<Framing> kFramings = {
    {.kind = Kind::kNetstring}, {.kind = Kind::kLength32}, {.kind = Kind::kJson}};

// What a splitter makes of a stream.
struct Cut {
  std::vector<std::uint32_t> lengths;
  std::string blob;
  bool is_between = true;
  std::optional<Malformed> malformed;
  friend bool operator==(const Cut&, const Cut&) = default;
};

std::ostream& operator<<(std::ostream& out, const Cut& cut) {
  for (const auto length : cut.lengths) {
    out << length << ' ';
  }
  out << "in " << Catch::StringMaker<std::string>::convert(cut.blob);
  return out << (cut.malformed ? to_string(*cut.malformed) : "") << (cut.is_between ? "" : " ...");
}

std::size_t below(std::mt19937& random, std::size_t limit) {
  return static_cast<std::size_t>(random()) % limit;
}

// In pieces of less than `piece_max` bytes.
Cut split(const Framing& framing, std::string_view stream, std::mt19937& random,
          std::size_t piece_max) {
  Splitter splitter(framing);
  Cut cut;
  while (!stream.empty()) {
    const std::string_view piece = stream.substr(0, below(random, piece_max));
    splitter.split(piece, cut.lengths, cut.blob);
    stream.remove_prefix(piece.size());
  }
  cut.is_between = splitter.is_between();
  cut.malformed = splitter.malformed();
  return cut;
}

Cut split(const Framing& framing, std::string_view stream) {
  Splitter splitter(framing);
  Cut cut;
  splitter.split(stream, cut.lengths, cut.blob);
  cut.is_between = splitter.is_between();
  cut.malformed = splitter.malformed();
  return cut;
}

Cut cut_of(const Framing& framing, const Strings& records) {
  Cut cut;
  for (const std::string& record : records) {
    cut.lengths.push_back(static_cast<std::uint32_t>(record.size()));
    cut.blob.append(record).append(terminator(framing));
  }
  return cut;
}

std::string stream(const Framing& framing, const Strings& records) {
  RecordsBuilder builder{std::string(terminator(framing))};
  for (const std::string& record : records) {
    builder.add(record);
  }
  return std::string(stream_of(builder.take(), framing).view());
}

std::string any_record(const Framing& framing, std::mt19937& random) {
  if (framing.kind == Kind::kJson) return tests::any_json(random);
  std::string record(below(random, below(random, 10) == 0 ? 300 : 5), '\0');
  for (char& byte : record) {
    byte = "09:,x\n\0\1"[below(random, 8)];
  }
  return record;
}

Malformed fault_at_end(const Framing& framing, std::string_view bytes) {
  Splitter splitter(framing);
  Cut cut;
  splitter.split(bytes, cut.lengths, cut.blob);
  CHECK_FALSE(splitter.malformed());
  CHECK(splitter.end() == Splitter::Last::kNone);
  return splitter.malformed().value_or(Malformed{});
}

const Framing kNetstring{.kind = Kind::kNetstring};
const Framing kLength32{.kind = Kind::kLength32};

std::string bytes(std::string_view text) {
  return std::string(text);
}

}  // namespace

TEST_CASE("any records come back from their stream, wherever it is cut") {
  std::mt19937 random(20260801);
  for (const Framing& framing : kFramings) {
    for (int round = 0; round < 1000; ++round) {
      Strings records(below(random, 6));
      std::generate(records.begin(), records.end(), [&] { return any_record(framing, random); });
      const Cut expected = cut_of(framing, records);
      INFO(to_string(framing) << ", round " << round);
      REQUIRE(split(framing, stream(framing, records)) == expected);
      REQUIRE(split(framing, stream(framing, records), random, 5) == expected);
      REQUIRE(split(framing, stream(framing, records), random, 70) == expected);
    }
  }
}

TEST_CASE("any bytes are cut or refused at one place, wherever they are cut into pieces") {
  std::mt19937 random(11);
  for (const Framing& framing : kFramings) {
    std::size_t refused = 0;
    for (int round = 0; round < 3000; ++round) {
      std::string bytes = stream(framing, {any_record(framing, random)});
      for (std::size_t i = below(random, 4); i > 0 && !bytes.empty(); --i) {
        bytes[below(random, bytes.size())] = static_cast<char>(random());
      }
      bytes += any_record(framing, random);
      INFO(to_string(framing) << ", round " << round);
      const Cut whole = split(framing, bytes);
      REQUIRE(split(framing, bytes, random, 4) == whole);
      REQUIRE(whole.blob.size() <= bytes.size() + whole.lengths.size());
      if (!whole.malformed) continue;
      ++refused;
      REQUIRE(whole.malformed->offset < bytes.size());
    }
    CHECK(refused > 100);
  }
}

TEST_CASE("the stream of framings with headers is to the letter what others read") {
  CHECK(stream(kNetstring, {"abc", "", "d,4:"}) == "3:abc,0:,4:d,4:,");
  CHECK(stream(kLength32, {"abc", ""}) == bytes({"\0\0\0\3abc\0\0\0\0", 11}));
  CHECK(stream(kLength32, {std::string(0x010203, 'x')}).substr(0, 5) == bytes({"\0\1\2\3x", 5}));
  CHECK(stream({}, {"a", "b"}) == "a\nb\n");
}

TEST_CASE("a netstring that is none is told with its place") {
  const auto fault_of = [](std::string_view text) { return split(kNetstring, text).malformed; };
  CHECK(fault_of("1:a,hello") == Malformed{4, "found 'h', expected a record's length in digits"});
  CHECK(fault_of(":,") == Malformed{0, "found ':', expected a record's length in digits"});
  CHECK(fault_of("1;") == Malformed{1, "found ';', expected a digit of its length, or the colon"});
  CHECK(fault_of("1:a,\n") ==
        Malformed{4, "found a newline, expected a record's length in digits"});
  CHECK(fault_of("1:ab") ==
        Malformed{3, "found 'b', expected the comma behind the record's bytes"});
  CHECK(fault_of("01:a,") ==
        Malformed{1, "found '1', expected a colon, for no length begins with 0"});
  CHECK(fault_of("0:,1\xff") ==
        Malformed{4, "found byte 0xff, expected a digit of its length, or the colon"});
  CHECK(fault_of("99999999999999999999999:") ==
        Malformed{9, "found a length of 9999999999 bytes, expected at most 1073741824"});
}

TEST_CASE("a length that no record can have is told with its place") {
  CHECK(split(kLength32, bytes({"\0\0\0\1aGET /", 10})).malformed ==
        Malformed{8, "found a length of 1195725856 bytes, expected at most 1073741824"});
  CHECK_FALSE(split(kLength32, bytes({"\x40\0\0\0", 4})).malformed);
}

TEST_CASE("a stream that ends within a record is told what is missing, and where") {
  CHECK(fault_at_end(kNetstring, "1:a,2") ==
        Malformed{5, "found the end, expected the rest of a record's length"});
  CHECK(fault_at_end(kNetstring, "1:a,2:b") ==
        Malformed{7, "found the end, expected 1 more byte of the record"});
  CHECK(fault_at_end(kNetstring, "1:a,2:bc") ==
        Malformed{8, "found the end, expected the comma behind the record's bytes"});
  CHECK(fault_at_end(kLength32, bytes({"\0\0\0\1a\0", 6})) ==
        Malformed{6, "found the end, expected the rest of a record's length"});
  CHECK(fault_at_end(kLength32, bytes({"\0\0\0\5ab", 6})) ==
        Malformed{6, "found the end, expected 3 more bytes of the record"});
  CHECK(fault_at_end({.kind = Kind::kJson}, "1 [true, ") ==
        Malformed{9, "found the end, expected the rest of a JSON value"});
  for (const Framing& framing : kFramings) {
    CHECK(fault_at_end(framing, stream(framing, {"{}", "[]"})) == Malformed{});
  }
}

TEST_CASE("a record's size is known from its header, and costs nothing before it comes") {
  Splitter splitter(kNetstring);
  Cut cut;
  splitter.split("1073741824:ab", cut.lengths, cut.blob);
  CHECK(splitter.record_bytes_min() == 1073741824);
  CHECK(splitter.pending_bytes() == 2);
  CHECK(cut.blob == "ab");
  CHECK_FALSE(splitter.is_between());
}

TEST_CASE("what follows a fault is passed over and costs nothing") {
  for (const Framing& framing : kFramings) {
    Splitter splitter(framing);
    Cut cut;
    splitter.split("\xff\xff\xff\xff", cut.lengths, cut.blob);
    REQUIRE(splitter.malformed());
    const auto malformed = splitter.malformed();
    splitter.split(std::string(100'000, '1'), cut.lengths, cut.blob);
    CHECK(splitter.malformed() == malformed);
    CHECK(cut.blob.empty());
    splitter.reset();
    CHECK_FALSE(splitter.malformed());
    splitter.split(stream(framing, {"[]"}), cut.lengths, cut.blob);
    CHECK(cut.blob == "[]" + std::string(terminator(framing)));
  }
}

TEST_CASE("a record can be passed over in any pieces, and the next is read") {
  std::mt19937 random(5);
  for (const Framing& framing : kFramings) {
    const std::string record = '"' + std::string(998, 'r') + '"';
    const std::string all = stream(framing, {record, "[1]"});
    for (int round = 0; round < 200; ++round) {
      Splitter splitter(framing);
      std::int64_t passed_bytes = 0;
      std::string_view rest = all;
      for (bool is_end = false; !is_end;) {
        const Splitter::Passed passed = splitter.pass(rest.substr(0, 1 + below(random, 300)));
        passed_bytes += passed.record_bytes;
        rest.remove_prefix(passed.used);
        is_end = passed.is_end;
      }
      REQUIRE(passed_bytes == 1000);
      Cut cut;
      splitter.split(rest, cut.lengths, cut.blob);
      REQUIRE(cut.blob == "[1]" + std::string(terminator(framing)));
    }
  }
}
