// A history of entries for the journal's tests, made by a seed, and what a store must hold after
// the first so many of them. Each entry counts itself, so that a store tells how far it has come.

#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include <catch2/catch.hpp>

#include "journal/entry.h"
#include "journal/key.h"
#include "journal/store.h"

namespace leat::journal {

// What the tables hold.
using Contents = std::map<std::pair<Table, std::string>, std::string>;

inline const std::string kCountKey = "count";

inline void fold(const Entry& entry, Contents& contents) {
  for (const Write& write : entry.writes()) {
    std::visit(
        [&contents](const auto& what) {
          using What = std::decay_t<decltype(what)>;
          if constexpr (std::is_same_v<What, Put>) {
            contents[{what.table, what.key}] = what.value.view();
          } else if constexpr (std::is_same_v<What, Erase>) {
            contents.erase({what.table, what.key});
          } else if (what.from < what.to) {
            contents.erase(contents.lower_bound({what.table, what.from}),
                           contents.lower_bound({what.table, what.to}));
          }
        },
        write);
  }
}

class History {
 public:
  explicit History(std::uint64_t seed, std::size_t value_bytes_max = 6000)
      : seed_(seed), value_bytes_max_(value_bytes_max) {}

  // Of the numbers 1, 2, 3...; the same whenever it is asked for.
  [[nodiscard]] Entry entry(std::uint64_t number) const {
    std::mt19937_64 random(seed_ * 1'000'003 + number);
    Entry entry;
    entry.put(Table::kState, kCountKey, Bytes::own(std::to_string(number)));
    for (std::uint64_t writes = 1 + random() % 4; writes > 0; --writes) {
      const Table table = random() % 3 == 0 ? Table::kState : Table::kPayload;
      const std::uint64_t what = random() % 10;
      if (what < 6) {
        entry.put(table, any_key(random), any_value(random));
      } else if (what < 9) {
        entry.erase(table, any_key(random));
      } else {
        std::string from = any_key(random);
        entry.erase_range(table, std::move(from), any_key(random));
      }
    }
    return entry;
  }

  [[nodiscard]] Contents after(std::uint64_t count) const {
    Contents contents;
    for (std::uint64_t number = 1; number <= count; ++number) {
      fold(entry(number), contents);
    }
    return contents;
  }

 private:
  // They sort before the count, so that no range erases it.
  static std::string any_key(std::mt19937_64& random) {
    return "a" + KeyWriter().number(random() % 40).take();
  }

  [[nodiscard]] Bytes any_value(std::mt19937_64& random) const {
    std::string value(random() % value_bytes_max_, '\0');
    for (char& byte : value) {
      byte = static_cast<char>(random());
    }
    return Bytes::own(std::move(value));
  }

  std::uint64_t seed_;
  std::size_t value_bytes_max_;
};

inline Contents contents_of(const Store& store) {
  Contents contents;
  for (const Table table : {Table::kState, Table::kPayload}) {
    const auto scanned = store.scan(table, "", [&](std::string_view key, std::string_view value) {
      contents[{table, std::string(key)}] = value;
      return true;
    });
    INFO((scanned ? "" : scanned.error().message));
    REQUIRE(scanned.has_value());
  }
  return contents;
}

// How many entries the store holds the state after.
inline std::uint64_t count_of(const Store& store) {
  const auto count = store.read(Table::kState, kCountKey);
  INFO((count ? "" : count.error().message));
  REQUIRE(count.has_value());
  return *count ? std::stoull(std::string((*count)->view())) : 0;
}

inline Store opened(const std::string& directory, const StoreOptions& options = {}) {
  auto store = Store::open(directory, options);
  INFO((store ? "" : store.error().message));
  REQUIRE(store.has_value());
  return *std::move(store);
}

// The error, of which there must be one.
inline std::string fault_of(const std::string& directory, const StoreOptions& options = {}) {
  const auto store = Store::open(directory, options);
  REQUIRE_FALSE(store.has_value());
  return store.error().message;
}

inline void write(Store& store, const Entry& entry) {
  const auto written = store.write({&entry, 1}, Sync::kYes);
  INFO((written ? "" : written.error().message));
  REQUIRE(written.has_value());
}

// A store that was closed after so many entries of the history, each synced by itself.
inline void make_store(const std::string& directory, const History& history, std::uint64_t count) {
  Store store = opened(directory);
  for (std::uint64_t number = 1; number <= count; ++number) {
    write(store, history.entry(number));
  }
}

}  // namespace leat::journal
