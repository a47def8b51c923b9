// A consumer that another process was before: SessionCore with Settings::resumption.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "clients/cpp/session_core.h"

using leat::Instant;
using leat::ProducerId;
using namespace leat::client;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

constexpr ProducerId kConsumer{7, 3};

// A consumer, and the test as its broker.
class Consumer {
 public:
  explicit Consumer(Resumption resumption)
      : core({.pipeline = "p",
              .producer = "me",
              .use = wire::SessionUse::kReceive,
              .group = "g",
              .resumption = resumption}) {
    keep(core.start(now));
  }

  void say(const wire::Message& message) { keep(core.receive(message, now)); }

  void answer(std::uint64_t epoch, std::uint64_t deliveries, std::uint64_t beat = 0) {
    say(wire::SessionState{
        .producer = kConsumer, .epoch = epoch, .deliveries = deliveries, .beat = beat});
  }

  void refuse() { say(wire::Refused{.what = "open-session", .reason = "not here"}); }

  void deliver(std::uint64_t epoch, std::uint64_t number) {
    say(wire::Delivery{.producer = kConsumer, .epoch = epoch, .number = number});
  }

  void took(std::uint64_t delivery) { keep(core.took(delivery, now)); }

  void beat() {
    now = now + 1s;
    keep(core.tick(now));
  }

  // The last message of this kind; sent since it was asked last.
  template <typename Kind>
  std::optional<Kind> sent() {
    std::optional<Kind> found;
    for (const Effect& effect : std::exchange(effects_, {})) {
      const auto* const send = std::get_if<SendToBroker>(&effect);
      const auto* const kind = send == nullptr ? nullptr : std::get_if<Kind>(&send->message);
      if (kind != nullptr) found = *kind;
    }
    return found;
  }

  template <typename Kind>
  [[nodiscard]] std::size_t count() const {
    std::size_t n = 0;
    for (const Effect& effect : effects_) {
      if (std::holds_alternative<Kind>(effect)) ++n;
    }
    return n;
  }

  Instant now{};
  SessionCore core;

 private:
  void keep(const Effects& effects) {
    effects_.insert(effects_.end(), effects.begin(), effects.end());
  }

  Effects effects_;
};

}  // namespace

TEST_CASE("a consumer of another process goes on behind what that one has") {
  Consumer consumer({.epoch = 4, .taken = 10});
  const auto opened = consumer.sent<wire::OpenSession>();
  REQUIRE(opened);
  CHECK(opened->epoch == 4);
  CHECK(opened->taken == 10);
  consumer.answer(4, 12);
  consumer.deliver(4, 10);
  CHECK(consumer.count<HandOver>() == 0);
  consumer.deliver(4, 11);
  CHECK(consumer.count<HandOver>() == 1);
}

TEST_CASE("a consumer that is not there any more begins anew, under its name") {
  Consumer consumer({.epoch = 4, .taken = 10});
  consumer.refuse();
  CHECK(consumer.count<BeginAnew>() == 1);
  const auto opened = consumer.sent<wire::OpenSession>();
  REQUIRE(opened);
  CHECK(opened->producer == "me");
  CHECK(opened->epoch == 1);
  CHECK(opened->taken == 0);
  SECTION("with its first delivery") {
    consumer.answer(1, 0);
    consumer.deliver(1, 1);
    CHECK(consumer.count<HandOver>() == 1);
  }
  SECTION("unless somebody else has the name") {
    consumer.refuse();
    CHECK(consumer.count<BeginAnew>() == 0);
    CHECK(consumer.count<Fail>() == 1);
  }
}

TEST_CASE("refusals that come late are not those of the new session") {
  Consumer consumer({.epoch = 4, .taken = 10});
  consumer.beat();
  consumer.beat();
  for (int i = 0; i < 3; ++i) {
    consumer.refuse();
  }
  CHECK(consumer.count<BeginAnew>() == 1);
  CHECK(consumer.count<Fail>() == 0);
  consumer.answer(1, 0);
  CHECK(consumer.core.is_open());
  SECTION("and one that is its own ends it") {
    consumer.refuse();
    CHECK(consumer.count<Fail>() == 1);
  }
}

TEST_CASE("only a session that was to be taken up is begun anew") {
  SECTION("not a new one") {
    Consumer consumer({});
    consumer.refuse();
    CHECK(consumer.count<Fail>() == 1);
  }
  SECTION("not one that was there") {
    Consumer consumer({.epoch = 4, .taken = 10});
    consumer.answer(4, 10);
    consumer.refuse();
    CHECK(consumer.count<BeginAnew>() == 0);
    CHECK(consumer.count<Fail>() == 1);
  }
}

TEST_CASE("a consumer that may come back learns what the broker knows to be taken") {
  Consumer consumer({});
  consumer.answer(1, 0);
  for (std::uint64_t number = 1; number <= 3; ++number) {
    consumer.deliver(1, number);
  }
  consumer.took(1);
  CHECK(consumer.sent<wire::Taken>()->beat == 1);
  // One question at a time.
  consumer.took(2);
  CHECK(consumer.sent<wire::Taken>()->beat == 0);
  CHECK(consumer.core.confirmed() == 0);
  consumer.answer(1, 3, 1);
  CHECK(consumer.core.confirmed() == 1);
  consumer.took(3);
  CHECK(consumer.sent<wire::Taken>()->beat == 2);
  // The question is lost, and asked again.
  consumer.beat();
  const auto again = consumer.sent<wire::Taken>();
  CHECK(again->beat == 3);
  CHECK(again->delivery == 3);
  consumer.answer(1, 3, 3);
  CHECK(consumer.core.confirmed() == 3);
}

TEST_CASE("who has the last results of all only tells the broker") {
  Consumer consumer({.epoch = 2, .taken = 5, .has_last = true});
  SECTION("that has not heard it") {
    consumer.answer(2, 5);
    const auto taken = consumer.sent<wire::Taken>();
    REQUIRE(taken);
    CHECK(taken->delivery == 5);
    CHECK(consumer.count<Finish>() == 0);
    consumer.answer(2, 5, taken->beat);
  }
  SECTION("that knows no such session any more") {
    consumer.refuse();
    CHECK(consumer.count<BeginAnew>() == 0);
  }
  CHECK(consumer.count<Finish>() == 1);
}

TEST_CASE("whether a broker has heard the end is told") {
  Consumer consumer({.epoch = 2, .taken = 5});
  consumer.answer(2, 6);
  consumer.deliver(2, 6);
  consumer.took(6);
  (void)consumer.core.close(consumer.now);
  CHECK_FALSE(consumer.core.is_end_confirmed());
  SECTION("it has") {
    // The beat ahead of the end says what was taken.
    consumer.answer(2, 6, 2);
    CHECK(consumer.core.confirmed() == 6);
    consumer.refuse();
    CHECK(consumer.core.is_over());
    CHECK(consumer.core.is_end_confirmed());
  }
  SECTION("it is silent") {
    for (int i = 0; i < 4; ++i) {
      consumer.beat();
    }
    CHECK(consumer.core.is_over());
    CHECK_FALSE(consumer.core.is_end_confirmed());
  }
}
