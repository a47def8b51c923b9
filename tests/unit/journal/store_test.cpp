#include "journal/store.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include "tests/support/folder.h"
#include "tests/unit/journal/history.h"

namespace leat::journal {
namespace {

using Catch::Matchers::Contains;
using tests::Folder;

// Writes into RocksDB's own family, behind the store's back.
void put_raw(const std::string& directory, const std::string& key, const std::string& value) {
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const char* const name : {"default", "state", "payload"}) {
    families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  REQUIRE(rocksdb::DB::Open(rocksdb::DBOptions(), directory, families, &handles, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  REQUIRE(db->Put(rocksdb::WriteOptions(), key, value).ok());
  for (rocksdb::ColumnFamilyHandle* const handle : handles) {
    REQUIRE(db->DestroyColumnFamilyHandle(handle).ok());
  }
}

TEST_CASE("what was written is read, and nothing else") {
  const Folder folder;
  Store store = opened(folder.path("journal"));
  Entry entry;
  entry.put(Table::kState, "key", Bytes::copy("small"));
  entry.put(Table::kPayload, "key", Bytes::copy("large"));
  entry.put(Table::kPayload, "", Bytes::copy("of the empty key"));
  entry.put(Table::kPayload, "empty", Bytes());
  write(store, entry);
  CHECK(store.read(Table::kState, "key").value()->view() == "small");
  CHECK(store.read(Table::kPayload, "key").value()->view() == "large");
  CHECK(store.read(Table::kPayload, "").value()->view() == "of the empty key");
  CHECK(store.read(Table::kPayload, "empty").value()->empty());
  CHECK_FALSE(store.read(Table::kState, "").value().has_value());
  CHECK_FALSE(store.read(Table::kState, "empty").value().has_value());
}

TEST_CASE("a scan sees the keys of a prefix, in order, until it is told to stop") {
  const Folder folder;
  Store store = opened(folder.path("journal"));
  Entry entry;
  for (const char* const key : {"b2", "a", "b", "c", "b\xFF", "b1"}) {
    entry.put(Table::kState, key, Bytes::copy("x"));
  }
  entry.put(Table::kPayload, "b3", Bytes::copy("x"));
  write(store, entry);
  std::vector<std::string> keys;
  const auto take = [&keys](std::string_view key, std::string_view value) {
    CHECK(value == "x");
    keys.emplace_back(key);
    return keys.size() < 5;
  };
  REQUIRE(store.scan(Table::kState, "b", take).has_value());
  CHECK(keys == std::vector<std::string>{"b", "b1", "b2", "b\xFF"});
  keys.clear();
  REQUIRE(store.scan(Table::kState, "", take).has_value());
  CHECK(keys == std::vector<std::string>{"a", "b", "b1", "b2", "b\xFF"});
}

TEST_CASE("writes of an entry take effect in their order, across the tables") {
  const Folder folder;
  Store store = opened(folder.path("journal"));
  Entry entry;
  entry.put(Table::kState, "k1", Bytes::copy("old"));
  entry.erase_range(Table::kState, "k", "l");
  entry.put(Table::kState, "k2", Bytes::copy("new"));
  entry.put(Table::kPayload, "k1", Bytes::copy("kept"));
  entry.erase(Table::kState, "never there");
  entry.erase_range(Table::kState, "z", "a");  // Nothing lies from z to a.
  write(store, entry);
  CHECK(contents_of(store) ==
        Contents{{{Table::kState, "k2"}, "new"}, {{Table::kPayload, "k1"}, "kept"}});
}

TEST_CASE("a store that is opened again holds the fold of its entries") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Folder folder;
    const History history(seed);
    // So small that tables are written, merged and rid of garbage on the way.
    const StoreOptions options{.buffer_bytes = std::size_t{64} << 10};
    std::uint64_t count = 0;
    for (const std::uint64_t until : {100U, 101U, 400U}) {
      Store store = opened(folder.path("journal"), options);
      REQUIRE(contents_of(store) == history.after(count));
      while (count < until) {
        std::array<Entry, 3> entries;
        for (Entry& entry : entries) {
          entry = history.entry(++count);
        }
        REQUIRE(store.write(entries, count % 2 == 0 ? Sync::kYes : Sync::kNo).has_value());
      }
      REQUIRE(store.sync().has_value());
      REQUIRE(contents_of(store) == history.after(count));
    }
    CHECK(contents_of(opened(folder.path("journal"))) == history.after(count));
  }
}

TEST_CASE("entries that are written a second time, with all that followed them, change nothing") {
  const Folder folder;
  const History history(7);
  make_store(folder.path("journal"), history, 60);
  Store store = opened(folder.path("journal"));
  for (std::uint64_t number = 31; number <= 60; ++number) {
    write(store, history.entry(number));
  }
  CHECK(contents_of(store) == history.after(60));
}

TEST_CASE("a store that is reopened goes on where it was") {
  const Folder folder;
  const History history(8);
  Store store = opened(folder.path("journal"));
  for (std::uint64_t number = 1; number <= 20; ++number) {
    if (number % 5 == 0) REQUIRE(store.reopen().has_value());
    write(store, history.entry(number));
  }
  CHECK(contents_of(store) == history.after(20));
}

TEST_CASE("a directory that is open is refused a second time, and left alone") {
  const Folder folder;
  const History history(9);
  const std::string directory = folder.path("journal");
  Store store = opened(directory);
  write(store, history.entry(1));
  CHECK(fault_of(directory) ==
        "the journal in " + directory +
            " is open in another process; end it, or give another directory");
  write(store, history.entry(2));
  CHECK(contents_of(store) == history.after(2));
}

TEST_CASE("a directory that is made is for its owner alone") {
  const Folder folder;
  const Store store = opened(folder.path("journal"));
  CHECK(folder.mode("journal") == 0700);
}

TEST_CASE("a directory that cannot be made is told with its name") {
  const Folder folder;
  const std::string directory = folder.path("none/journal");
  CHECK(fault_of(directory) ==
        "cannot make the directory " + directory + ": No such file or directory");
  const std::string file = folder.write("file", "text");
  CHECK_THAT(fault_of(file), Contains(file));
}

TEST_CASE("a journal of a newer format is refused") {
  const Folder folder;
  const std::string directory = folder.path("journal");
  make_store(directory, History(1), 3);
  put_raw(directory, "format", "2");
  CHECK(fault_of(directory) ==
        "the journal in " + directory +
            " has format 2, and this program knows formats up to 1: use the version of leat that "
            "wrote it, or a later one");
  put_raw(directory, "format", "none");
  CHECK_THAT(fault_of(directory), Contains("its format is told as 'none'"));
  put_raw(directory, "format", "1");
  CHECK(contents_of(opened(directory)) == History(1).after(3));
}

TEST_CASE("tables that are not known are those of a newer format, or of another program") {
  const Folder folder;
  for (const char* const format : {"", "2"}) {
    const std::string directory = folder.path(std::string("journal") + format);
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* opened = nullptr;
    REQUIRE(rocksdb::DB::Open(options, directory, &opened).ok());
    std::unique_ptr<rocksdb::DB> db(opened);
    rocksdb::ColumnFamilyHandle* family = nullptr;
    REQUIRE(db->CreateColumnFamily(rocksdb::ColumnFamilyOptions(), "index", &family).ok());
    REQUIRE(db->DestroyColumnFamilyHandle(family).ok());
    if (*format != '\0') REQUIRE(db->Put(rocksdb::WriteOptions(), "format", format).ok());
    db.reset();
    CHECK_THAT(fault_of(directory),
               Contains(*format != '\0' ? "has format 2, and this program knows"
                                        : "holds a database that is no journal of leat"));
  }
}

TEST_CASE("a probe leaves nothing behind") {
  const Folder folder;
  const Store store = opened(folder.path("journal"));
  REQUIRE(store.probe(3'000'000).has_value());
  CHECK_FALSE(folder.has("journal/probe"));
}

}  // namespace
}  // namespace leat::journal
