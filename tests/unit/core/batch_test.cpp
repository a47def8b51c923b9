// Records against a plain vector of strings, and runs against a list of single origins.

#include "core/batch.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace leat {
namespace {

// Below `end`, which is at least 1.
std::uint32_t below(std::mt19937& random, std::size_t end) {
  return static_cast<std::uint32_t>(random() % end);
}

std::vector<std::string> texts_of(const Records& records) {
  std::vector<std::string> texts;
  RecordReader reader(records);
  while (!reader.is_done()) {
    texts.emplace_back(reader.next());
  }
  return texts;
}

Records records_of(const std::vector<std::string>& texts, const std::string& separator) {
  RecordsBuilder builder(separator);
  for (const std::string& text : texts) {
    builder.add(text);
  }
  return builder.take();
}

std::vector<std::string> random_texts(std::mt19937& random) {
  std::vector<std::string> texts(below(random, 12));
  for (std::string& text : texts) {
    text.resize(below(random, 9));
    std::generate(text.begin(), text.end(), [&] { return static_cast<char>(below(random, 256)); });
  }
  return texts;
}

std::string random_separator(std::mt19937& random) {
  static const std::vector<std::string> kSeparators = {"", "\n", "\n\n", std::string(1, '\0')};
  return kSeparators[below(random, kSeparators.size())];
}

TEST_CASE("records are read as they were added, and any slice is that range of them") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const std::vector<std::string> texts = random_texts(random);
    const Records records = records_of(texts, random_separator(random));
    INFO("seed " << seed);
    REQUIRE(records.check().has_value());
    REQUIRE(texts_of(records) == texts);
    for (std::uint32_t first = 0; first <= texts.size(); ++first) {
      for (std::uint32_t n = 0; first + n <= texts.size(); ++n) {
        const Records part = records.slice(first, n);
        REQUIRE(part.check().has_value());
        REQUIRE(texts_of(part) ==
                std::vector<std::string>(texts.begin() + first, texts.begin() + first + n));
        REQUIRE(part.blob.size() == part.blob_bytes(n));
        REQUIRE((n == 0 || part.length(n - 1) == texts[first + n - 1].size()));
      }
    }
  }
}

TEST_CASE("a slice lies in the memory of the whole") {
  const Records records = records_of({"one", "two", "three", "four"}, "\n");
  const Records part = records.slice(1, 2);
  CHECK(part.blob.view().data() == records.blob.view().data() + 4);
  CHECK(part.lengths.view().data() == records.lengths.view().data() + 4);
  CHECK(part.blob.view() == "two\nthree\n");
}

TEST_CASE("a slice outlives the whole") {
  Records part;
  {
    const Records records = records_of({"one", "two", "three"}, "\n");
    part = records.slice(2, 1);
  }
  CHECK(texts_of(part) == std::vector<std::string>{"three"});
}

TEST_CASE("a slice keeps the attributes of its own records, counted from its begin") {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    Records records = records_of(std::vector<std::string>(10, "x"), "\n");
    for (int i = 0; i < 3; ++i) {
      const std::uint32_t first = below(random, 11);
      const std::uint32_t count = below(random, 11 - first);
      records.attributes.push_back({first, count, "name" + std::to_string(i), "value"});
    }
    const std::uint32_t first = below(random, 11);
    const std::uint32_t n = below(random, 11 - first);
    const Records part = records.slice(first, n);
    REQUIRE(part.check().has_value());
    for (std::uint32_t i = 0; i < n; ++i) {
      for (const char* name : {"name0", "name1", "name2"}) {
        REQUIRE(part.has(name, i) == records.has(name, first + i));
      }
    }
  }
}

TEST_CASE("as many records fit as their bytes with separators allow, and always one") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const Records records = records_of(random_texts(random), random_separator(random));
    for (std::size_t bytes = 0; bytes <= records.blob.size() + 1; ++bytes) {
      std::uint32_t most = std::min(records.count, 1U);
      for (std::uint32_t n = 1; n <= records.count; ++n) {
        if (records.blob_bytes(n) <= bytes) most = n;
      }
      INFO("seed " << seed << ", " << bytes << " bytes");
      REQUIRE(records.fit(bytes) == most);
    }
  }
}

TEST_CASE("a builder starts anew after its records were taken") {
  RecordsBuilder builder(";");
  builder.add("a");
  builder.add("");
  CHECK(builder.count() == 2);
  CHECK(builder.bytes() == 3 + 8);
  CHECK(builder.take().blob.view() == "a;;");
  CHECK(builder.count() == 0);
  CHECK(builder.bytes() == 0);
  builder.add("b");
  const Records second = builder.take();
  CHECK(second.blob.view() == "b;");
  CHECK(second.count == 1);
}

TEST_CASE("no records are sound records") {
  const Records none = records_of({}, "\n");
  CHECK(none.check().has_value());
  CHECK(RecordReader(none).is_done());
  CHECK(none.slice(0, 0).count == 0);
  CHECK(Records().check().has_value());
  CHECK(none.fit(0) == 0);
}

TEST_CASE("records whose lengths, separators and blob disagree are refused") {
  const Records good = records_of({"one", "two"}, "\n");
  Records bad = good;
  bad.count = 3;
  CHECK_FALSE(bad.check().has_value());
  bad = good;
  bad.blob = Bytes::own("one\ntwo");
  CHECK_FALSE(bad.check().has_value());
  bad = good;
  bad.blob = Bytes::own("one\ntwo\n\n");
  CHECK_FALSE(bad.check().has_value());
  bad = good;
  bad.blob = Bytes::own("oneXtwo\n");
  CHECK_FALSE(bad.check().has_value());
  bad = good;
  bad.blob = Bytes::own("one\ntwoX");
  CHECK_FALSE(bad.check().has_value());
  bad = good;
  bad.separator = "\n\n";
  CHECK_FALSE(bad.check().has_value());
  bad = good;
  bad.lengths = pack_lengths({3, 0xffffffff});
  CHECK_FALSE(bad.check().has_value());
  bad = records_of({"one", "two"}, "ab");
  REQUIRE(bad.check().has_value());
  bad.blob = Bytes::own("oneabtwoaX");
  CHECK_FALSE(bad.check().has_value());
}

TEST_CASE("an attribute beyond the records is refused") {
  Records records = records_of({"one", "two"}, "\n");
  records.attributes = {{2, 0, "name", ""}, {0, 2, "name", ""}};
  CHECK(records.check().has_value());
  records.attributes = {{1, 2, "name", ""}};
  CHECK_FALSE(records.check().has_value());
  records.attributes = {{0xffffffff, 2, "name", ""}};
  CHECK_FALSE(records.check().has_value());
  records.attributes = {{3, 0, "name", ""}};
  CHECK_FALSE(records.check().has_value());
}

std::vector<Position> single_origins(const std::vector<Run>& runs) {
  std::vector<Position> origins;
  for (const Run& run : runs) {
    for (std::uint32_t i = 0; i < run.outputs; ++i) {
      origins.push_back(run.origin(i));
    }
  }
  return origins;
}

TEST_CASE("the origins of any range of a batch are those of its records, one for one") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::vector<Run> runs(below(random, 5));
    std::uint64_t next = 0;
    for (Run& run : runs) {
      run = {Position(next), below(random, 4), below(random, 4)};
      next += run.inputs;
    }
    const std::vector<Position> all = single_origins(runs);
    for (std::uint32_t first = 0; first <= all.size(); ++first) {
      for (std::uint32_t count = 0; first + count <= all.size(); ++count) {
        const std::vector<Run> part = origins_of(runs, first, count);
        INFO("seed " << seed << ", " << count << " from " << first);
        REQUIRE(single_origins(part) ==
                std::vector<Position>(all.begin() + first, all.begin() + first + count));
        REQUIRE(std::all_of(part.begin(), part.end(),
                            [](const Run& run) { return run.is_one_for_one() && run.inputs > 0; }));
      }
    }
  }
}

}  // namespace
}  // namespace leat
