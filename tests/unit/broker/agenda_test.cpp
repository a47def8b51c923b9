#include "broker/agenda.h"

#include <catch2/catch.hpp>

using leat::DeploymentId;
using leat::Instant;
using leat::broker::Agenda;
using namespace std::chrono_literals;

namespace {

constexpr DeploymentId kFirst{1, 1};
constexpr DeploymentId kSecond{1, 2};
constexpr Instant kNow{10s};

using Ids = std::vector<DeploymentId>;

}  // namespace

TEST_CASE("what was touched is taken once, however often it was touched") {
  Agenda agenda;
  agenda.touch(kSecond);
  agenda.touch(kFirst);
  agenda.touch(kSecond);
  CHECK(agenda.take_touched() == std::set<DeploymentId>{kFirst, kSecond});
  CHECK(agenda.take_touched().empty());
}

TEST_CASE("what is due is taken once, the earliest first") {
  Agenda agenda;
  CHECK_FALSE(agenda.next_deadline());
  agenda.set_deadline(kFirst, kNow + 2s);
  agenda.set_deadline(kSecond, kNow + 1s);
  CHECK(agenda.next_deadline() == kNow + 1s);
  CHECK(agenda.take_due(kNow).empty());
  CHECK(agenda.take_due(kNow + 2s) == Ids{kSecond, kFirst});
  CHECK(agenda.take_due(kNow + 9s).empty());
  CHECK_FALSE(agenda.next_deadline());
}

TEST_CASE("a later word on a deadline replaces the earlier one") {
  Agenda agenda;
  agenda.set_deadline(kFirst, kNow + 1s);
  agenda.set_deadline(kFirst, kNow + 5s);
  CHECK(agenda.take_due(kNow + 1s).empty());
  CHECK(agenda.next_deadline() == kNow + 5s);
  agenda.set_deadline(kFirst, std::nullopt);
  CHECK_FALSE(agenda.next_deadline());
  CHECK(agenda.take_due(kNow + 9s).empty());
}

TEST_CASE("what is forgotten is neither touched nor due") {
  Agenda agenda;
  agenda.touch(kFirst);
  agenda.set_deadline(kFirst, kNow);
  agenda.set_deadline(kSecond, kNow);
  agenda.forget(kFirst);
  CHECK(agenda.take_touched().empty());
  CHECK(agenda.take_due(kNow) == Ids{kSecond});
}
