// A disk that fails under the journal: nothing that was told durable is lost, the failure is told,
// and when the disk is well again everything goes on by itself.

#include <chrono>
#include <random>
#include <string>

#include <catch2/catch.hpp>

#include "journal/journal.h"
#include "tests/support/folder.h"
#include "tests/unit/journal/faulty_disk.h"
#include "tests/unit/journal/history.h"
#include "tests/unit/journal/journal_driver.h"

namespace leat::journal {
namespace {

using Catch::Matchers::Contains;
using tests::Folder;

constexpr Fault kFaults[] = {Fault::kWriteError, Fault::kNoSpace, Fault::kShortWrite,
                             Fault::kSyncError};
// Pauses that a test can wait for.
constexpr JournalOptions kQuick{.retry_min = std::chrono::milliseconds(1),
                                .retry_max = std::chrono::milliseconds(8)};
// So that tables are written, and fail, too.
constexpr std::size_t kBufferBytes = std::size_t{128} << 10;

Store on(FaultyDisk& disk, const std::string& directory) {
  return opened(directory, {.buffer_bytes = kBufferBytes, .env = disk.env()});
}

TEST_CASE("what a failing disk keeps is told durable only when it is, and all is when it heals") {
  for (const Fault fault : kFaults) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      INFO("fault " << static_cast<int>(fault) << ", seed " << seed);
      const Folder folder;
      const std::string directory = folder.path("journal");
      const History history(seed);
      std::mt19937_64 random(seed);
      FaultyDisk disk;
      std::uint64_t appended = 0;
      {
        const auto journal = started(on(disk, directory), kQuick);
        for (int round = 0; round < 4; ++round) {
          disk.plan().fail(fault, static_cast<int>(random() % 12));
          while (!journal->failure()) {
            journal->append(history.entry(++appended));
            if (random() % 3 == 0) {
              await(*journal, [&] {
                return journal->durable() == appended || journal->failure().has_value();
              });
            }
          }
          const std::uint64_t durable = journal->durable();
          CHECK(durable < appended);
          CHECK(journal->outstanding_bytes() > 0);
          disk.plan().heal();
          await_durable(*journal, appended);
          CHECK_FALSE(journal->failure().has_value());
          CHECK(journal->outstanding_bytes() == 0);
        }
        REQUIRE(journal->close().has_value());
      }
      REQUIRE(disk.plan().struck() >= 4);
      CHECK(contents_of(opened(directory)) == history.after(appended));
    }
  }
}

TEST_CASE("what is not durable when a journal is closed on a failing disk is told to be lost") {
  for (const Fault fault : kFaults) {
    INFO("fault " << static_cast<int>(fault));
    const Folder folder;
    const std::string directory = folder.path("journal");
    const History history(5);
    FaultyDisk disk;
    std::uint64_t durable = 0;
    {
      const auto journal = started(on(disk, directory), kQuick);
      for (std::uint64_t number = 1; number <= 100; ++number) {
        if (number == 60) disk.plan().fail(fault, 0);
        journal->append(history.entry(number));
        if (number == 50) await_durable(*journal, 50);
      }
      const auto closed = journal->close();
      REQUIRE_FALSE(closed.has_value());
      durable = journal->durable();
      CHECK(durable >= 50);
      CHECK_THAT(closed.error().message,
                 Contains(std::to_string(100 - durable) + " entries of the journal are lost: "));
    }
    const Store store = opened(directory);
    const std::uint64_t count = count_of(store);
    CHECK(count >= durable);
    CHECK(count <= 100);
    CHECK(contents_of(store) == history.after(count));
  }
}

TEST_CASE("a full disk is told in the user's words, and payloads are read meanwhile") {
  const Folder folder;
  const std::string directory = folder.path("journal");
  FaultyDisk disk;
  const auto journal = started(on(disk, directory), kQuick);
  Entry entry;
  entry.put(Table::kPayload, "key", Bytes::copy("value"));
  journal->append(entry);
  await_durable(*journal, 1);
  disk.plan().fail(Fault::kNoSpace, 0);
  journal->append(entry);
  await_failure(*journal);
  CHECK(journal->failure() == "no space left on the disk of " + directory);
  // The disk has been looked at again since then.
  const int struck = disk.plan().struck();
  REQUIRE(tests::wait_until([&] { return disk.plan().struck() > struck + 2; }));
  journal->fetch(17, "key");
  std::vector<Fetched> fetched;
  await(*journal, [&] {
    fetched = journal->take_fetched();
    return !fetched.empty();
  });
  CHECK(fetched.front().request == 17);
  CHECK(fetched.front().value.value()->view() == "value");
  CHECK(journal->durable() == 1);
  disk.plan().heal();
  await_durable(*journal, 2);
}

TEST_CASE(
    "a sync that failed is not made good by one that succeeds: what it lost is written anew") {
  const Folder folder;
  const std::string directory = folder.path("journal");
  const History history(9);
  FaultyDisk disk;
  {
    const auto journal = started(on(disk, directory), kQuick);
    journal->append(history.entry(1));
    await_durable(*journal, 1);
    disk.plan().fail(Fault::kSyncError, 0);
    journal->append(history.entry(2));
    await_failure(*journal);
    CHECK_THAT(*journal->failure(), Contains(directory) && Contains("Input/output error"));
    disk.plan().heal();
    journal->append(history.entry(3));
    await_durable(*journal, 3);
  }
  CHECK(contents_of(opened(directory)) == history.after(3));
}

}  // namespace
}  // namespace leat::journal
