// What power loss and bad disks leave of a journal's files, and what is made of it.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "journal/store.h"
#include "journal/wal_scan.h"
#include "tests/support/folder.h"
#include "tests/unit/journal/history.h"

namespace leat::journal {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using tests::Folder;

constexpr std::uint64_t kEntries = 30;

// Paths of the files with this extension, in the order of their numbers.
std::vector<std::string> files(const std::string& directory, const std::string& extension) {
  std::vector<std::string> found;
  for (const auto& file : fs::directory_iterator(directory)) {
    if (file.path().extension() == extension) found.push_back(file.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string newest(const std::string& directory, const std::string& extension) {
  const auto found = files(directory, extension);
  REQUIRE_FALSE(found.empty());
  return found.back();
}

void overwrite(const std::string& path, std::uint64_t at, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  file << bytes;
  REQUIRE(file.good());
}

void flip_middle(const std::string& path) {
  const std::uint64_t middle = fs::file_size(path) / 2;
  overwrite(path, middle, std::string(16, '\x5A'));
}

// A copy of `directory` in which something is done to a file.
std::string copied(const Folder& folder, const std::string& directory) {
  const std::string to = folder.path("copy");
  fs::remove_all(to);
  fs::copy(directory, to, fs::copy_options::recursive);
  return to;
}

// A journal with tables and payload files besides its log.
void make_tables(const std::string& directory, const History& history, std::uint64_t count) {
  for (std::uint64_t number = 1; number <= count; ++number) {
    if (number % 10 == 1) {
      Store store = opened(directory);  // Opening writes the log of before to tables.
      for (std::uint64_t i = number; i < number + 10 && i <= count; ++i) {
        write(store, history.entry(i));
      }
    }
  }
  const Store store = opened(directory);
}

TEST_CASE("of a log that was cut off anywhere the whole entries are kept, and no part of another") {
  const Folder folder;
  const History history(1);
  const std::string directory = folder.path("journal");
  make_store(directory, history, kEntries);
  const std::string log = fs::path(newest(directory, ".log")).filename().string();
  const std::uint64_t bytes = fs::file_size(directory + "/" + log);
  std::mt19937_64 random(1);
  std::uint64_t before = kEntries;
  // From the end, ever larger steps: byte by byte at first.
  for (std::uint64_t cut = 0; cut < bytes; cut += 1 + random() % (1 + cut / 3)) {
    const std::string copy = copied(folder, directory);
    fs::resize_file(copy + "/" + log, bytes - cut);
    const Store store = opened(copy);
    const std::uint64_t count = count_of(store);
    INFO(cut << " bytes less leave " << count << " entries");
    REQUIRE(count <= before);
    REQUIRE((cut == 0) == (count == kEntries));
    REQUIRE(contents_of(store) == history.after(count));
    CHECK(store.dropped().empty());
    before = count;
  }
  CHECK(before < kEntries / 2);
}

TEST_CASE("a log that ends in garbage or zeros is cut off there") {
  const Folder folder;
  const History history(2);
  const std::string directory = folder.path("journal");
  make_store(directory, history, kEntries);
  const std::string log = fs::path(newest(directory, ".log")).filename().string();
  const std::uint64_t bytes = fs::file_size(directory + "/" + log);
  std::mt19937_64 random(2);
  for (const char filling : {'\0', '\xFF', 'r'}) {
    for (std::uint64_t tail = 1; tail < bytes / 2; tail += 1 + random() % (1 + 2 * tail)) {
      const std::string copy = copied(folder, directory);
      std::string garbage(tail + random() % 100, filling);
      if (filling == 'r') {
        for (char& byte : garbage) {
          byte = static_cast<char>(random());
        }
      }
      overwrite(copy + "/" + log, bytes - tail, garbage);
      const Store store = opened(copy);
      INFO("a tail of " << tail << " bytes");
      REQUIRE(contents_of(store) == history.after(count_of(store)));
    }
  }
}

TEST_CASE("a log that was cut off is written on, and read again") {
  const Folder folder;
  const History history(3);
  const std::string directory = folder.path("journal");
  std::uint64_t count = 0;
  std::mt19937_64 random(3);
  for (int round = 0; round < 8; ++round) {
    {
      Store store = opened(directory);
      REQUIRE(count_of(store) <= count);
      count = count_of(store);
      REQUIRE(contents_of(store) == history.after(count));
      for (int i = 0; i < 5; ++i) {
        write(store, history.entry(++count));
      }
    }
    const std::string log = newest(directory, ".log");
    fs::resize_file(log, fs::file_size(log) - random() % 3000);
  }
}

TEST_CASE("damage in the middle of a log is refused with its place, and salvaged with its size") {
  const Folder folder;
  const History history(4);
  const std::string directory = folder.path("journal");
  make_store(directory, history, kEntries);
  const std::string log = fs::path(newest(directory, ".log")).filename().string();
  const std::uint64_t bytes = fs::file_size(directory + "/" + log);
  for (const std::uint64_t at : {bytes / 5, bytes / 2}) {
    for (const char* const damage : {"bytes", "zeros"}) {
      const std::string copy = copied(folder, directory);
      overwrite(copy + "/" + log, at, std::string(700, *damage == 'b' ? '\x77' : '\0'));
      const auto scan = scan_wal(copy + "/" + log);
      REQUIRE(scan.has_value());
      REQUIRE(scan->damages.size() == 1);
      CHECK(scan->damages.front().offset <= at);
      CHECK(scan->damages.front().offset + scan->damages.front().bytes >= at + 700);
      const std::string place = log + " at byte " + std::to_string(scan->damages.front().offset) +
                                ": " + std::to_string(scan->damages.front().bytes) +
                                " bytes cannot be read";
      CHECK(fault_of(copy) == "the journal in " + copy + " is damaged: " + place +
                                  "; --salvage opens it with what can be read, and tells what it "
                                  "drops");
      // The refusal has changed nothing.
      CHECK_THAT(fault_of(copy), Contains(place));
      {
        const Store store = opened(copy, {.when_damaged = WhenDamaged::kSalvage});
        REQUIRE(store.dropped().size() == 1);
        CHECK(store.dropped().front() == place);
        CHECK(count_of(store) == kEntries);  // Behind the damage all is read.
      }
      CHECK(count_of(opened(copy)) == kEntries);
    }
  }
}

TEST_CASE("each group of a log is found, and nothing is amiss in a good one") {
  const Folder folder;
  const History history(5, 100'000);  // Over several blocks.
  const std::string directory = folder.path("journal");
  make_store(directory, history, kEntries);
  const auto scan = scan_wal(newest(directory, ".log"));
  REQUIRE(scan.has_value());
  CHECK(scan->groups == kEntries + 1);  // The format is one.
  CHECK(scan->damages.empty());
  CHECK_FALSE(scan->is_torn());
}

// The fault of opening a journal and reading all of it, as a broker does; empty when there is none.
std::string fault_of_reading(const std::string& directory) {
  const auto store = Store::open(directory);
  if (!store) return store.error().message;
  for (const Table table : {Table::kState, Table::kPayload}) {
    const auto scanned =
        store->scan(table, "", [](std::string_view, std::string_view) { return true; });
    if (!scanned) return scanned.error().message;
  }
  return "";
}

Contents of_table(Table table, const Contents& contents) {
  Contents found;
  for (const auto& [key, value] : contents) {
    if (key.first == table) found[key] = value;
  }
  return found;
}

TEST_CASE("damage in a table is told with the file, and the rest is salvaged") {
  const Folder folder;
  const History history(6);
  const std::string directory = folder.path("journal");
  make_tables(directory, history, kEntries);
  const Contents all = history.after(kEntries);
  std::mt19937_64 random(6);
  for (const std::string& file : files(directory, ".sst")) {
    const std::string name = fs::path(file).filename().string();
    INFO(name);
    const std::string copy = copied(folder, directory);
    if (random() % 4 == 0) {
      fs::remove(copy + "/" + name);
    } else {
      overwrite(copy + "/" + name, 0, std::string(40, '\x33'));
    }
    const std::string fault = fault_of_reading(copy);
    if (fault.empty()) continue;  // Of the table that holds the format alone.
    CHECK_THAT(fault, Contains("the journal in " + copy + " is damaged: "));
    CHECK_THAT(fault, Contains(name));
    Contents kept;
    {
      const Store store = opened(copy, {.when_damaged = WhenDamaged::kSalvage});
      REQUIRE(store.dropped().size() == 1);
      const std::string& line = store.dropped().front();
      CHECK_THAT(line, Contains(name + ": a file of table "));
      kept = contents_of(store);
      // Who is well is left alone.
      if (line.find("table payload") == std::string::npos) {
        CHECK(of_table(Table::kPayload, kept) == of_table(Table::kPayload, all));
      }
      if (line.find("table state") == std::string::npos) {
        CHECK(of_table(Table::kState, kept) == of_table(Table::kState, all));
      }
      CHECK(kept.size() + 15 > all.size());
    }
    CHECK(contents_of(opened(copy)) == kept);
  }
}

TEST_CASE("a damaged payload is told when it is read, and salvaging erases no other") {
  const Folder folder;
  const std::string directory = folder.path("journal");
  {
    Store store = opened(directory);
    for (int i = 0; i < 50; ++i) {
      Entry entry;
      entry.put(Table::kPayload, KeyWriter().number(static_cast<std::uint64_t>(i)).take(),
                Bytes::own(std::string(10'000, static_cast<char>('a' + i % 26))));
      write(store, entry);
    }
  }
  {
    const Store store = opened(directory);
  }
  const std::string file = newest(directory, ".blob");
  flip_middle(file);
  int damaged = 0;
  {
    const Store store = opened(directory);
    for (std::uint64_t i = 0; i < 50; ++i) {
      const auto value = store.read(Table::kPayload, KeyWriter().number(i).take());
      if (value) continue;
      ++damaged;
      CHECK(value.error().code == Errc::kMalformed);
      CHECK_THAT(value.error().message, Contains(fs::path(file).filename().string() + " at byte "));
      CHECK_THAT(value.error().message, Contains("--salvage"));
    }
  }
  CHECK(damaged >= 1);
  CHECK(damaged <= 2);
  const Store store = opened(directory, {.when_damaged = WhenDamaged::kSalvage});
  REQUIRE(store.dropped().size() == 1);
  CHECK(store.dropped().front() ==
        "table payload: " + std::to_string(damaged) + " keys whose values cannot be read");
  CHECK(contents_of(store).size() == 50U - static_cast<unsigned>(damaged));
}

TEST_CASE("a journal without CURRENT is refused and left alone, and its tables are salvaged") {
  const Folder folder;
  const History history(8);
  const std::string directory = folder.path("journal");
  make_tables(directory, history, kEntries);
  fs::remove(directory + "/CURRENT");
  for (int i = 0; i < 2; ++i) {
    CHECK_THAT(fault_of(directory), Contains("is damaged: its file CURRENT is missing; --salvage"));
  }
  const Store store = opened(directory, {.when_damaged = WhenDamaged::kSalvage});
  CHECK_FALSE(store.dropped().empty());
  CHECK(of_table(Table::kState, contents_of(store)) ==
        of_table(Table::kState, history.after(kEntries)));
}

TEST_CASE("salvaging a new or a good journal drops nothing") {
  const Folder folder;
  const History history(9);
  const std::string directory = folder.path("journal");
  for (std::uint64_t number = 1; number < 5; ++number) {
    Store store = opened(directory, {.when_damaged = WhenDamaged::kSalvage});
    CHECK(store.dropped().empty());
    write(store, history.entry(number));
    CHECK(contents_of(store) == history.after(number));
  }
}

TEST_CASE("without its manifest a journal is refused, and its tables are salvaged") {
  const Folder folder;
  const History history(7);
  const std::string directory = folder.path("journal");
  make_tables(directory, history, kEntries);
  for (const auto& file : fs::directory_iterator(directory)) {
    if (file.path().filename().string().starts_with("MANIFEST")) flip_middle(file.path());
  }
  CHECK_THAT(fault_of(directory), Contains("the journal in " + directory + " is damaged: "));
  CHECK_THAT(fault_of(directory), Contains("MANIFEST-"));
  const Store store = opened(directory, {.when_damaged = WhenDamaged::kSalvage});
  REQUIRE(store.dropped().size() == 2);
  CHECK_THAT(store.dropped()[0], Contains("MANIFEST-"));
  CHECK_THAT(store.dropped()[1], Contains("table payload: "));
  CHECK(of_table(Table::kState, contents_of(store)) ==
        of_table(Table::kState, history.after(kEntries)));
}

}  // namespace
}  // namespace leat::journal
