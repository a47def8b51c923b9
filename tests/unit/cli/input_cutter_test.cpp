#include "cli/input_cutter.h"

#include <algorithm>
#include <random>
#include <utility>

#include <catch2/catch.hpp>

using leat::kUnterminated;
using leat::RecordReader;
using leat::Records;
using leat::cli::InputCutter;
using leat::framing::Framing;
using leat::framing::Kind;
using leat::framing::Splitter;
using leat::framing::terminator;

namespace {

struct Cut {
  std::vector<std::string> records;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> oversize;  // Index, bytes.
  bool is_unterminated = false;                                   // The last of the records.
  std::uint64_t count = 0;
  friend bool operator==(const Cut&, const Cut&) = default;
};

std::ostream& operator<<(std::ostream& out, const Cut& cut) {
  out << cut.count << " in all, " << cut.records.size() << " records:";
  for (const std::string& record : cut.records) {
    out << ' ' << record.size();
  }
  out << "; oversize:";
  for (const auto& [index, bytes] : cut.oversize) {
    out << ' ' << index << '=' << bytes;
  }
  return out << (cut.is_unterminated ? "; unterminated" : "");
}

// The whole stream at once, cut by what the framing says.
Cut cut_naively(const Framing& framing, std::size_t record_bytes_max, const std::string& stream) {
  Cut cut;
  std::vector<std::uint32_t> lengths;
  Splitter splitter(framing);
  splitter.scan(stream, lengths);
  const bool has_last = splitter.pending_bytes() > 0;
  if (has_last) lengths.push_back(static_cast<std::uint32_t>(splitter.pending_bytes()));
  std::size_t at = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const bool is_last = has_last && i + 1 == lengths.size();
    if (lengths[i] > record_bytes_max) {
      cut.oversize.emplace_back(i, lengths[i]);
    } else {
      cut.records.push_back(stream.substr(at, lengths[i]));
      cut.is_unterminated = is_last;
    }
    at += lengths[i] + terminator(framing).size();
  }
  cut.count = lengths.size();
  return cut;
}

void collect(InputCutter& cutter, Cut& cut) {
  for (const InputCutter::Oversize& oversize : cutter.take_oversize()) {
    cut.oversize.emplace_back(oversize.index, oversize.bytes);
  }
  const std::optional<Records> records = cutter.take();
  if (!records) return;
  REQUIRE(records->check());
  RecordReader reader(*records);
  for (std::uint32_t i = 0; i < records->count; ++i) {
    REQUIRE_FALSE(cut.is_unterminated);
    cut.records.emplace_back(reader.next());
    cut.is_unterminated = records->has(kUnterminated, i);
  }
}

// Adds the pieces that end at these offsets and the rest; takes after those that `takes` says.
Cut cut_in_pieces(InputCutter cutter, const std::string& stream,
                  const std::vector<std::size_t>& ends, const std::vector<bool>& takes) {
  Cut cut;
  std::size_t at = 0;
  for (std::size_t i = 0; i <= ends.size(); ++i) {
    const std::size_t end = i < ends.size() ? ends[i] : stream.size();
    cutter.add(std::string_view(stream).substr(at, end - at));
    at = end;
    if (i < takes.size() && takes[i]) collect(cutter, cut);
  }
  cutter.finish();
  collect(cutter, cut);
  cut.count = cutter.count();
  return cut;
}

const std::vector<Framing> kFramings = {{.kind = Kind::kLines},
                                        {.kind = Kind::kLines, .lines = 3},
                                        {.kind = Kind::kBlankLine},
                                        {.kind = Kind::kUntil, .pattern = "^E"},
                                        {.kind = Kind::kSeparator, .separator = "|"},
                                        {.kind = Kind::kSeparator, .separator = "aab"}};

class AnyStream {
 public:
  explicit AnyStream(std::uint32_t seed) : random_(seed) {}

  std::size_t below(std::size_t end) { return random_() % end; }

  std::string make(const Framing& framing, std::size_t record_bytes_max) {
    std::string stream;
    for (std::size_t i = below(8); i > 0; --i) {
      const std::size_t near =
          record_bytes_max + below(6) - std::min<std::size_t>(2, record_bytes_max);
      append(stream, below(2) == 0 ? near : below(3 * record_bytes_max + 3));
      if (below(6) > 0) stream += terminator(framing);
    }
    return stream;
  }

  std::vector<std::size_t> cuts(const std::string& stream) {
    std::vector<std::size_t> ends;
    for (std::size_t i = below(8); i > 0; --i) {
      ends.push_back(below(stream.size() + 1));
    }
    std::sort(ends.begin(), ends.end());
    return ends;
  }

 private:
  void append(std::string& stream, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) {
      stream += below(10) == 0 ? "ab|E\n"[below(5)] : 'x';
    }
  }

  std::mt19937 random_;
};

// One read with all of it, taken once and once more after the end.
Cut cut_lines(std::size_t record_bytes_max, const std::string& stream) {
  return cut_in_pieces({{.kind = Kind::kLines}, record_bytes_max}, stream, {}, {true});
}

}  // namespace

TEST_CASE("a stream is cut as its framing says, wherever it was read in pieces") {
  for (std::uint32_t seed = 1; seed <= 6000; ++seed) {
    AnyStream any(seed);
    const Framing& framing = kFramings[any.below(kFramings.size())];
    const std::size_t most = any.below(12);
    const std::string stream = any.make(framing, most);
    const std::vector<std::size_t> ends = any.cuts(stream);
    std::vector<bool> takes;
    for (std::size_t i = 0; i <= ends.size(); ++i) {
      takes.push_back(any.below(2) == 0);
    }
    INFO("seed " << seed << ", " << to_string(framing) << ", at most " << most << " bytes");
    REQUIRE(cut_in_pieces({framing, most}, stream, ends, takes) ==
            cut_naively(framing, most, stream));
  }
}

TEST_CASE("a stream in pieces of one byte is cut as in one piece") {
  for (const Framing& framing : kFramings) {
    AnyStream any(7);
    for (int round = 0; round < 50; ++round) {
      const std::string stream = any.make(framing, 5);
      std::vector<std::size_t> ends;
      for (std::size_t i = 1; i < stream.size(); ++i) {
        ends.push_back(i);
      }
      INFO(to_string(framing));
      REQUIRE(cut_in_pieces({framing, 5}, stream, ends, std::vector<bool>(ends.size(), true)) ==
              cut_naively(framing, 5, stream));
    }
  }
}

TEST_CASE("records before an oversized one that is still coming can be taken") {
  InputCutter cutter({.kind = Kind::kLines}, 10);
  cutter.add("one\ntwo\n" + std::string(1000, 'x'));
  Cut cut;
  collect(cutter, cut);
  CHECK(cut.records == std::vector<std::string>{"one", "two"});
  cutter.add(std::string(1000, 'x') + "\nthree\n");
  cutter.finish();
  collect(cutter, cut);
  CHECK(cut.records == std::vector<std::string>{"one", "two", "three"});
  CHECK(cut.oversize == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{2, 2000}});
}

TEST_CASE("an oversized record is found in every position, the unterminated last one included") {
  const std::string large(1000, 'x');
  CHECK(cut_lines(10, large + "\na\nb\n").oversize.front().first == 0);
  CHECK(cut_lines(10, "a\n" + large + "\nb\n").oversize.front().first == 1);
  CHECK(cut_lines(10, "a\nb\n" + large + "\n").oversize.front().first == 2);
  const Cut last = cut_lines(10, "a\nb\n" + large);
  CHECK(last.oversize == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{2, 1000}});
  CHECK_FALSE(last.is_unterminated);
}

TEST_CASE("two oversized records in one read are both found, each by its own number") {
  const std::string stream = "a\n" + std::string(50, 'x') + "\nb\n" + std::string(5000, 'y');
  CHECK(cut_lines(10, stream) == cut_naively({.kind = Kind::kLines}, 10, stream));
  CHECK(cut_lines(10, stream + "\nc") == cut_naively({.kind = Kind::kLines}, 10, stream + "\nc"));
}

TEST_CASE("a record of exactly the limit passes, and one byte more is oversized") {
  for (const std::string end : {"", "\n"}) {
    CHECK(cut_lines(10, "a\n" + std::string(10, 'x') + end).records.size() == 2);
    const Cut over = cut_lines(10, "a\n" + std::string(11, 'x') + end);
    CHECK(over.records == std::vector<std::string>{"a"});
    CHECK(over.oversize == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 11}});
  }
}

TEST_CASE("a large read is cut as its framing says") {
  std::string stream;
  for (std::size_t i = 0; i < 400; ++i) {
    stream += std::string(i * 7 % 1100, 'x') + '\n';
  }
  stream += std::string(200'000, 'y');
  CHECK(cut_lines(1000, stream) == cut_naively({.kind = Kind::kLines}, 1000, stream));
}

TEST_CASE("an empty stream has no record, and finish says no more than that") {
  CHECK(cut_lines(10, "") == Cut{});
}

TEST_CASE("only the last record without terminator is marked") {
  const Cut cut = cut_lines(10, "a\nb");
  CHECK(cut.records == std::vector<std::string>{"a", "b"});
  CHECK(cut.is_unterminated);
  CHECK_FALSE(cut_lines(10, "a\nb\n").is_unterminated);
}

TEST_CASE("an oversized record with a header is passed over by its length") {
  const std::string large(200'000, 'x');
  const std::string stream = "1:a,200000:" + large + ",2:bc,";
  InputCutter cutter({.kind = Kind::kNetstring}, 10);
  Cut cut;
  for (std::size_t at = 0; at < stream.size(); at += 777) {
    cutter.add(std::string_view(stream).substr(at, 777));
    collect(cutter, cut);
  }
  cutter.finish();
  collect(cutter, cut);
  CHECK(cut.records == std::vector<std::string>{"a", "bc"});
  CHECK(cut.oversize == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 200'000}});
  CHECK_FALSE(cut.is_unterminated);
  CHECK_FALSE(cutter.malformed());
}

TEST_CASE("what lies before a malformed place is cut, and nothing behind it") {
  InputCutter cutter({.kind = Kind::kNetstring}, 10);
  cutter.add("1:a,2:bc,nonsense");
  cutter.add("1:d,");
  cutter.finish();
  Cut cut;
  collect(cutter, cut);
  CHECK(cut.records == std::vector<std::string>{"a", "bc"});
  REQUIRE(cutter.malformed());
  CHECK(cutter.malformed()->offset == 9);
}

TEST_CASE("a stream that ends within a record with a header is malformed, oversized or not") {
  for (const std::string record : {"3:ab", "300:ab", "3"}) {
    InputCutter cutter({.kind = Kind::kNetstring}, 10);
    cutter.add("1:a," + record);
    cutter.finish();
    Cut cut;
    collect(cutter, cut);
    CHECK(cut.records == std::vector<std::string>{"a"});
    CHECK(cut.oversize.empty());
    REQUIRE(cutter.malformed());
    CHECK(cutter.malformed()->offset == 4 + record.size());
  }
}

TEST_CASE("a whole stream is one record, and above the limit none") {
  const auto cut = [](const std::string& stream) {
    return cut_in_pieces({{.kind = Kind::kWhole}, 10}, stream, {}, {true});
  };
  CHECK(cut("a\nb\n").records == std::vector<std::string>{"a\nb\n"});
  CHECK(cut("").records == std::vector<std::string>{""});
  CHECK_FALSE(cut("a").is_unterminated);
  const Cut over = cut(std::string(11, 'x'));
  CHECK(over.records.empty());
  CHECK(over.oversize == std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 11}});
  CHECK(cut(std::string(100'000, 'x')).oversize.front().second == 100'000);
}
