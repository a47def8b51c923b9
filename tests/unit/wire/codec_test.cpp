// Messages there and back.

#include "wire/codec.h"

#include <set>
#include <string>
#include <variant>

#include <catch2/catch.hpp>

#include "tests/unit/wire/any_message.h"

namespace leat::wire {
namespace {

using testing::AnyMessage;
using testing::are_equal;

constexpr std::size_t kKinds = std::variant_size_v<Message>;

std::string described(const Result<Message>& result) {
  return result ? kind_name(*result) : result.error().message;
}

TEST_CASE("the test's own reflection finds every member") {
  CHECK(testing::member_count<NodeLeave>() == 0);
  CHECK(testing::member_count<CloseInlet>() == 1);
  CHECK(testing::member_count<Records>() == 5);
  CHECK(testing::member_count<LeaseResult>() == 10);
  CHECK(testing::member_count<StageOnNode>() == 15);
  Lease a;
  Lease b;
  CHECK(are_equal(a, b));
  b.slices.resize(1);
  CHECK_FALSE(are_equal(a, b));
  a.slices.resize(1);
  CHECK(are_equal(a, b));
  b.slices[0].records.separator.push_back('x');
  CHECK_FALSE(are_equal(a, b));
}

TEST_CASE("every message comes back with every member as it was sent") {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    AnyMessage any(seed);
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const Message message = any.make(kind);
      const Frames frames = encode(message);
      const Result<Message> back = decode(frames);
      INFO("seed " << seed << ", " << kind_name(message) << ": " << described(back));
      REQUIRE(back.has_value());
      REQUIRE(are_equal(*back, message));
      REQUIRE(encode(*back) == frames);
    }
  }
}

TEST_CASE("of what was said the begin is kept, and the rest counted") {
  Said said;
  append(said, "abc", 5);
  CHECK(said == Said{"abc", 0});
  append(said, "defg", 5);
  CHECK(said == Said{"abcde", 2});
  // Behind a gap nothing is kept, though there were room.
  append(said, "hi", 9);
  CHECK(said == Said{"abcde", 4});
  shorten(said, 5);
  CHECK(said == Said{"abcde", 4});
  shorten(said, 1);
  CHECK(said == Said{"a", 8});
}

TEST_CASE("every message has a name of its own") {
  std::set<std::string> names;
  AnyMessage any(0);
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    names.insert(kind_name(any.make(kind)));
  }
  CHECK(names.size() == kKinds);
  CHECK(names.count("lease-result") == 1);
}

TEST_CASE("payloads are neither copied on the way out nor on the way in") {
  RecordsBuilder builder("\n");
  builder.add("one");
  builder.add("two");
  Lease lease;
  lease.number = 1;
  lease.slices.push_back({{1, 2}, {{Position(5), 2, 2}}, builder.take()});
  const Records& sent = lease.slices.front().records;
  const Frames frames = encode(lease);
  REQUIRE(frames.size() == 3);
  CHECK(frames[1].view().data() == sent.lengths.view().data());
  CHECK(frames[2].view().data() == sent.blob.view().data());
  const Result<Message> back = decode(frames);
  REQUIRE(back.has_value());
  const Records& received = std::get<Lease>(*back).slices.front().records;
  CHECK(received.lengths.view().data() == sent.lengths.view().data());
  CHECK(received.blob.view().data() == sent.blob.view().data());
}

TEST_CASE("a decoded message outlives its frames") {
  Result<Message> back = failure(Errc::kNotFound, "not yet decoded");
  {
    RecordsBuilder builder(";");
    builder.add("kept");
    Submit submit;
    submit.records = builder.take();
    back = decode(encode(submit));
  }
  REQUIRE(back.has_value());
  CHECK(std::get<Submit>(*back).records.blob.view() == "kept;");
}

TEST_CASE("the window of a producer without records is one input without outputs") {
  Lease lease;
  lease.number = 1;
  lease.slices.resize(1);
  lease.slices[0].runs = {{Position(0), 1, 0}};
  CHECK_FALSE(decode(encode(lease)).has_value());
  lease.window = true;
  CHECK(decode(encode(lease)).has_value());
  lease.slices[0].runs = {{Position(0), 2, 0}};
  CHECK_FALSE(decode(encode(lease)).has_value());
  lease.slices[0].runs.clear();
  CHECK_FALSE(decode(encode(lease)).has_value());
  lease.slices.resize(2);
  lease.slices[0].runs = {{Position(0), 1, 0}};
  lease.slices[1].runs = {{Position(1), 1, 0}};
  CHECK_FALSE(decode(encode(lease)).has_value());
}

}  // namespace
}  // namespace leat::wire
