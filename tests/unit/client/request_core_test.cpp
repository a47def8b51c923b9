#include "clients/cpp/request_core.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

using leat::Instant;
using namespace leat::client;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

// A request, and the test as its broker.
class Question {
 public:
  explicit Question(wire::Message request)
      : core(RequestCore::Settings{.request = std::move(request)}) {
    keep(core.start(now));
  }

  void say(const wire::Message& message) { keep(core.receive(message, now)); }

  void wait(leat::Duration time) {
    now = now + time;
    keep(core.tick(now));
  }

  Instant now{};
  RequestCore core;
  int sent = 0;
  int finished = 0;
  std::vector<wire::Message> answers;
  std::vector<Fail> failures;

 private:
  void keep(const RequestEffects& effects) {
    for (const RequestEffect& effect : effects) {
      if (std::holds_alternative<SendToBroker>(effect)) ++sent;
      if (std::holds_alternative<Finish>(effect)) ++finished;
      if (const auto* const answer = std::get_if<Answer>(&effect)) {
        answers.push_back(answer->message);
      }
      if (const auto* const fail = std::get_if<Fail>(&effect)) failures.push_back(*fail);
    }
  }
};

struct Pair {
  wire::Message request;
  wire::Message answer;
};

std::vector<Pair> pairs() {
  return {
      {wire::Deploy{}, wire::Deployed{}},           {wire::StatusRequest{}, wire::Status{}},
      {wire::Describe{}, wire::Description{}},      {wire::Scale{}, wire::Done{.what = "scale"}},
      {wire::Drain{}, wire::Done{.what = "drain"}}, {wire::Remove{}, wire::Done{.what = "remove"}},
      {wire::Pause{}, wire::Done{.what = "pause"}}};
}

}  // namespace

TEST_CASE("each request is finished by its own answer and by no other") {
  for (const Pair& pair : pairs()) {
    Question question(pair.request);
    for (const Pair& other : pairs()) {
      if (other.request.index() != pair.request.index()) question.say(other.answer);
    }
    CHECK(question.answers.empty());
    CHECK(question.finished == 0);
    question.say(pair.answer);
    CHECK(question.answers.size() == 1);
    CHECK(question.finished == 1);
    question.say(pair.answer);
    CHECK(question.answers.size() == 1);
    CHECK(!question.core.next_deadline());
  }
}

TEST_CASE("a request is sent again until its time is over") {
  Question question(wire::StatusRequest{});
  CHECK(question.sent == 1);
  question.wait(999ms);
  CHECK(question.sent == 1);
  question.wait(1ms);
  CHECK(question.sent == 2);
  CHECK(question.core.sent_count() == 2);
  question.wait(3999ms);
  CHECK(question.failures.empty());
  CHECK(question.core.next_deadline() == Instant{5s});
  question.wait(1ms);
  REQUIRE(question.failures.size() == 1);
  CHECK(question.failures[0].kind == Fail::Kind::kUnreachable);
  const int sent = question.sent;
  question.wait(10s);
  CHECK(question.sent == sent);
  CHECK(question.failures.size() == 1);
}

TEST_CASE("a refusal ends a request with the broker's words") {
  Question question(wire::Scale{});
  question.say(wire::Refused{"scale", "there is no pipeline 'p'"});
  REQUIRE(question.failures.size() == 1);
  CHECK(question.failures[0].kind == Fail::Kind::kRefused);
  CHECK(question.failures[0].reason == "there is no pipeline 'p'");
  question.say(wire::Done{.what = "scale"});
  CHECK(question.finished == 0);
}

TEST_CASE("logs are complete when as many came as were counted, each node's once") {
  Question question(wire::LogsRequest{});
  const wire::Done counted{.what = "logs-request", .count = 2};
  SECTION("after the count") {
    question.say(counted);
    question.say(wire::Logs{.stage = "s", .node = "a"});
  }
  SECTION("before the count") {
    question.say(wire::Logs{.stage = "s", .node = "a"});
    question.say(counted);
  }
  question.say(wire::Logs{.stage = "s", .node = "a"});
  question.say(counted);
  CHECK(question.answers.size() == 2);
  CHECK(question.finished == 0);
  question.say(wire::Logs{.stage = "s", .node = "b"});
  CHECK(question.answers.size() == 3);
  CHECK(question.finished == 1);
}

TEST_CASE("no logs at all are complete at once") {
  Question question(wire::LogsRequest{});
  question.say(wire::Done{.what = "logs-request", .count = 0});
  CHECK(question.finished == 1);
}

TEST_CASE("logs that never come are given up, later with each that does") {
  Question question(wire::LogsRequest{});
  question.wait(4s);
  question.say(wire::Done{.what = "logs-request", .count = 2});
  question.wait(4s);
  question.say(wire::Logs{.stage = "s", .node = "a"});
  question.wait(4999ms);
  CHECK(question.failures.empty());
  question.wait(1ms);
  REQUIRE(question.failures.size() == 1);
  CHECK(question.failures[0].reason == "1 of 2 answers came");
}
