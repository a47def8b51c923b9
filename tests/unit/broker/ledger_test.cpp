#include "broker/ledger.h"

#include <map>
#include <random>

#include <catch2/catch.hpp>

#include "tests/unit/broker/scene.h"

using leat::Instant;
using leat::Position;
using leat::Records;
using leat::broker::LeaseKey;
using leat::broker::Ledger;
using leat::broker::Range;
using leat::broker::testing::records_of;
using leat::broker::testing::texts_of;
using namespace std::chrono_literals;

namespace {

constexpr Instant kNow{1s};
const LeaseKey kFirst{.epoch = 1, .number = 1};
const LeaseKey kSecond{.epoch = 1, .number = 2};

using Holders = std::map<LeaseKey, std::uint32_t>;
using Texts = std::vector<std::string>;

// What an entry costs besides its records.
std::size_t entry_bytes() {
  Ledger ledger;
  ledger.add_end(Position(0), kNow);
  return ledger.bytes();
}

Range range_of(std::uint64_t first, std::uint32_t count) {
  return {Position(first), count};
}

Ledger ledger_of(const Texts& texts) {
  Ledger ledger;
  ledger.add(Position(0), records_of(texts), kNow);
  return ledger;
}

Texts open_texts(const Ledger& ledger, const Range& range) {
  Texts texts;
  for (const Records& records : ledger.records_of(range)) {
    for (const std::string& text : texts_of(records)) {
      texts.push_back(text);
    }
  }
  return texts;
}

}  // namespace

TEST_CASE("what was added waits, is open and costs what it is") {
  const Records records = records_of({"a", "bb", "c"});
  Ledger ledger;
  CHECK(ledger.is_empty());
  ledger.add(Position(5), records, kNow);
  CHECK(ledger.waiting_count() == 3);
  CHECK(ledger.open_count() == 3);
  CHECK(ledger.bytes() == entry_bytes() + records.bytes());
  CHECK(ledger.oldest() == kNow);
  CHECK(ledger.is_open(range_of(5, 3)));
  CHECK(ledger.is_open(range_of(6, 1)));
  CHECK_FALSE(ledger.is_open(range_of(4, 1)));
  CHECK_FALSE(ledger.is_open(range_of(5, 4)));
  CHECK_FALSE(ledger.is_open({Position(5).child(0), 1}));
  CHECK(ledger.first_waiting()->first == Position(5));
}

TEST_CASE("a lease takes the front of what waits, and the rest stays first") {
  Ledger ledger = ledger_of({"a", "b", "c"});
  CHECK(texts_of(ledger.lease(Position(0), 2, kFirst)) == Texts{"a", "b"});
  CHECK(ledger.waiting_count() == 1);
  CHECK(ledger.first_waiting()->first == Position(2));
  CHECK(ledger.open_count() == 3);
}

TEST_CASE("what is closed is gone, and its lease is told how much it lost") {
  Ledger ledger = ledger_of({"a", "b", "c", "d"});
  (void)ledger.lease(Position(0), 2, kFirst);
  (void)ledger.lease(Position(2), 1, kSecond);
  const Holders holders = ledger.close(range_of(1, 3));
  CHECK(holders == Holders{{kFirst, 1}, {kSecond, 1}});
  CHECK(ledger.open_count() == 1);
  CHECK(ledger.waiting_count() == 0);
  CHECK(open_texts(ledger, range_of(0, 1)) == Texts{"a"});
  CHECK(ledger.close(range_of(0, 1)) == Holders{{kFirst, 1}});
  CHECK(ledger.is_empty());
  CHECK(ledger.bytes() == 0);
}

TEST_CASE("what comes back waits again, and counts who was lost with it") {
  Ledger ledger = ledger_of({"a", "b", "c"});
  (void)ledger.lease(Position(0), 3, kFirst);
  CHECK(ledger.give_back(range_of(1, 1), kFirst, Ledger::Cause::kNodeLost) == 1);
  REQUIRE(ledger.first_waiting());
  CHECK(ledger.first_waiting()->first == Position(1));
  CHECK(ledger.entry_of(Position(1)).kills == 1);
  CHECK(ledger.entry_of(Position(0)).kills == 0);
  CHECK(ledger.give_back(range_of(0, 3), kSecond, Ledger::Cause::kReturned) == 0);
  CHECK(ledger.give_back(range_of(0, 3), kFirst, Ledger::Cause::kReturned) == 2);
  CHECK(ledger.give_back(range_of(0, 3), kFirst, Ledger::Cause::kReturned) == 0);
  CHECK(ledger.waiting_count() == 3);
  CHECK(ledger.entry_of(Position(1)).kills == 1);
}

TEST_CASE("what is set aside is open, is no lease's, and does not wait") {
  Ledger ledger = ledger_of({"a", "b"});
  (void)ledger.lease(Position(0), 2, kFirst);
  CHECK(ledger.set_aside(range_of(0, 1)) == Holders{{kFirst, 1}});
  CHECK(ledger.is_open(range_of(0, 2)));
  CHECK(ledger.is_any_set_aside(range_of(0, 2)));
  CHECK_FALSE(ledger.is_any_set_aside(range_of(1, 1)));
  CHECK(ledger.waiting_count() == 0);
  CHECK(ledger.first_movable() == Position(1));
  CHECK(ledger.give_back(range_of(0, 2), LeaseKey{}, Ledger::Cause::kReturned) == 1);
  CHECK(ledger.first_movable() == Position(0));
}

TEST_CASE("what a window holds is out of the queue, but counts as waiting") {
  Ledger ledger = ledger_of({"a", "b", "c"});
  CHECK(texts_of(ledger.hold_for_window(Position(0), 2)) == Texts{"a", "b"});
  CHECK(ledger.first_waiting()->first == Position(2));
  CHECK(ledger.waiting_count() == 3);
  ledger.lease_window(range_of(0, 2), kFirst);
  CHECK(ledger.waiting_count() == 1);
  ledger.return_window(range_of(0, 2), kSecond);
  CHECK(ledger.waiting_count() == 1);
  ledger.return_window(range_of(0, 2), kFirst);
  CHECK(ledger.waiting_count() == 3);
  CHECK(ledger.first_waiting()->first == Position(2));
}

TEST_CASE("a producer's end is an origin without a record") {
  Ledger ledger;
  ledger.add_end(Position(3), kNow);
  CHECK(ledger.open_count() == 1);
  CHECK(ledger.records_of(range_of(3, 1)).empty());
  CHECK(ledger.close(range_of(3, 1)).empty());
  CHECK(ledger.is_empty());
  CHECK(ledger.bytes() == 0);
}

TEST_CASE("small records that come one by one share an entry") {
  Ledger ledger;
  for (std::uint64_t i = 0; i < 100; ++i) {
    ledger.add(Position(i), records_of({"x"}), kNow);
  }
  CHECK(ledger.entry_count() == 1);
  CHECK(open_texts(ledger, range_of(98, 2)) == Texts{"x", "x"});
  ledger.add(Position(100), records_of({"x"}, "|"), kNow);
  CHECK(ledger.entry_count() == 2);
  (void)ledger.lease(Position(0), 100, kFirst);
  (void)ledger.lease(Position(100), 1, kSecond);
  ledger.add(Position(101), records_of({"y"}, "|"), kNow);
  CHECK(ledger.first_waiting()->first == Position(101));
  ledger.add(Position(103), records_of({"z"}, "|"), kNow);
  CHECK(ledger.entry_count() == 4);
}

TEST_CASE("a range is told in parts that have one separator each") {
  Ledger ledger;
  ledger.add(Position(0), records_of({"a", "b"}, "\n"), kNow);
  ledger.add(Position(2), records_of({"c"}, "\n"), kNow);
  ledger.add(Position(3), records_of({"d", "e"}, "|"), kNow);
  CHECK(ledger.alike(range_of(1, 4)) == std::vector<Range>{range_of(1, 2), range_of(3, 2)});
}

TEST_CASE("origins are closed when neither they nor children of them are open") {
  Ledger ledger;
  ledger.add(Position(1).child(0), records_of({"a"}), kNow);
  ledger.add(Position(4), records_of({"b"}), kNow);
  CHECK(ledger.is_any_open_under(Position(1)));
  CHECK_FALSE(ledger.is_any_open_under(Position(2)));
  CHECK(ledger.closed_part(Position(0), 10) == std::pair<std::uint64_t, std::uint64_t>{0, 1});
  CHECK(ledger.closed_part(Position(1), 9) == std::pair<std::uint64_t, std::uint64_t>{1, 2});
  CHECK(ledger.closed_part(Position(4), 1).second == 0);
}

TEST_CASE("whatever is leased, given back, set aside and closed, the counts add up") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto below = [&random](std::uint64_t end) { return random() % end; };
    Ledger ledger;
    enum class State { kWaiting, kLeased, kAside, kClosed };
    std::vector<State> states;  // By number.
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t first = below(states.size() + 1);
      const auto count = static_cast<std::uint32_t>(1 + below(4));
      const bool is_open = ledger.is_open(range_of(first, count));
      bool is_expected = first + count <= states.size();
      for (std::uint64_t i = first; i < first + count && is_expected; ++i) {
        is_expected = states[i] != State::kClosed;
      }
      REQUIRE(is_open == is_expected);
      switch (below(5)) {
        case 0:
          ledger.add(Position(states.size()), records_of(Texts(count, "x")), kNow);
          states.insert(states.end(), count, State::kWaiting);
          break;
        case 1: {
          const auto head = ledger.first_waiting();
          if (!head) break;
          const std::uint32_t n = std::min(count, head->second->count);
          const std::uint64_t at = head->first.last();
          (void)ledger.lease(Position(at), n, kFirst);
          for (std::uint64_t i = at; i < at + n; ++i) {
            states[i] = State::kLeased;
          }
          break;
        }
        case 2: {
          std::uint32_t given = 0;
          for (std::uint64_t i = first; i < first + count && i < states.size(); ++i) {
            if (states[i] != State::kLeased) continue;
            states[i] = State::kWaiting;
            ++given;
          }
          CHECK(ledger.give_back(range_of(first, count), kFirst, Ledger::Cause::kReturned) ==
                given);
          break;
        }
        case 3:
          if (!is_open) break;
          (void)ledger.set_aside(range_of(first, count));
          for (std::uint64_t i = first; i < first + count; ++i) {
            states[i] = State::kAside;
          }
          break;
        default:
          if (!is_open) break;
          (void)ledger.close(range_of(first, count));
          for (std::uint64_t i = first; i < first + count; ++i) {
            states[i] = State::kClosed;
          }
      }
      std::uint64_t open = 0;
      std::uint64_t waiting = 0;
      for (const State state : states) {
        open += state == State::kClosed ? 0 : 1;
        waiting += state == State::kWaiting ? 1 : 0;
      }
      REQUIRE(ledger.open_count() == open);
      REQUIRE(ledger.waiting_count() == waiting);
      REQUIRE(ledger.bytes() == 6 * open + entry_bytes() * ledger.entry_count());
    }
  }
}
