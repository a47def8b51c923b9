#include "clients/cpp/session_core.h"

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

using leat::Duration;
using leat::Instant;
using leat::ProducerId;
using leat::Records;
using leat::RecordsBuilder;
using namespace leat::client;
using namespace std::chrono_literals;
using Catch::Contains;
namespace wire = leat::wire;

namespace {

constexpr ProducerId kProducer{7, 3};

Records records_of(const std::vector<std::string>& texts) {
  RecordsBuilder builder("\n");
  for (const std::string& text : texts) {
    builder.add(text);
  }
  return builder.take();
}

// A session, and the test as its broker.
class Dialogue {
 public:
  explicit Dialogue(Settings settings = {}) : core(fill(std::move(settings))) {
    keep(core.start(now));
  }

  static Dialogue with_use(wire::SessionUse use) { return Dialogue({.use = use}); }

  // The same, after the broker has answered.
  static Dialogue opened(wire::SessionUse use) {
    Dialogue dialogue(Settings{.use = use});
    dialogue.answer({});
    return dialogue;
  }

  void say(const wire::Message& message) { keep(core.receive(message, now)); }

  // The session's state; with the producer, epoch and credit that are usual here.
  void answer(wire::SessionState state) {
    state.producer = kProducer;
    if (state.epoch == 0) state.epoch = 1;
    if (state.bytes_max == 0) state.bytes_max = 1000;
    say(state);
  }

  void deliver(std::uint64_t number, bool is_last = false, std::uint64_t epoch = 1) {
    wire::Delivery delivery{.producer = kProducer, .epoch = epoch, .number = number};
    delivery.is_last = is_last;
    say(delivery);
  }

  void submit(const std::vector<std::string>& texts) {
    REQUIRE(core.may_submit());
    keep(core.submit(records_of(texts), now));
  }

  void end() { keep(core.end(now)); }

  void took(std::uint64_t delivery) { keep(core.took(delivery, now)); }

  void close() { keep(core.close(now)); }

  // Time goes on by so many beats.
  void beat(int beats = 1) {
    for (int i = 0; i < beats; ++i) {
      now = now + 1s;
      keep(core.tick(now));
    }
  }

  // What was sent since it was asked last.
  std::vector<wire::Message> sent() { return std::exchange(sent_, {}); }

  template <typename Kind>
  std::vector<Kind> sent_of() {
    std::vector<Kind> found;
    for (const wire::Message& message : sent()) {
      if (const auto* const one = std::get_if<Kind>(&message)) found.push_back(*one);
    }
    return found;
  }

  // The number of the beat that was sent last.
  std::uint64_t last_beat() {
    const auto all = sent_of<wire::Taken>();
    REQUIRE(!all.empty());
    return all.back().beat;
  }

  Instant now{};
  SessionCore core;
  std::vector<std::uint64_t> handed_over;
  int finished = 0;
  std::vector<Fail> failures;

 private:
  static Settings fill(Settings settings) {
    settings.pipeline = "p";
    settings.producer = "me";
    return settings;
  }

  void keep(const Effects& effects) {
    for (const Effect& effect : effects) {
      if (const auto* const send = std::get_if<SendToBroker>(&effect)) {
        sent_.push_back(send->message);
      }
      if (const auto* const over = std::get_if<HandOver>(&effect)) {
        handed_over.push_back(over->delivery.number);
      }
      if (std::holds_alternative<Finish>(effect)) ++finished;
      if (const auto* const fail = std::get_if<Fail>(&effect)) failures.push_back(*fail);
    }
  }

  std::vector<wire::Message> sent_;
};

}  // namespace

TEST_CASE("a session with a pipeline of its own deploys it first and opens what was deployed") {
  Dialogue dialogue(Settings{.deploy = wire::Deploy{.file = "f.yml"}});
  CHECK(dialogue.sent_of<wire::Deploy>().size() == 1);
  dialogue.beat();
  CHECK(dialogue.sent_of<wire::Deploy>().size() == 1);
  dialogue.say(wire::Deployed{.pipeline = "other"});
  const auto opened = dialogue.sent_of<wire::OpenSession>();
  REQUIRE(opened.size() == 1);
  CHECK(opened[0].pipeline == "other");
  CHECK(opened[0].epoch == 1);
}

TEST_CASE("opening says what the session is for") {
  Dialogue dialogue(Settings{.use = wire::SessionUse::kReceive, .group = "g", .from = "x"});
  const auto opened = dialogue.sent_of<wire::OpenSession>();
  REQUIRE(opened.size() == 1);
  CHECK(opened[0].use == wire::SessionUse::kReceive);
  CHECK(opened[0].group == "g");
  CHECK(opened[0].from == "x");
}

TEST_CASE("opening asks for what tools say where that is wanted, also when it is taken up again") {
  const bool is_wanted = GENERATE(true, false);
  Dialogue dialogue(Settings{.wants_stderr = is_wanted});
  CHECK(dialogue.sent_of<wire::OpenSession>().at(0).wants_stderr == is_wanted);
  dialogue.answer({});
  dialogue.deliver(2);
  CHECK(dialogue.sent_of<wire::OpenSession>().at(0).wants_stderr == is_wanted);
}

TEST_CASE("opening is repeated until it is answered") {
  Dialogue dialogue;
  dialogue.beat(2);
  CHECK(dialogue.sent_of<wire::OpenSession>().size() == 3);
  CHECK(!dialogue.core.is_open());
  dialogue.answer({});
  CHECK(dialogue.core.is_open());
  dialogue.beat();
  CHECK(dialogue.sent_of<wire::OpenSession>().empty());
}

TEST_CASE("nothing is submitted beyond the credit, and credit never shrinks") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kPipe);
  dialogue.submit({std::string(2000, 'x')});
  CHECK(!dialogue.core.may_submit());
  CHECK(dialogue.core.credit() == 0);
  dialogue.answer({.next_sequence = 1, .bytes_max = 500});
  CHECK(!dialogue.core.may_submit());
  dialogue.answer({.next_sequence = 1, .bytes_max = 2006});
  CHECK(dialogue.core.may_submit());
  CHECK(dialogue.core.credit() == 1);
}

TEST_CASE("credit of another epoch is none") {
  Dialogue dialogue = Dialogue::with_use(wire::SessionUse::kPipe);
  dialogue.answer({.epoch = 2});
  CHECK(!dialogue.core.is_open());
}

TEST_CASE("input that is lost on the way is sent again once the answer to a beat misses it") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kSend);
  dialogue.submit({"a", "b"});
  dialogue.submit({"c"});
  dialogue.end();
  dialogue.sent();
  SECTION("not before") {
    dialogue.answer({.next_sequence = 2});
    CHECK(dialogue.sent().empty());
  }
  SECTION("what was not accepted, and the end") {
    dialogue.beat();
    dialogue.answer({.next_sequence = 2, .beat = dialogue.last_beat()});
    const auto again = dialogue.sent();
    REQUIRE(again.size() == 2);
    CHECK(std::get<wire::Submit>(again[0]).sequence == 2);
    CHECK(std::get<wire::EndOfInput>(again[1]).total == 3);
  }
  SECTION("the end alone") {
    dialogue.beat();
    dialogue.answer({.next_sequence = 3, .beat = dialogue.last_beat()});
    const auto again = dialogue.sent();
    REQUIRE(again.size() == 1);
    CHECK(std::get<wire::EndOfInput>(again[0]).total == 3);
  }
  SECTION("but nothing that went after the beat") {
    Dialogue other = Dialogue::opened(wire::SessionUse::kSend);
    other.beat();
    const std::uint64_t beat = other.last_beat();
    other.submit({"late"});
    other.sent();
    other.answer({.next_sequence = 0, .beat = beat});
    CHECK(other.sent().empty());
  }
}

TEST_CASE("a gap in the deliveries reopens the session under a higher epoch") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kPipe);
  dialogue.submit({"a"});
  dialogue.deliver(1);
  dialogue.took(1);
  dialogue.sent();
  dialogue.deliver(3);
  CHECK(dialogue.handed_over == std::vector<std::uint64_t>{1});
  const auto opened = dialogue.sent_of<wire::OpenSession>();
  REQUIRE(opened.size() == 1);
  CHECK(opened[0].epoch == 2);
  CHECK(opened[0].taken == 1);
  SECTION("and goes on there") {
    dialogue.answer({.epoch = 2, .next_sequence = 0, .deliveries = 3});
    const auto again = dialogue.sent_of<wire::Submit>();
    REQUIRE(again.size() == 1);
    CHECK(again[0].epoch == 2);
    dialogue.deliver(2, false, 2);
    dialogue.deliver(3, false, 2);
    CHECK(dialogue.handed_over == std::vector<std::uint64_t>{1, 2, 3});
  }
  SECTION("and takes none of the old epoch") {
    dialogue.deliver(2);
    CHECK(dialogue.handed_over == std::vector<std::uint64_t>{1});
  }
}

TEST_CASE("deliveries that the answer to a beat counts and nobody saw are asked for again") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kReceive);
  dialogue.beat();
  dialogue.answer({.deliveries = 1, .beat = dialogue.last_beat()});
  CHECK(dialogue.sent_of<wire::OpenSession>().size() == 1);
}

TEST_CASE("a sender misses no deliveries") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kSend);
  dialogue.beat();
  dialogue.answer({.deliveries = 9, .beat = dialogue.last_beat()});
  CHECK(dialogue.sent_of<wire::OpenSession>().empty());
}

TEST_CASE("a repeated delivery is handed over once") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kReceive);
  dialogue.deliver(1);
  dialogue.deliver(1);
  dialogue.deliver(2);
  dialogue.deliver(1);
  CHECK(dialogue.handed_over == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("what was taken is said at once, and never less than before") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kReceive);
  dialogue.deliver(1);
  dialogue.deliver(2);
  dialogue.deliver(3);
  dialogue.sent();
  dialogue.took(2);
  dialogue.took(1);
  dialogue.took(3);
  std::vector<std::uint64_t> told;
  for (const wire::Taken& taken : dialogue.sent_of<wire::Taken>()) {
    told.push_back(taken.delivery);
  }
  CHECK(told == std::vector<std::uint64_t>{2, 2, 3});
}

TEST_CASE("a pipe is finished when its last delivery is taken and the broker knows it") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kPipe);
  dialogue.end();
  dialogue.answer({.has_end = true});
  dialogue.deliver(1, true);
  CHECK(dialogue.finished == 0);
  dialogue.sent();
  dialogue.took(1);
  CHECK(dialogue.finished == 0);
  SECTION("by the answer to the beat that says so") {
    dialogue.answer({.has_end = true, .deliveries = 1, .beat = dialogue.last_beat()});
  }
  SECTION("however late that comes") {
    const std::uint64_t beat = dialogue.last_beat();
    dialogue.beat(3);
    dialogue.answer({.has_end = true, .deliveries = 1, .beat = beat});
  }
  SECTION("by the session being gone") {
    dialogue.say(wire::Refused{"session", "there is no such session"});
  }
  SECTION("by the pipeline being gone") {
    dialogue.say(wire::SessionFailed{"me", "removed"});
  }
  SECTION("even if the broker is silent") {
    dialogue.beat(15);
    CHECK(dialogue.finished == 0);
    dialogue.beat();
  }
  CHECK(dialogue.finished == 1);
  CHECK(dialogue.failures.empty());
  CHECK(dialogue.core.is_over());
  CHECK(!dialogue.core.next_deadline());
}

TEST_CASE("a pipe that took all while it was reopened is finished, not refused") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kPipe);
  dialogue.end();
  dialogue.deliver(1);
  dialogue.deliver(2, true);
  // The answer to a beat counts one more: the session is opened again.
  dialogue.beat();
  dialogue.answer({.has_end = true, .deliveries = 3, .beat = dialogue.last_beat()});
  dialogue.took(2);
  dialogue.say(wire::Refused{"open-session", "the session is not here any more"});
  CHECK(dialogue.finished == 1);
  CHECK(dialogue.failures.empty());
}

TEST_CASE("a sender is finished when all is accepted, the end included") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kSend);
  dialogue.submit({"a", "b"});
  dialogue.answer({.next_sequence = 2});
  CHECK(dialogue.core.accepted_count() == 2);
  dialogue.end();
  CHECK(!dialogue.core.may_submit());
  dialogue.sent();
  dialogue.answer({.next_sequence = 2, .has_end = true});
  const auto told = dialogue.sent();
  REQUIRE(told.size() == 3);
  const std::uint64_t before = std::get<wire::Taken>(told[0]).beat;
  CHECK(std::holds_alternative<wire::CloseSession>(told[1]));
  const std::uint64_t behind = std::get<wire::Taken>(told[2]).beat;
  CHECK(dialogue.finished == 0);
  SECTION("and the broker has answered what came behind the closing") {
    dialogue.answer({.next_sequence = 2, .has_end = true, .beat = before});
    CHECK(dialogue.finished == 0);
    dialogue.answer({.next_sequence = 2, .has_end = true, .beat = behind});
  }
  SECTION("and the broker has forgotten it") {
    dialogue.say(wire::Refused{"session", "there is no such session"});
  }
  CHECK(dialogue.finished == 1);
  CHECK(dialogue.failures.empty());
}

TEST_CASE("a sender whose broker falls silent before it confirmed has failed") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kSend);
  dialogue.end();
  dialogue.answer({.has_end = true});
  dialogue.beat(16);
  CHECK(dialogue.finished == 0);
  REQUIRE(dialogue.failures.size() == 1);
  CHECK(dialogue.failures[0].kind == Fail::Kind::kUnreachable);
}

TEST_CASE("a producer that submitted before is refused, not mixed with this one") {
  Dialogue dialogue = Dialogue::with_use(wire::SessionUse::kSend);
  dialogue.answer({.next_sequence = 5});
  REQUIRE(dialogue.failures.size() == 1);
  CHECK(dialogue.failures[0].kind == Fail::Kind::kRefused);
  CHECK_THAT(dialogue.failures[0].reason, Contains("'me'") && Contains("5 records"));
}

TEST_CASE("a consumer never submits, and is finished with the last of its producer") {
  Dialogue dialogue(Settings{.use = wire::SessionUse::kReceive, .from = "x"});
  dialogue.answer({.next_sequence = 12});
  CHECK(dialogue.core.is_open());
  CHECK(!dialogue.core.may_submit());
  dialogue.deliver(1);
  dialogue.deliver(2, true);
  dialogue.took(1);
  CHECK(!dialogue.core.is_over());
  dialogue.sent();
  dialogue.took(2);
  const std::uint64_t beat = dialogue.last_beat();
  CHECK(dialogue.finished == 0);
  dialogue.answer({.deliveries = 2, .beat = beat});
  CHECK(dialogue.finished == 1);
}

TEST_CASE("a consumer of all producers goes on when one of them is over") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kReceive);
  dialogue.deliver(1, true);
  dialogue.took(1);
  dialogue.deliver(2);
  CHECK(dialogue.handed_over == std::vector<std::uint64_t>{1, 2});
  CHECK(dialogue.core.is_open());
}

TEST_CASE("a consumer that cannot say what it took has failed") {
  Dialogue dialogue(Settings{.use = wire::SessionUse::kReceive, .from = "x"});
  dialogue.answer({});
  dialogue.deliver(1, true);
  dialogue.took(1);
  dialogue.sent();
  dialogue.beat(3);
  CHECK(dialogue.sent_of<wire::Taken>().size() == 3);
  dialogue.beat(13);
  CHECK(dialogue.finished == 0);
  REQUIRE(dialogue.failures.size() == 1);
  CHECK(dialogue.failures[0].kind == Fail::Kind::kUnreachable);
}

TEST_CASE("a refusal and a failed pipeline end a session with the broker's words") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kPipe);
  SECTION("refused") {
    dialogue.say(wire::Refused{"submit", "too large"});
    REQUIRE(dialogue.failures.size() == 1);
    CHECK(dialogue.failures[0].kind == Fail::Kind::kRefused);
    CHECK(dialogue.failures[0].reason == "too large");
  }
  SECTION("failed") {
    dialogue.say(wire::SessionFailed{"somebody else", "no"});
    CHECK(dialogue.failures.empty());
    dialogue.say(wire::SessionFailed{"me", "stage 'a' failed"});
    REQUIRE(dialogue.failures.size() == 1);
    CHECK(dialogue.failures[0].kind == Fail::Kind::kPipelineFailed);
    CHECK(dialogue.failures[0].reason == "stage 'a' failed");
  }
  CHECK(dialogue.core.is_over());
  dialogue.sent();
  dialogue.beat();
  dialogue.deliver(1);
  CHECK(dialogue.sent().empty());
  CHECK(dialogue.handed_over.empty());
}

TEST_CASE("a broker that is silent for 15 beats is unreachable, and one word is enough") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kReceive);
  dialogue.beat(15);
  CHECK(dialogue.failures.empty());
  dialogue.answer({});
  dialogue.beat(15);
  CHECK(dialogue.failures.empty());
  dialogue.beat();
  REQUIRE(dialogue.failures.size() == 1);
  CHECK(dialogue.failures[0].kind == Fail::Kind::kUnreachable);
}

TEST_CASE("a session that is given up is over when the broker has confirmed") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kReceive);
  dialogue.deliver(1);
  dialogue.deliver(2);
  dialogue.took(1);
  dialogue.sent();
  dialogue.close();
  const auto told = dialogue.sent();
  REQUIRE(told.size() == 3);
  CHECK(std::get<wire::Taken>(told[0]).delivery == 1);
  CHECK(std::holds_alternative<wire::CloseSession>(told[1]));
  CHECK(!dialogue.core.is_over());
  SECTION("by not knowing the session") {
    dialogue.say(wire::Refused{"session", "there is no such session"});
  }
  SECTION("which it does not while it still knows it: that it is closed was lost") {
    dialogue.answer({.deliveries = 2, .beat = std::get<wire::Taken>(told[2]).beat});
    CHECK(!dialogue.core.is_over());
    dialogue.beat();
    CHECK(dialogue.sent_of<wire::CloseSession>().size() == 1);
    dialogue.say(wire::Refused{"session", "there is no such session"});
  }
  SECTION("or after two silent beats") {
    dialogue.beat(2);
    CHECK(dialogue.sent_of<wire::CloseSession>().size() == 2);
    CHECK(!dialogue.core.is_over());
    dialogue.beat();
  }
  CHECK(dialogue.core.is_over());
  CHECK(dialogue.finished == 0);
  CHECK(dialogue.failures.empty());
}

TEST_CASE("a sender that is given up learns how many records were accepted") {
  Dialogue dialogue = Dialogue::opened(wire::SessionUse::kSend);
  dialogue.submit({"a", "b", "c"});
  dialogue.sent();
  dialogue.close();
  CHECK(!dialogue.core.may_submit());
  const auto told = dialogue.sent();
  dialogue.answer({.next_sequence = 3, .beat = std::get<wire::Taken>(told[0]).beat});
  CHECK(!dialogue.core.is_over());
  CHECK(dialogue.core.accepted_count() == 3);
}

TEST_CASE("a session that is given up while it is opened is closed when it is open") {
  Dialogue dialogue = Dialogue::with_use(wire::SessionUse::kReceive);
  dialogue.sent();
  dialogue.close();
  CHECK(dialogue.sent().empty());
  CHECK(!dialogue.core.is_over());
  SECTION("as it may have been") {
    dialogue.answer({});
    const auto told = dialogue.sent();
    REQUIRE(told.size() == 3);
    CHECK(std::get<wire::CloseSession>(told[1]).producer == kProducer);
    dialogue.deliver(1);
    CHECK(dialogue.handed_over.empty());
    dialogue.say(wire::Refused{"session", "there is no such session"});
  }
  SECTION("and was not, when the broker stays silent") {
    dialogue.beat(3);
    CHECK(dialogue.sent().empty());
  }
  CHECK(dialogue.core.is_over());
}

TEST_CASE("a session that is given up before it was asked for is over at once") {
  Dialogue dialogue(Settings{.deploy = wire::Deploy{}});
  dialogue.close();
  CHECK(dialogue.core.is_over());
}
