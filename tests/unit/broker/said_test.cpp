// What tools said on standard error, from results to the session that asked for it.

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "broker/session.h"
#include "spec/parse.h"
#include "tests/unit/broker/scene.h"

using namespace leat::broker;
using namespace leat::broker::testing;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

Opened wanting(Scene& scene, const std::string& peer) {
  return scene.open(peer, {.pipeline = "p", .producer = peer, .epoch = 1, .wants_stderr = true});
}

// "a@n: words" of all deliveries to the peer, each once.
std::vector<std::string> said_to(const Scene& scene, const std::string& peer) {
  std::vector<std::string> all;
  std::uint64_t number = 0;
  for (const wire::Delivery& delivery : scene.sent<wire::Delivery>(peer)) {
    if (delivery.number <= number) continue;
    number = delivery.number;
    for (const wire::StageSaid& one : delivery.said) {
      all.push_back(one.stage + "@" + one.node + ": " + one.said.text);
    }
  }
  return all;
}

wire::LeaseResult with(wire::LeaseResult result, const std::string& text) {
  result.said.text = text;
  return result;
}

// A session that wants it, at one stage.
class Wanting {
 public:
  Wanting()
      : pipeline_(*leat::spec::parse(
            {"pipeline: p\nstages: [{name: a, run: x, replicas: 2}]\n", "f", "/"})),
        plan_(leat::spec::plan(pipeline_)),
        session({.id = {1, 1},
                 .producer = "c",
                 .peer = "peer",
                 .epoch = 1,
                 .use = wire::SessionUse::kPipe,
                 .wants_stderr = true},
                pipeline_, plan_, leat::Instant(1s)) {
    (void)session.update_credit(std::size_t{16} << 20);
  }

  std::optional<wire::Delivery> next() { return session.next_delivery(Session::Stages::kUp); }

 private:
  leat::spec::Pipeline pipeline_;
  leat::spec::Plan plan_;

 public:
  Session session;
};

}  // namespace

TEST_CASE("what was said of a session's records comes to it, and to no other") {
  Scene scene;
  scene.deploy(kFour);
  scene.join("n");
  scene.settle();
  const Opened asks = wanting(scene, "asks");
  const Opened other = scene.pipe("other");
  scene.submit(asks, 0, records_of({"1"}));
  scene.submit(other, 0, records_of({"2"}));
  const std::vector<wire::Lease> leases = scene.leases();
  REQUIRE(leases.size() == 2);
  for (const wire::Lease& lease : leases) {
    const bool is_wanted = lease.slices.front().producer == asks.id;
    CHECK(lease.wants_stderr == is_wanted);
    // A node that tells it unasked is passed over.
    scene.result(with(scene.answered("n", lease, 0, 1, {"x"}), is_wanted ? "mine" : "yours"));
  }
  CHECK(said_to(scene, "asks") == std::vector<std::string>{"a@n: mine"});
  CHECK(said_to(scene, "other").empty());
}

TEST_CASE("a result that is discarded brings no words") {
  Scene scene;
  scene.deploy(kFour);
  scene.join("n");
  scene.settle();
  const Opened asks = wanting(scene, "asks");
  scene.submit(asks, 0, records_of({"1", "2"}));
  const wire::Lease lease = scene.leases().front();
  const wire::LeaseResult result = with(scene.answered("n", lease, 0, 1, {"x"}), "once");
  scene.result(result);
  scene.result(result);
  CHECK(said_to(scene, "asks") == std::vector<std::string>{"a@n: once"});
}

TEST_CASE("words come though there is no result, and with the dead letter that was set aside") {
  Scene scene;
  scene.deploy(kFour);
  scene.join("n");
  scene.settle();
  const Opened asks = wanting(scene, "asks");
  SECTION("a record that becomes nothing") {
    scene.submit(asks, 0, records_of({"1"}));
    scene.result(with(scene.answered("n", scene.leases().front(), 0, 1, {}), "nothing"));
    CHECK(said_to(scene, "asks") == std::vector<std::string>{"a@n: nothing"});
  }
  SECTION("a record that failed") {
    scene.submit(asks, 0, records_of({"1"}));
    scene.result(with(scene.failed("n", scene.leases().front(), 0, 1), "oops"));
    CHECK(said_to(scene, "asks") == std::vector<std::string>{"a@n: oops"});
  }
}

TEST_CASE("only a session that gets its results back gets what tools say") {
  Scene scene;
  scene.deploy(kEach);
  const auto use = GENERATE(wire::SessionUse::kSend, wire::SessionUse::kReceive);
  scene.from("c", wire::OpenSession{.pipeline = "p",
                                    .producer = "c",
                                    .epoch = 1,
                                    .use = use,
                                    .group = "g",
                                    .wants_stderr = true});
  CHECK(scene.refusal("c").find("gets its own results back") != std::string::npos);
}

TEST_CASE("words of one stage and node that follow each other are one piece") {
  Wanting wanting;
  wanting.session.add_said("a", "n", {"1", 0});
  wanting.session.add_said("a", "n", {"2", 0});
  wanting.session.add_said("a", "m", {"3", 7});
  // What follows a gap is a piece of its own.
  wanting.session.add_said("a", "m", {"4", 0});
  const auto delivery = wanting.next();
  REQUIRE(delivery);
  REQUIRE(delivery->said.size() == 3);
  CHECK(delivery->said[0].said == wire::Said{"12", 0});
  CHECK(delivery->said[1].said == wire::Said{"3", 7});
  CHECK(delivery->said[2].said == wire::Said{"4", 0});
  CHECK_FALSE(wanting.next());
}

TEST_CASE("a session holds so much of it until it is taken, and counts the rest") {
  Wanting wanting;
  const std::string much(std::size_t{64} << 10, 'x');
  std::uint64_t sent = 0;
  std::uint64_t kept = 0;
  std::uint64_t left_out = 0;
  std::uint64_t deliveries = 0;
  const auto deliver = [&] {
    while (const auto delivery = wanting.next()) {
      deliveries = delivery->number;
      for (const wire::StageSaid& one : delivery->said) {
        kept += one.said.text.size();
        left_out += one.said.bytes_left_out;
      }
    }
  };
  for (int i = 0; i < 100; ++i) {
    // Whoever speaks.
    wanting.session.add_said(i % 2 == 0 ? "a" : "b", "n", {much, 0});
    sent += much.size();
    CHECK(wanting.session.bytes() <= Session::kSaidBytesMax + much.size() + 4096);
    if (i % 10 == 0) deliver();
  }
  deliver();
  CHECK(kept <= Session::kSaidBytesMax);
  CHECK(kept + left_out == sent);
  CHECK(wanting.session.taken(deliveries, leat::Instant(2s)));
  CHECK(wanting.session.bytes() == 0);
  wanting.session.add_said("a", "n", {"again", 0});
  CHECK(wanting.next()->said.at(0).said.text == "again");
}
