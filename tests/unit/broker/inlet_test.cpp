#include "broker/inlet.h"

#include <limits>

#include <catch2/catch.hpp>

using leat::Duration;
using leat::Instant;
using leat::broker::Inlet;
using leat::broker::Leased;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

constexpr Instant kNow{100s};
constexpr std::uint64_t kMuch = 1'000'000;

using Numbers = std::vector<std::uint64_t>;

wire::InletReport report_of(std::uint64_t leases_max, std::vector<wire::NumberRange> leases = {}) {
  return {.address = "here", .leases = std::move(leases), .leases_max = leases_max};
}

Inlet open_inlet(std::uint32_t replicas, std::uint64_t leases_max = kMuch) {
  Inlet inlet(1, replicas);
  CHECK(inlet.report(report_of(leases_max), kNow).empty());
  return inlet;
}

void lease(Inlet& inlet, std::uint64_t records, Instant since = kNow) {
  Leased leased;
  leased.open = records;
  leased.since = since;
  inlet.lease(std::move(leased));
}

}  // namespace

TEST_CASE("before its node has told where it listens an inlet has no room") {
  Inlet inlet(1, 1);
  CHECK_FALSE(inlet.is_open());
  CHECK_FALSE(inlet.has_room());
  inlet.credit(kMuch);
  CHECK_FALSE(inlet.has_room());
  CHECK(inlet.report(report_of(1), kNow).empty());
  CHECK(inlet.has_room());
}

TEST_CASE("leases are numbered from 1 and never exceed the credit") {
  Inlet inlet = open_inlet(4, 2);
  CHECK(inlet.next_number() == 1);
  lease(inlet, 1);
  lease(inlet, 1);
  CHECK(inlet.next_number() == 3);
  CHECK_FALSE(inlet.has_room());
  inlet.credit(3);
  CHECK(inlet.has_room());
}

TEST_CASE("credit never shrinks, whoever says so") {
  Inlet inlet = open_inlet(4, 2);
  inlet.credit(1);
  CHECK(inlet.report(report_of(0), kNow).empty());
  CHECK(inlet.last_report().leases_max == 2);
}

TEST_CASE("while nothing is measured two leases of one record are ahead of each replica") {
  Inlet inlet = open_inlet(2);
  CHECK(inlet.lease_records(kMuch) == 1);
  for (int i = 0; i < 4; ++i) {
    REQUIRE(inlet.has_room());
    lease(inlet, 1);
  }
  CHECK_FALSE(inlet.has_room());
}

TEST_CASE("a lease is 20 ms of measured work, and less where little waits for many replicas") {
  Inlet one = open_inlet(1);
  one.measure(10, 10ms, 0);
  CHECK(one.lease_records(kMuch) == 20);
  CHECK(one.lease_records(1) == 20);
  Inlet four = open_inlet(4);
  four.measure(10, 10ms, 0);
  CHECK(four.lease_records(kMuch) == 20);
  CHECK(four.lease_records(40) == 5);
  CHECK(four.lease_records(1) == 1);
}

TEST_CASE("a record that takes longer than a lease is a lease of its own") {
  Inlet inlet = open_inlet(1);
  inlet.measure(1, 10s, 0);
  CHECK(inlet.lease_records(kMuch) == 1);
}

TEST_CASE("60 ms of work are ahead of each replica, and two leases at the least") {
  Inlet inlet = open_inlet(1);
  inlet.measure(1, 1ms, 0);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(inlet.has_room());
    lease(inlet, 20);
  }
  CHECK_FALSE(inlet.has_room());
  inlet.ended(1, 20);
  CHECK(inlet.has_room());
}

TEST_CASE("the expected finish counts what is there and what would come, over all replicas") {
  Inlet inlet = open_inlet(2);
  CHECK(inlet.expected_finish(10) == 0ms);
  inlet.measure(1, 2ms, 0);
  lease(inlet, 10);
  CHECK(inlet.expected_finish(10) == 20ms);
}

TEST_CASE("what a node says of its time is brought within reason") {
  Inlet inlet = open_inlet(1);
  inlet.measure(0, 1ms, 0);
  CHECK(inlet.lease_records(kMuch) == 1);
  inlet.measure(1, Duration(std::numeric_limits<Duration::rep>::min()), 0);
  CHECK(inlet.lease_records(std::numeric_limits<std::uint64_t>::max()) > 0);
  for (int i = 0; i < 100; ++i) {
    inlet.measure(1, Duration(std::numeric_limits<Duration::rep>::max()), 0);
  }
  CHECK(inlet.lease_records(kMuch) == 1);
  CHECK(inlet.expected_finish(std::numeric_limits<std::uint32_t>::max()) > 0ms);
}

TEST_CASE("a lease is held while an origin of it is open, and not longer") {
  Inlet inlet = open_inlet(1);
  lease(inlet, 5);
  inlet.ended(1, 3);
  REQUIRE(inlet.leases().size() == 1);
  CHECK(inlet.leases().at(1).open == 2);
  inlet.ended(1, 2);
  CHECK(inlet.leases().empty());
  inlet.ended(1, 2);
  inlet.ended(77, 2);
  CHECK(inlet.leases().empty());
}

TEST_CASE("what is taken back is no more expected") {
  Inlet inlet = open_inlet(1);
  inlet.measure(1, 10ms, 0);
  lease(inlet, 2);
  CHECK(inlet.expected_finish(0) == 20ms);
  CHECK(inlet.take_back(1).open == 2);
  CHECK(inlet.expected_finish(0) == 0ms);
}

TEST_CASE("a lease that two reports in a row do not list was lost on the way") {
  Inlet inlet = open_inlet(4);
  lease(inlet, 1);
  lease(inlet, 1);
  const Instant later = kNow + 1s;
  CHECK(inlet.report(report_of(kMuch, {{2, 1}}), later).empty());
  CHECK(inlet.report(report_of(kMuch, {{2, 1}}), later) == Numbers{1});
}

TEST_CASE("a lease that was sent within the last second is not missed yet") {
  Inlet inlet = open_inlet(4);
  lease(inlet, 1);
  for (int i = 0; i < 5; ++i) {
    CHECK(inlet.report(report_of(kMuch), kNow + 999ms).empty());
  }
}

TEST_CASE("a lease that is listed again was not lost") {
  Inlet inlet = open_inlet(4);
  lease(inlet, 1);
  const Instant later = kNow + 1s;
  CHECK(inlet.report(report_of(kMuch), later).empty());
  CHECK(inlet.report(report_of(kMuch, {{1, 1}}), later).empty());
  CHECK(inlet.report(report_of(kMuch), later).empty());
  CHECK(inlet.report(report_of(kMuch), later) == Numbers{1});
}

TEST_CASE("beside a lease that runs alone nothing is leased") {
  Inlet inlet = open_inlet(4);
  Leased alone;
  alone.open = 1;
  alone.is_alone = true;
  inlet.lease(std::move(alone));
  CHECK_FALSE(inlet.has_room());
  inlet.ended(1, 1);
  CHECK(inlet.has_room());
}

TEST_CASE("an inlet without replicas gets no more, and has retired when nothing is left") {
  Inlet inlet = open_inlet(2);
  lease(inlet, 1);
  CHECK_FALSE(inlet.has_retired());
  inlet.set_replicas(0);
  CHECK_FALSE(inlet.has_room());
  CHECK_FALSE(inlet.has_retired());
  inlet.ended(1, 1);
  CHECK(inlet.has_retired());
  inlet.set_replicas(1);
  CHECK_FALSE(inlet.has_retired());
  CHECK(inlet.has_room());
}

TEST_CASE("how many answers fit is learned from those that came") {
  Inlet inlet = open_inlet(1);
  CHECK(inlet.fit(1000) == 1000);
  inlet.measure(10, 1ms, 1000);
  CHECK(inlet.fit(1000) == 10);
  CHECK(inlet.fit(1) == 1);
  inlet.measure(1, 1ms, std::numeric_limits<std::size_t>::max());
  CHECK(inlet.fit(1000) == 1);
}

TEST_CASE("numbers at the end of their range are listed rightly") {
  Inlet inlet = open_inlet(4);
  lease(inlet, 1);
  const Instant later = kNow + 1s;
  const std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  for (int i = 0; i < 3; ++i) {
    CHECK(inlet.report(report_of(kMuch, {{1, last}}), later).empty());
  }
}
