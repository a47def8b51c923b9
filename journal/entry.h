// Entry is one transaction of the journal: writes that happen together or not at all.
//
// 1. It is self-contained: it says what is so from now on, never "one more than before".
// 2. It is idempotent: after a failure it may be written a second time, behind itself and the
//    entries that followed it; the state is then the same.
// 3. Its writes take effect in their order.
//
// Keys are byte strings, at most kKeyBytesMax long, ordered bytewise (journal/key.h makes them).
// Pure values; the broker's logic makes them, and journal/journal.h writes them.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/bytes.h"
#include "core/ensure.h"

namespace leat::journal {

inline constexpr std::size_t kKeyBytesMax = std::size_t{64} << 10;

enum class Table : std::uint8_t {
  kState,    // Small values, all read at start.
  kPayload,  // Large values, such as a batch's bytes; read one by one, when they are wanted.
};

struct Put {
  Table table;
  std::string key;
  Bytes value;
};

// Of a key that is not there: nothing.
struct Erase {
  Table table;
  std::string key;
};

// All keys in [from, to); nothing unless from < to.
struct EraseRange {
  Table table;
  std::string from;
  std::string to;
};

using Write = std::variant<Put, Erase, EraseRange>;

class Entry {
 public:
  // REQUIRES of all three: no key is longer than kKeyBytesMax.
  void put(Table table, std::string key, Bytes value) {
    add(key.size(), value.size());
    writes_.emplace_back(Put{table, std::move(key), std::move(value)});
  }

  void erase(Table table, std::string key) {
    add(key.size(), 0);
    writes_.emplace_back(Erase{table, std::move(key)});
  }

  void erase_range(Table table, std::string from, std::string to) {
    add(from.size(), 0);
    add(to.size(), 0);
    writes_.emplace_back(EraseRange{table, std::move(from), std::move(to)});
  }

  [[nodiscard]] const std::vector<Write>& writes() const { return writes_; }

  // What it takes in memory and on disk, about: keys, values, and 32 bytes for each write.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kWriteBytes = 32;

  void add(std::size_t key_bytes, std::size_t value_bytes) {
    ENSURE(key_bytes <= kKeyBytesMax);
    bytes_ += kWriteBytes + key_bytes + value_bytes;
  }

  std::vector<Write> writes_;
  std::size_t bytes_ = 0;  // The sum over writes_.
};

}  // namespace leat::journal
