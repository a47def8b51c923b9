#include "journal/journal.h"

#include <chrono>
#include <map>
#include <string>

#include <catch2/catch.hpp>

#include "io/clock.h"
#include "tests/support/folder.h"
#include "tests/unit/journal/history.h"
#include "tests/unit/journal/journal_driver.h"

namespace leat::journal {
namespace {

using tests::Folder;

constexpr SyncPolicy kPolicies[] = {SyncPolicy::kAlways, SyncPolicy::kInterval, SyncPolicy::kNever};

TEST_CASE("entries become durable in their order, by each policy") {
  for (const SyncPolicy policy : kPolicies) {
    const Folder folder;
    const History history(1);
    const auto journal = started(opened(folder.path("journal")),
                                 {.sync = policy, .interval = std::chrono::milliseconds(5)});
    CHECK(journal->durable() == 0);
    std::uint64_t before = 0;
    for (std::uint64_t number = 1; number <= 200; ++number) {
      REQUIRE(journal->append(history.entry(number)) == number);
      const std::uint64_t durable = journal->durable();
      REQUIRE(durable >= before);
      REQUIRE(durable <= number);
      before = durable;
      if (number % 50 == 0) await_durable(*journal, number);
    }
    CHECK(journal->outstanding_bytes() == 0);
    CHECK_FALSE(journal->failure().has_value());
    REQUIRE(journal->close().has_value());
    CHECK(contents_of(opened(folder.path("journal"))) == history.after(200));
  }
}

TEST_CASE("what is not durable yet is counted in bytes") {
  const Folder folder;
  const auto journal = started(opened(folder.path("journal")),
                               {.sync = SyncPolicy::kInterval, .interval = std::chrono::hours(1)});
  Entry first;
  first.put(Table::kState, "key", Bytes::copy("value"));
  CHECK(first.bytes() == 40);
  journal->append(first);
  await_durable(*journal, 1);  // The first interval is over from the start.
  CHECK(journal->outstanding_bytes() == 0);
  journal->append(first);
  journal->append(first);
  CHECK(journal->outstanding_bytes() == 80);
  CHECK(journal->durable() == 1);
  REQUIRE(journal->close().has_value());
  CHECK(journal->durable() == 3);
}

TEST_CASE("an interval delays what comes within it, unless it is a whole group") {
  const Folder folder;
  const io::MonotonicClock clock;
  const Duration interval = std::chrono::milliseconds(300);
  const auto journal =
      started(opened(folder.path("journal")),
              {.sync = SyncPolicy::kInterval, .interval = interval, .group_bytes_max = 100'000});
  Entry small;
  small.put(Table::kState, "key", Bytes::copy("value"));
  journal->append(small);
  await_durable(*journal, 1);
  const Instant begin = clock.now();
  journal->append(small);
  await_durable(*journal, 2);
  CHECK(clock.now() - begin > interval / 2);
  Entry large;
  large.put(Table::kPayload, "key", Bytes::own(std::string(100'000, 'x')));
  const Instant then = clock.now();
  journal->append(large);
  await_durable(*journal, 3);
  CHECK(clock.now() - then < interval * 50);
}

TEST_CASE("payloads are read beside the writing, each answer with its request") {
  const Folder folder;
  const auto journal = started(opened(folder.path("journal")));
  constexpr std::uint64_t kCount = 100;
  for (std::uint64_t number = 1; number <= kCount; ++number) {
    Entry entry;
    entry.put(Table::kPayload, KeyWriter().number(number).take(),
              Bytes::own(std::string(1000 + number, 'p')));
    journal->append(std::move(entry));
  }
  await_durable(*journal, kCount);
  Entry erased;
  erased.erase(Table::kPayload, KeyWriter().number(7).take());
  journal->append(std::move(erased));
  await_durable(*journal, kCount + 1);
  for (std::uint64_t number = kCount; number > 0; --number) {
    journal->fetch(number, KeyWriter().number(number).take());
  }
  std::vector<Fetched> all;
  await(*journal, [&] {
    for (Fetched& fetched : journal->take_fetched()) {
      all.push_back(std::move(fetched));
    }
    return all.size() == kCount;
  });
  std::uint64_t expected = kCount;
  for (const Fetched& fetched : all) {
    REQUIRE(fetched.request == expected--);
    REQUIRE(fetched.value.has_value());
    REQUIRE(fetched.value->has_value() == (fetched.request != 7));
    if (*fetched.value) REQUIRE((*fetched.value)->size() == 1000 + fetched.request);
  }
}

TEST_CASE("an entry larger than a group is a group") {
  const Folder folder;
  const auto journal =
      started(opened(folder.path("journal")), {.group_bytes_max = std::size_t{1} << 10});
  for (std::uint64_t number = 1; number <= 20; ++number) {
    Entry entry;
    entry.put(Table::kPayload, KeyWriter().number(number).take(),
              Bytes::own(std::string(number % 2 == 0 ? 100'000 : 10, 'p')));
    journal->append(std::move(entry));
  }
  await_durable(*journal, 20);
  REQUIRE(journal->close().has_value());
  CHECK(contents_of(opened(folder.path("journal"))).size() == 20);
}

TEST_CASE("a journal that is closed has written all, and lets go of its directory") {
  const Folder folder;
  const History history(2);
  for (const SyncPolicy policy : kPolicies) {
    const std::string directory = folder.path("journal" + std::to_string(static_cast<int>(policy)));
    const auto journal =
        started(opened(directory), {.sync = policy, .interval = std::chrono::hours(1)});
    for (std::uint64_t number = 1; number <= 50; ++number) {
      journal->append(history.entry(number));
    }
    REQUIRE(journal->close().has_value());
    REQUIRE(journal->close().has_value());
    CHECK(journal->durable() == 50);
    CHECK(contents_of(opened(directory)) == history.after(50));
  }
}

}  // namespace
}  // namespace leat::journal
