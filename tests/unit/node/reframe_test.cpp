#include "node/reframe.h"

#include <random>

#include <catch2/catch.hpp>

#include "framing/splitter.h"
#include "framing/stream.h"
#include "tests/support/any_json.h"

using leat::Batch;
using leat::kUnterminated;
using leat::Position;
using leat::RecordReader;
using leat::RecordsBuilder;
using leat::framing::Framing;
using leat::framing::Kind;
using leat::framing::Splitter;
using leat::node::reframe;
using leat::node::Reframed;

namespace {

namespace tests = leat::tests;

const std::vector<Framing> kFramings = {{.kind = Kind::kLines},
                                        {.kind = Kind::kLines, .lines = 2},
                                        {.kind = Kind::kBlankLine},
                                        {.kind = Kind::kUntil, .pattern = "^E"},
                                        {.kind = Kind::kNetstring},
                                        {.kind = Kind::kLength32},
                                        {.kind = Kind::kJson},
                                        {.kind = Kind::kSeparator, .separator = "\n"},
                                        {.kind = Kind::kSeparator, .separator = "|"},
                                        {.kind = Kind::kSeparator, .separator = "aab"}};

std::string any_record(std::mt19937& random) {
  if (random() % 4 == 0) return tests::any_json(random);
  std::string record(random() % 6, '\0');
  for (char& c : record) {
    c = "ab|E\nx"[random() % 6];
  }
  return record;
}

Batch batch_of(const std::vector<std::string>& texts, const Framing& from) {
  RecordsBuilder builder{std::string(terminator(from))};
  for (const std::string& text : texts) {
    builder.add(text);
  }
  const auto count = static_cast<std::uint32_t>(texts.size());
  return {{1, 1}, {{Position(10), count, count}}, builder.take()};
}

// The tool reads the parts' bytes as exactly their records.
void check_read(const Batch& part, const Framing& input) {
  REQUIRE(part.records.check());
  Splitter splitter(input);
  std::vector<std::uint32_t> lengths;
  std::string blob;
  splitter.split(stream_of(part.records, input).view(), lengths, blob);
  CHECK(lengths.size() == part.records.count);
  CHECK(splitter.is_between());
  // Whitespace around a JSON value is none of it.
  if (input.kind != Kind::kJson) CHECK(blob == part.records.blob.view());
}

// What a tool of blank-line framing reads ends with a newline.
std::string as_read(const std::string& record, const Framing& input) {
  std::string stream;
  feed(input, record, stream);
  return stream.substr(0, stream.size() - terminator(input).size());
}

}  // namespace

TEST_CASE("between any two framings each record is fed as itself or refused, in order") {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const Framing& from = kFramings[random() % kFramings.size()];
    const Framing& to = kFramings[random() % kFramings.size()];
    std::vector<std::string> texts(1 + random() % 5);
    for (std::string& text : texts) {
      text = any_record(random);
    }
    INFO(to_string(from) << " to " << to_string(to));
    const Reframed reframed = reframe(batch_of(texts, from), to);
    std::vector<bool> seen(texts.size(), false);
    for (const Reframed::Refusal& refused : reframed.refused) {
      const std::size_t i = refused.origin.last() - 10;
      CHECK_FALSE(carries(to, texts[i]));
      CHECK_FALSE(seen[i]);
      seen[i] = true;
    }
    std::uint64_t last = 0;
    for (const Batch& part : reframed.parts) {
      check_read(part, to);
      RecordReader reader(part.records);
      for (const auto& run : part.runs) {
        REQUIRE(run.is_one_for_one());
        CHECK(run.first.last() > last);
        last = run.first.last() + run.inputs - 1;
        for (std::uint32_t i = 0; i < run.inputs; ++i) {
          const std::size_t at = run.first.last() + i - 10;
          CHECK_FALSE(seen[at]);
          seen[at] = true;
          CHECK(reader.next() == as_read(texts[at], to));
        }
      }
    }
    CHECK(std::count(seen.begin(), seen.end(), true) == static_cast<long>(texts.size()));
  }
}

TEST_CASE("a record without terminator is a part of its own, the last") {
  for (const Framing& to : kFramings) {
    if (!may_lack_terminator(to)) continue;
    Batch batch = batch_of({"x", "b", "x"}, kFramings.front());
    batch.records.attributes = {{2, 1, std::string(kUnterminated), ""}};
    const Reframed reframed = reframe(batch, to);
    REQUIRE(!reframed.parts.empty());
    const Batch& last = reframed.parts.back();
    CHECK(last.records.count == 1);
    CHECK(last.runs.front().first == Position(12));
    CHECK(last.records.has(kUnterminated, 0));
  }
}

TEST_CASE("where no record can lack its terminator the last is one as all") {
  for (const Kind kind : {Kind::kNetstring, Kind::kLength32, Kind::kJson, Kind::kWhole}) {
    Batch batch = batch_of({"1", "{}", "2"}, kFramings.front());
    batch.records.attributes = {{2, 1, std::string(kUnterminated), ""}, {0, 3, "type", "text"}};
    const Reframed reframed = reframe(batch, {.kind = kind});
    REQUIRE(reframed.parts.size() == 1);
    CHECK(reframed.parts.front().records.count == 3);
    CHECK_FALSE(reframed.parts.front().records.has(kUnterminated, 2));
    CHECK(reframed.parts.front().records.has("type", 2));
  }
}
