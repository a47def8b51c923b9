#include "broker/session.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "spec/parse.h"
#include "tests/unit/broker/scene.h"

using leat::Batch;
using leat::Instant;
using leat::Position;
using leat::ProducerId;
using leat::Records;
using leat::broker::Session;
using leat::broker::testing::records_of;
using leat::broker::testing::texts_of;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

constexpr Instant kNow{1s};
constexpr std::size_t kShare = std::size_t{1} << 20;
const ProducerId kId{1, 1};

using Texts = std::vector<std::string>;

// One session of a pipeline with one stage, which answers each record with itself.
class Scene {
 public:
  explicit Scene(wire::SessionUse use = wire::SessionUse::kPipe, const std::string& limits = "")
      : pipeline(*leat::spec::parse(
            {"pipeline: p\n" + limits + "stages: [{name: a, run: x, replicas: 2}]\n", "f", "/"})),
        plan(leat::spec::plan(pipeline)),
        session({kId, "c", "peer", 1, use}, pipeline, plan, kNow) {
    (void)session.update_credit(kShare);
  }

  void submit(std::uint64_t sequence, Records records) {
    REQUIRE(session.submit({kId, 1, sequence, std::move(records)}, kNow));
  }

  // Commits what is open from `first` on.
  void work(std::uint64_t first, std::uint32_t count) {
    Batch batch;
    batch.runs = {{Position(first), count, count}};
    batch.records = join(session.flow().ledger(1).records_of({Position(first), count}));
    (void)session.flow().commit(1, batch, kNow);
  }

  void end(std::uint64_t total) { REQUIRE(session.end({kId, 1, total}, kNow)); }

  std::optional<wire::Delivery> next() { return session.next_delivery(Session::Stages::kUp); }

  leat::spec::Pipeline pipeline;
  leat::spec::Plan plan;
  Session session;
};

wire::OpenSession again(std::uint64_t epoch, std::uint64_t taken = 0,
                        wire::SessionUse use = wire::SessionUse::kPipe) {
  return {.pipeline = "p", .producer = "c", .epoch = epoch, .taken = taken, .use = use};
}

wire::DeadLetter letter_of(std::size_t bytes) {
  return {.failure = {.first = Position(0), .inputs = 1, .reason = "failed"},
          .stage = "a",
          .node = "n",
          .records = records_of({std::string(bytes, 'x')})};
}

}  // namespace

TEST_CASE("a session takes the records that are next, each once") {
  Scene scene;
  scene.submit(0, records_of({"a", "b"}));
  scene.submit(0, records_of({"a", "b"}));
  scene.submit(5, records_of({"f"}));
  scene.submit(2, records_of({}));
  CHECK(scene.session.state().next_sequence == 2);
  scene.submit(2, records_of({"c"}));
  CHECK(scene.session.state().next_sequence == 3);
  CHECK(scene.session.flow().ledger(1).open_count() == 3);
}

TEST_CASE("without credit a session takes nothing, and with some it takes what goes beyond once") {
  Scene scene;
  scene.submit(0, records_of({std::string(kShare, 'x')}));
  CHECK(scene.session.state().next_sequence == 1);
  scene.submit(1, records_of({"b"}));
  CHECK(scene.session.state().next_sequence == 1);
  scene.work(0, 1);
  REQUIRE(scene.next());
  scene.session.taken(1, kNow);
  CHECK(scene.session.update_credit(kShare));
  scene.submit(1, records_of({"b"}));
  CHECK(scene.session.state().next_sequence == 2);
}

TEST_CASE("credit comes back to the byte, in whatever pieces the records came") {
  Scene scene;
  std::uint64_t cost = 0;
  const std::uint64_t count = 2000;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Records records = records_of({std::string(i % 7, 'x')}, i % 500 < 400 ? "\n" : "--");
    cost += records.bytes();
    scene.submit(i, records);
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    scene.work(i, 1);
  }
  while (const auto delivery = scene.next()) {
    scene.session.taken(delivery->number, kNow);
  }
  REQUIRE(scene.session.flow().settled_count() == count);
  (void)scene.session.update_credit(4 * kShare);
  CHECK(scene.session.state().bytes_max == cost + 4 * kShare);
}

TEST_CASE("credit never shrinks") {
  Scene scene;
  const std::uint64_t before = scene.session.state().bytes_max;
  CHECK(before == kShare);
  CHECK_FALSE(scene.session.update_credit(10));
  CHECK(scene.session.state().bytes_max == before);
}

TEST_CASE("a record above the limit is refused by its number, and nothing of its submit is in") {
  Scene scene(wire::SessionUse::kPipe, "limits: {record_bytes: 1KiB, queue_bytes: 16KiB}\n");
  const auto refused =
      scene.session.submit({kId, 1, 0, records_of({"a", std::string(2000, 'x')})}, kNow);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("record 1 ") != std::string::npos);
  CHECK(scene.session.state().next_sequence == 0);
}

TEST_CASE("attributes that are larger than what they are of are refused") {
  Scene scene;
  Records records = records_of({"a"});
  records.attributes.push_back({0, 1, "unterminated", ""});
  scene.submit(0, records);
  CHECK(scene.session.state().next_sequence == 1);
  records.attributes.push_back({0, 1, "much", std::string(60'000, 'x')});
  const auto refused = scene.session.submit({kId, 1, 1, records}, kNow);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("attributes") != std::string::npos);
  CHECK(scene.session.state().next_sequence == 1);
}

TEST_CASE("the input ends at what is in, not before, and not at what is still to come") {
  Scene scene;
  scene.submit(0, records_of({"a", "b"}));
  CHECK_FALSE(scene.session.end({kId, 1, 1}, kNow));
  scene.end(3);
  CHECK_FALSE(scene.session.state().has_end);
  scene.end(2);
  CHECK(scene.session.state().has_end);
  scene.submit(2, records_of({"c"}));
  CHECK(scene.session.state().next_sequence == 2);
  scene.end(0);
  CHECK(scene.session.state().has_end);
}

TEST_CASE("a delivery is kept until it is taken, and the session is over with the last") {
  Scene scene;
  scene.submit(0, records_of({"a", "b"}));
  scene.work(0, 2);
  scene.end(2);
  const auto delivery = scene.next();
  REQUIRE(delivery);
  CHECK(delivery->number == 1);
  CHECK(delivery->is_last);
  CHECK(texts_of(delivery->outputs.records) == Texts{"a", "b"});
  CHECK_FALSE(scene.next());
  CHECK_FALSE(scene.session.is_over());
  CHECK(scene.session.untaken().size() == 1);
  scene.session.taken(1, kNow);
  CHECK(scene.session.is_over());
  CHECK(scene.session.flow().settled_count() == 2);
}

TEST_CASE("the last delivery waits until every stage was seen to start") {
  Scene scene;
  scene.end(0);
  CHECK_FALSE(scene.session.next_delivery(Session::Stages::kStarting));
  const auto last = scene.next();
  REQUIRE(last);
  CHECK(last->is_last);
  CHECK(last->outputs.records.count == 0);
}

TEST_CASE("consumers take the deliveries of a sender in any order, and each is settled once") {
  Scene scene(wire::SessionUse::kSend);
  for (std::uint64_t i = 0; i < 3; ++i) {
    scene.submit(i, records_of({std::to_string(i)}));
    scene.work(i, 1);
    const auto delivery = scene.next();
    REQUIRE(delivery);
    CHECK(delivery->from == "c");
  }
  scene.end(3);
  REQUIRE(scene.next());
  scene.session.taken_alone(2, kNow);
  scene.session.taken_alone(4, kNow);
  CHECK(scene.session.flow().settled_count() == 0);
  scene.session.taken_alone(1, kNow);
  CHECK(scene.session.flow().settled_count() == 2);
  CHECK_FALSE(scene.session.is_over());
  scene.session.taken_alone(3, kNow);
  CHECK(scene.session.is_over());
}

TEST_CASE("a sender is told of no deliveries") {
  Scene scene(wire::SessionUse::kSend);
  scene.submit(0, records_of({"a"}));
  scene.work(0, 1);
  REQUIRE(scene.next());
  CHECK(scene.session.state().deliveries == 0);
}

TEST_CASE("a session is taken up with a higher epoch, or by the same peer again") {
  Scene scene;
  CHECK(scene.session.resume(again(1), "peer", kNow));
  CHECK_FALSE(scene.session.resume(again(1), "other", kNow));
  CHECK(scene.session.resume(again(2), "other", kNow));
  CHECK(scene.session.opening().peer == "other");
  const auto old = scene.session.resume(again(1), "peer", kNow);
  REQUIRE_FALSE(old);
  CHECK(old.error().message.find("epoch 2") != std::string::npos);
  CHECK_FALSE(scene.session.resume(again(3, 1), "other", kNow));
  CHECK(scene.session.opening().epoch == 2);
}

TEST_CASE("a session is not taken up for another use") {
  Scene scene;
  const auto refused = scene.session.resume(again(2, 0, wire::SessionUse::kSend), "peer", kNow);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("'c'") != std::string::npos);
  CHECK(scene.session.opening().epoch == 1);
}

TEST_CASE("taking a session up again takes what the client has, and repeats the rest") {
  Scene scene;
  for (std::uint64_t i = 0; i < 2; ++i) {
    scene.submit(i, records_of({std::to_string(i)}));
    scene.work(i, 1);
    REQUIRE(scene.next());
  }
  REQUIRE(scene.session.resume(again(2, 1), "other", kNow));
  CHECK(scene.session.flow().settled_count() == 1);
  const auto untaken = scene.session.untaken();
  REQUIRE(untaken.size() == 1);
  CHECK(untaken.front().number == 2);
  CHECK(untaken.front().epoch == 2);
}

TEST_CASE("a sender that is gone without its end has ended, and cannot go on") {
  Scene scene(wire::SessionUse::kSend);
  scene.submit(0, records_of({"a", "b"}));
  scene.session.detach(kNow);
  CHECK(scene.session.is_detached());
  CHECK(scene.session.state().has_end);
  const auto resumed = scene.session.resume(again(2, 0, wire::SessionUse::kSend), "peer", kNow);
  REQUIRE_FALSE(resumed);
  CHECK(resumed.error().message.find("2 records") != std::string::npos);
}

TEST_CASE("a sender that had ended can come back and hear so") {
  Scene scene(wire::SessionUse::kSend);
  scene.submit(0, records_of({"a"}));
  scene.end(1);
  scene.session.detach(kNow);
  CHECK(scene.session.resume(again(2, 0, wire::SessionUse::kSend), "peer", kNow));
  CHECK_FALSE(scene.session.is_detached());
  CHECK(scene.session.state().has_end);
}

TEST_CASE("dead letters and drops are delivered once, and cost until they are taken") {
  Scene scene;
  scene.session.add_dead_letter(letter_of(100));
  scene.session.add_dropped(3);
  const std::size_t cost = scene.session.bytes();
  CHECK(cost > 100);
  const auto delivery = scene.next();
  REQUIRE(delivery);
  CHECK(delivery->dead_letters.size() == 1);
  CHECK(delivery->dropped == 3);
  CHECK_FALSE(scene.next());
  CHECK(scene.session.bytes() == cost);
  scene.session.taken(1, kNow);
  CHECK(scene.session.bytes() == 0);
}

TEST_CASE("large dead letters come in deliveries of their own") {
  Scene scene;
  for (int i = 0; i < 3; ++i) {
    scene.session.add_dead_letter(letter_of(std::size_t{1} << 20));
  }
  (void)scene.session.update_credit(std::size_t{100} << 20);
  for (int i = 0; i < 3; ++i) {
    const auto delivery = scene.next();
    REQUIRE(delivery);
    CHECK(delivery->dead_letters.size() == 1);
  }
  CHECK_FALSE(scene.next());
}

TEST_CASE("no more is delivered than the share, until something is taken") {
  Scene scene;
  (void)scene.session.update_credit(100);
  for (std::uint64_t i = 0; i < 4; ++i) {
    scene.submit(i, records_of({std::string(60, 'x')}));
    scene.work(i, 1);
    CHECK(scene.next().has_value() == (i < 2));
  }
  scene.session.taken(1, kNow);
  CHECK(scene.next());
}

TEST_CASE("a limit that is changed while a session is open holds for it, too") {
  Scene scene(wire::SessionUse::kPipe, "limits: {record_bytes: 1KiB, queue_bytes: 16KiB}\n");
  scene.pipeline.limits.record_bytes_max = 4096;
  scene.submit(0, records_of({std::string(2000, 'x')}));
  CHECK(scene.session.state().next_sequence == 1);
}
