// Anything from outside gives a message or an error that names what is wrong.

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/wire/any_message.h"
#include "wire/codec.h"
#include "wire/header.h"

namespace leat::wire {
namespace {

using testing::AnyMessage;

constexpr std::size_t kKinds = std::variant_size_v<Message>;

// The error's text; empty when the frames are a message.
std::string error_of(const Frames& frames) {
  const Result<Message> result = decode(frames);
  if (result) return {};
  return result.error().code == Errc::kMalformed ? result.error().message : "not kMalformed";
}

std::string error_of(const std::string& header) {
  return error_of(Frames{Bytes::own(header)});
}

std::string error_of(const Message& message) {
  return error_of(encode(message));
}

// A string of these bytes: bytes(0x91, 0x04).
template <class... Numbers>
std::string bytes(Numbers... numbers) {
  return {static_cast<char>(numbers)...};
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("no beginning of a header is a message") {
  for (std::uint32_t seed = 0; seed < 10; ++seed) {
    AnyMessage any(seed);
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      Frames frames = encode(any.make(kind));
      const Bytes header = frames.front();
      for (std::size_t size = 0; size < header.size(); ++size) {
        frames.front() = Bytes::copy(header.view().substr(0, size));
        INFO("seed " << seed << ", kind " << kind << ", " << size << " bytes");
        REQUIRE_FALSE(error_of(frames).empty());
      }
    }
  }
}

TEST_CASE("a header with a byte behind it is no message") {
  AnyMessage any(1);
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    Frames frames = encode(any.make(kind));
    frames.front() = Bytes::own(std::string(frames.front().view()) + '\0');
    CHECK(contains(error_of(frames), "behind"));
  }
}

TEST_CASE("a missing frame and one too many are told") {
  for (std::uint32_t seed = 0; seed < 10; ++seed) {
    AnyMessage any(seed);
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const Frames frames = encode(any.make(kind));
      Frames more = frames;
      more.emplace_back();
      REQUIRE(contains(error_of(more), "frames"));
      for (std::size_t size = 0; size < frames.size(); ++size) {
        const Frames fewer(frames.begin(),
                           frames.begin() + static_cast<Frames::difference_type>(size));
        REQUIRE(contains(error_of(fewer), "frames"));
      }
    }
  }
}

// One to four bytes changed, put in, or taken out.
std::string mutated(std::string text, std::mt19937& random) {
  for (auto changes = 1 + random() % 4; changes > 0; --changes) {
    const std::size_t at = random() % (text.size() + 1);
    // Bytes that start or announce something are worth trying more often.
    constexpr std::string_view kInteresting = "\x01\x7f\x80\x90\x91\xc0\xc4\xc6\xcf\xd3\xdc\xdd";
    const auto byte = random() % 2 == 0 ? static_cast<char>(random())
                                        : kInteresting[random() % kInteresting.size()];
    const auto change = random() % 4;
    if (change == 0) {
      text.insert(at, 1, byte);
    } else if (at < text.size() && change == 1) {
      text.erase(at, 1 + random() % 3);
    } else if (at < text.size()) {
      text[at] = byte;
    }
  }
  return text;
}

TEST_CASE("a changed header gives an error, or a message that can be sent again") {
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    AnyMessage any(seed);
    std::mt19937 random(seed);
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const Frames frames = encode(any.make(kind));
      for (int i = 0; i < 40; ++i) {
        Frames changed = frames;
        changed.front() = Bytes::own(mutated(std::string(frames.front().view()), random));
        const Result<Message> result = decode(changed);
        INFO("seed " << seed << ", kind " << kind << ", mutation " << i);
        ++(result ? accepted : refused);
        if (result) {
          const Result<Message> again = decode(encode(*result));
          REQUIRE(again.has_value());
          REQUIRE(testing::are_equal(*again, *result));
        } else {
          REQUIRE(result.error().code == Errc::kMalformed);
          REQUIRE(result.error().message.size() < 500);
        }
      }
    }
  }
  // The mutations must neither be all harmless nor all fatal, or they would test nothing.
  CHECK(accepted > 2000);
  CHECK(refused > 20000);
}

TEST_CASE("changed lengths and blobs give an error, or records that agree") {
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    AnyMessage any(seed);
    std::mt19937 random(seed);
    for (const std::size_t kind : {Message(Lease{}).index(), Message(Submit{}).index()}) {
      Frames frames = encode(any.make(kind));
      if (frames.size() < 2) continue;
      Bytes& frame = frames[1 + random() % (frames.size() - 1)];
      frame = Bytes::own(mutated(std::string(frame.view()), random));
      const Result<Message> result = decode(frames);
      if (!result || kind != Message(Submit{}).index()) continue;
      const Records& records = std::get<Submit>(*result).records;
      RecordReader reader(records);
      std::size_t total = 0;
      while (!reader.is_done()) {
        total += reader.next().size() + records.separator.size();
      }
      REQUIRE(total == records.blob.size());
    }
  }
}

TEST_CASE("random bytes are no message") {
  std::mt19937 random(9);
  for (int i = 0; i < 20000; ++i) {
    std::string header(random() % 40, '\0');
    for (char& byte : header) {
      byte = static_cast<char>(random());
    }
    static_cast<void>(decode({Bytes::own(header)}));
  }
  CHECK(contains(error_of(std::string()), "is empty"));
  CHECK(contains(error_of(Frames{}), "no frames"));
}

TEST_CASE("a few bytes that announce gigabytes cost nothing") {
  CHECK(contains(error_of(bytes(0xdd, 0xff, 0xff, 0xff, 0xff)), "announces"));
  CHECK(contains(error_of(bytes(0xdf, 0xff, 0xff, 0xff, 0xff)), "announces"));
  CHECK_FALSE(error_of(bytes(0xdb, 0xff, 0xff, 0xff, 0xff)).empty());
  CHECK_FALSE(error_of(bytes(0xc6, 0xff, 0xff, 0xff, 0xff)).empty());
  CHECK_FALSE(error_of(bytes(0xc9, 0xff, 0xff, 0xff, 0xff)).empty());
  CHECK(contains(error_of(bytes(0x92, 0x13, 0xdd, 0xff, 0xff, 0xff, 0xff)), "announces"));
}

TEST_CASE("announcements within announcements are refused however large the frame") {
  // Sixteen arrays, each of as many elements as the frame has bytes.
  std::string header;
  for (std::size_t i = 0; i < kNestingMax; ++i) {
    header += bytes(0xdd, 0x00, 0x0f, 0xff, 0xff);
  }
  header.resize(std::size_t{1} << 20, '\x01');
  CHECK(contains(error_of(header), "ends too early"));
}

TEST_CASE("deep nesting is refused") {
  CHECK(contains(error_of(std::string(200000, '\x91')), "nested"));
  CHECK(contains(error_of(std::string(200000, '\x81')), "nested"));
  const std::string deep = bytes(0x92, 0x04) + std::string(kNestingMax - 1, '\x91') + '\x01';
  CHECK(error_of(deep).empty());
  const std::string deeper = bytes(0x92, 0x04) + std::string(kNestingMax, '\x91') + '\x01';
  CHECK(contains(error_of(deeper), "nested"));
}

TEST_CASE("a header of too many elements is refused") {
  std::string header = bytes(0xdd, 0x00, 0x80, 0x00, 0x00);
  header.resize(header.size() + kElementsMax, '\x01');
  CHECK(contains(error_of(header), "elements"));
}

TEST_CASE("fields behind the last known one are passed over") {
  // node-leave has no fields of its own.
  CHECK(error_of(bytes(0x91, 0x04)).empty());
  CHECK(error_of(bytes(0x95, 0x04, 0xc0, 0x82, 0x01, 0x91, 0xc3, 0x02, 0x80, 0x92, 0x90, 0x07, 0xa1,
                       'x'))
            .empty());
  // end-of-input, whose total is 7, and close-inlet, whose segment has a field more.
  const std::string zero = bytes(0xcb, 0, 0, 0, 0, 0, 0, 0, 0);
  const std::string end_of_input = bytes(0x96, 0x33, 0x92, 0x01, 0x02, 0x01, 0x07);
  const Result<Message> end = decode({Bytes::own(end_of_input + zero + '\xc0')});
  REQUIRE(end.has_value());
  CHECK(std::get<EndOfInput>(*end).total == 7);
  const Result<Message> close =
      decode({Bytes::own(bytes(0x92, 0x12, 0x93, 0x93, 0x05, 0x06, 0xc0, 0x03, 0x91, 0xc0))});
  REQUIRE(close.has_value());
  CHECK(std::get<CloseInlet>(*close).segment == SegmentId{{5, 6}, 3});
}

TEST_CASE("an error names the message and the way to the field") {
  CHECK(error_of(bytes(0x91, 0x70)) == "message: kind 112 is unknown");
  CHECK(error_of(bytes(0x90)) == "message: kind: expected this field, found the end of the array");
  CHECK(error_of(bytes(0x07)) == "message: expected an array, found a number");
  CHECK(error_of(bytes(0x92, 0x33, 0x92, 0x01, 0x02)) ==
        "end-of-input: epoch: expected this field, found the end of the array");
  CHECK(error_of(bytes(0x93, 0x33, 0x92, 0x01, 0x02, 0xa1, 'x')) ==
        "end-of-input: epoch: expected a number, found text or bytes");
  CHECK(error_of(bytes(0x93, 0x33, 0x92, 0x01, 0x02, 0xff)) ==
        "end-of-input: epoch: expected a number, found a negative number");
  CHECK(error_of(bytes(0x92, 0x33, 0x92, 0x01, 0xc2)) ==
        "end-of-input: producer.counter: expected a number, found true or false");
  CHECK(error_of(bytes(0x92, 0x13, 0x92, 0x92, 0x01, 0x02, 0x92, 0x01, 0xc0)) ==
        "results-done: results[1].count: expected a number, found nil, a float or an extension");
  CHECK(error_of(bytes(0x92, 0x13, 0x91, 0x07)) ==
        "results-done: results[0]: expected an array, found a number");
  CHECK(error_of(bytes(0x92, 0x12, 0x92, 0x92, 0x05, 0x06, 0xce, 0xff, 0xff, 0xff, 0xff)).empty());
  CHECK(error_of(bytes(0x92, 0x12, 0x92, 0x92, 0x05, 0x06, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0)) ==
        "close-inlet: segment.index: expected a number from 0 to 4294967295, found 4294967296");
}

// ---- Rules of single messages, broken by changing one that keeps them.

Records records_of(std::uint32_t count) {
  RecordsBuilder builder("\n");
  for (std::uint32_t i = 0; i < count; ++i) {
    builder.add("record");
  }
  return builder.take();
}

Batch one_for_one(std::uint64_t first, std::uint32_t count) {
  return {{1, 2}, {{Position(first), count, count}}, records_of(count)};
}

Lease good_lease() {
  Lease lease;
  lease.number = 1;
  lease.slices = {one_for_one(5, 2), one_for_one(9, 1)};
  return lease;
}

TEST_CASE("a lease without slices, records or one-for-one runs is refused") {
  REQUIRE(error_of(good_lease()).empty());
  Lease lease = good_lease();
  lease.number = 0;
  CHECK(contains(error_of(lease), "lease: number: expected a number from 1"));
  lease = good_lease();
  lease.slices.clear();
  CHECK(contains(error_of(lease), "lease: slices: expected at least one slice"));
  lease = good_lease();
  lease.slices.emplace_back();
  CHECK(contains(error_of(lease), "lease: slices: expected slices of one record"));
  lease = good_lease();
  lease.slices[0].runs[0].inputs = 3;
  CHECK(contains(error_of(lease), "lease: slices: expected slices of one record"));
  lease = good_lease();
  lease.slices[1].runs.push_back({Position(20), 0, 0});
  CHECK(contains(error_of(lease), "lease: slices: expected slices of one record"));
}

TEST_CASE("a window of two producers is refused") {
  Lease lease = good_lease();
  lease.window = true;
  CHECK(error_of(lease).empty());
  lease.slices[1].producer = {1, 3};
  CHECK(contains(error_of(lease), "lease: slices: expected a window of one producer"));
}

TEST_CASE("runs that do not add up to the records are refused") {
  Lease lease = good_lease();
  lease.slices[1].runs[0] = {Position(9), 2, 2};
  CHECK(contains(error_of(lease), "lease: slices[1].runs: expected outputs that add up"));
  // Sums are not taken in 32 bits.
  LeaseResult result;
  result.lease = result.number = 1;
  result.outputs.runs = {{Position(1), 1, 0x80000000}, {Position(2), 1, 0x80000000}};
  CHECK(contains(error_of(result), "lease-result: outputs.runs: expected outputs that add up"));
}

TEST_CASE("runs out of order or of the same origins are refused") {
  LeaseResult result;
  result.lease = result.number = 1;
  result.outputs.runs = {{Position(5), 2, 0}, {Position(7), 1, 0}, {Position(9).child(0), 2, 0}};
  REQUIRE(error_of(result).empty());
  const std::vector<std::vector<Run>> bad = {
      {{Position(7), 1, 0}, {Position(5), 2, 0}},
      {{Position(5), 2, 0}, {Position(6), 1, 0}},
      {{Position(5), 2, 0}, {Position(6).child(0), 1, 0}},
      {{Position(5).child(3), 1, 0}, {Position(5), 1, 0}},
  };
  for (const std::vector<Run>& runs : bad) {
    result.outputs.runs = runs;
    CHECK(contains(error_of(result), "lease-result: outputs.runs: expected runs in order"));
  }
}

TEST_CASE("positions that are too deep or too large are refused") {
  const std::uint64_t last = (std::uint64_t{1} << 63) - 1;
  LeaseResult result;
  result.lease = result.number = 1;
  Position deepest(1);
  for (std::size_t depth = 1; depth < Position::kDepthMax; ++depth) {
    deepest = deepest.child(0);
  }
  result.outputs.runs = {{deepest, 2, 0}};
  CHECK(error_of(result).empty());
  result.outputs.runs = {{deepest.child(0), 2, 0}};
  CHECK(contains(error_of(result), "runs[0].first: expected 1 to 16 numbers, found 17"));
  result.outputs.runs = {{deepest, 2, 1}};
  result.outputs.records = records_of(1);
  CHECK(contains(error_of(result), "room for children"));
  result.outputs.records = {};
  result.outputs.runs = {{Position(last), 1, 0}};
  CHECK(error_of(result).empty());
  result.outputs.runs = {{Position(last), 2, 0}};
  CHECK(contains(error_of(result), "numbers below 2^63"));
  result.outputs.runs = {{Position(last + 1), 0, 0}};
  CHECK(contains(error_of(result), "runs[0].first: expected a number from 0"));
  result.outputs.runs = {{Position(last + 1).child(0), 1, 0}};
  CHECK(contains(error_of(result), "runs[0].first: expected a number from 0"));
  Submit submit;
  submit.sequence = last;
  submit.records = records_of(2);
  CHECK(contains(error_of(submit), "submit: sequence: expected sequence numbers"));
}

LeaseResult failed_result() {
  LeaseResult result;
  result.lease = result.number = 1;
  result.outputs.runs = {{Position(5), 2, 0}, {Position(7), 3, 0}, {Position(10), 1, 1}};
  result.outputs.records = records_of(1);
  return result;
}

Failure failure_of(std::uint64_t first, std::uint32_t inputs) {
  Failure failure;
  failure.first = Position(first);
  failure.inputs = inputs;
  return failure;
}

TEST_CASE("failures must be of inputs without outputs, each once") {
  const auto with = [](std::vector<Failure> failures) {
    LeaseResult result = failed_result();
    result.failures = std::move(failures);
    return error_of(result);
  };
  CHECK(with({}).empty());
  CHECK(with({failure_of(9, 1), failure_of(5, 1)}).empty());
  CHECK(with({failure_of(5, 5)}).empty());
  for (const Failure& bad : {failure_of(4, 1), failure_of(4, 2), failure_of(9, 2),
                             failure_of(10, 1), failure_of(11, 1), failure_of(5, 6)}) {
    CHECK(contains(with({bad}), "lease-result: failures: expected failures of inputs"));
  }
  CHECK(contains(with({failure_of(5, 2), failure_of(6, 1)}), "none twice"));
  Failure child = failure_of(0, 1);
  child.first = Position(5).child(0);
  CHECK(contains(with({child}), "lease-result: failures"));
  CHECK(contains(with({failure_of(5, 0)}), "failures[0].inputs: expected a number from 1"));
  Failure unknown = failure_of(5, 1);
  // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): what no peer should say.
  unknown.kind = static_cast<FailureKind>(8);
  CHECK(contains(with({unknown}), "failures[0].kind: expected a number from 0 to 7"));
}

TEST_CASE("an inlet's leases must ascend, and no range may pass the end of numbers") {
  NodeReport report;
  report.number = 1;
  report.inlets.resize(1);
  report.inlets[0].leases = {{1, 2}, {3, 1}};
  CHECK(error_of(report).empty());
  for (const std::vector<NumberRange>& bad :
       {std::vector<NumberRange>{{3, 1}, {1, 2}}, {{1, 2}, {2, 1}}, {{1, 0}}}) {
    report.inlets[0].leases = bad;
    CHECK(contains(error_of(report), "node-report: inlets[0].leases: expected ranges in order"));
  }
  report.inlets[0].leases = {{2, (std::uint64_t{1} << 63) - 1}};
  CHECK(contains(error_of(report), "inlets[0].leases[0].count: expected an end"));
}

TEST_CASE("a histogram's buckets must exist and ascend") {
  LeaseResult result = failed_result();
  result.service = {{0, 1}, {static_cast<std::uint16_t>(Histogram::kBuckets - 1), 1}};
  CHECK(error_of(result).empty());
  for (const Histogram::Counts& bad :
       {Histogram::Counts{{static_cast<std::uint16_t>(Histogram::kBuckets), 1}},
        Histogram::Counts{{3, 1}, {3, 1}}, Histogram::Counts{{3, 0}}}) {
    result.service = bad;
    CHECK(contains(error_of(result), "lease-result: service"));
  }
}

TEST_CASE("strings above their limits are refused, at them accepted") {
  Submit submit;
  submit.records.separator = std::string(1024, 'x');
  CHECK(error_of(submit).empty());
  submit.records.separator += 'x';
  CHECK(contains(error_of(submit), "submit: records.separator: expected at most 1024 bytes"));
  NodeJoin join;
  join.name = std::string(1025, 'x');
  CHECK(contains(error_of(join), "node-join: name: expected at most 1024 bytes, found 1025"));
}

TEST_CASE("a label given twice is refused") {
  const std::string join = bytes(0x96, 0x01, 0x01, 0xa1, 'n', 0x01, 0x01);
  CHECK(error_of(join + bytes(0x82, 0xa1, 'a', 0xa0, 0xa1, 'b', 0xa0)).empty());
  CHECK(contains(error_of(join + bytes(0x82, 0xa1, 'a', 0xa0, 0xa1, 'a', 0xa0)), "labels"));
}

TEST_CASE("records whose lengths and blob disagree are refused") {
  Submit submit;
  submit.records = records_of(2);
  Frames frames = encode(submit);
  frames[2] = Bytes::own("record\nrecord;");
  CHECK(contains(error_of(frames), "submit: records: expected records that agree"));
  frames = encode(submit);
  frames[1] = Bytes::own("123");
  CHECK(contains(error_of(frames), "submit: records: expected records that agree"));
}

}  // namespace
}  // namespace leat::wire
