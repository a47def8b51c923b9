#include "journal/wal_scan.h"

#include <array>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "io/fd.h"
#include "io/system_error.h"
#include "journal/crc32c.h"

namespace leat::journal {

namespace {

// RocksDB's log format: blocks, in them fragments of a header (checksum, length, kind) and bytes. A
// block's last bytes, fewer than a header, are filled with zeros.
constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kLengthAt = 4;
constexpr std::size_t kKindAt = 6;

enum class Kind : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Fragment {
  Kind kind;
  std::size_t bytes;  // With its header.
};

std::uint32_t byte_at(std::string_view bytes, std::size_t place) {
  return static_cast<unsigned char>(bytes[place]);
}

std::uint32_t number_at(std::string_view bytes, std::size_t place, std::size_t count) {
  std::uint32_t number = 0;
  for (std::size_t i = count; i > 0; --i) {
    number = number << 8 | byte_at(bytes, place + i - 1);
  }
  return number;
}

// So that a log inside a log is not taken for one.
std::uint32_t masked(std::uint32_t crc) {
  return (crc >> 15 | crc << 17) + 0xA282EAD8U;
}

std::size_t length_at(std::string_view rest) {
  return kHeaderBytes + number_at(rest, kLengthAt, 2);
}

// The fragment that `rest` of a block begins with, if it is whole.
std::optional<Fragment> fragment_at(std::string_view rest) {
  if (rest.size() < kHeaderBytes || rest.size() < length_at(rest)) return std::nullopt;
  const std::uint32_t kind = byte_at(rest, kKindAt);
  if (kind < std::uint32_t{1} || kind > std::uint32_t{4}) return std::nullopt;
  const std::string_view checked = rest.substr(kKindAt, length_at(rest) - kKindAt);
  if (masked(crc32c(0, checked)) != number_at(rest, 0, kLengthAt)) return std::nullopt;
  return Fragment{static_cast<Kind>(kind), length_at(rest)};
}

class Scanner {
 public:
  void take_block(std::string_view block, std::uint64_t at) {
    std::size_t place = 0;
    while (block.size() - place >= kHeaderBytes) {
      const std::string_view rest = block.substr(place);
      if (const auto fragment = fragment_at(rest)) {
        take(*fragment, at + place);
        place += fragment->bytes;
      } else {
        lose(at + place);
        // Its length may be right all the same.
        const std::size_t next = length_at(rest);
        if (next >= rest.size() || !fragment_at(rest.substr(next))) break;
        place += next;
      }
    }
    scan_.file_bytes = at + block.size();
    const bool is_filled = block.size() == kBlockBytes && place + kHeaderBytes > block.size();
    if (is_filled && !group_ && !lost_) scan_.whole_bytes = scan_.file_bytes;
  }

  [[nodiscard]] WalScan take_scan() { return std::move(scan_); }

 private:
  void take(const Fragment& fragment, std::uint64_t at) {
    const bool begins = fragment.kind == Kind::kFull || fragment.kind == Kind::kFirst;
    const bool ends = fragment.kind == Kind::kFull || fragment.kind == Kind::kLast;
    if (begins == group_.has_value()) lose(at);  // One that never ended, or never began.
    if (begins) {
      tell_lost(at);
      group_ = at;
    }
    if (!ends || !group_) return;
    group_.reset();
    ++scan_.groups;
    scan_.whole_bytes = at + fragment.bytes;
  }

  // What is under way, or else what is here, cannot be read.
  void lose(std::uint64_t at) {
    if (!lost_) lost_ = group_.value_or(at);
    group_.reset();
  }

  void tell_lost(std::uint64_t until) {
    if (lost_ && scan_.damages.size() < WalScan::kDamagesMax) {
      scan_.damages.push_back({.offset = *lost_, .bytes = until - *lost_});
    }
    lost_.reset();
  }

  WalScan scan_;
  std::optional<std::uint64_t> group_;  // Where the one began that is under way.
  std::optional<std::uint64_t> lost_;   // Where it began that nothing whole has followed yet.
};

tl::unexpected<Error> unreadable(const std::string& path) {
  return io::system_failure(Errc::kSystem, "cannot read " + path);
}

// Fills `block` unless the file ends before; -1: errno says why not.
ssize_t read_block(int fd, std::array<char, kBlockBytes>& block) {
  std::size_t got = 0;
  while (got < block.size()) {
    const ssize_t more = ::read(fd, block.data() + got, block.size() - got);
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return -1;
    if (more == 0) break;
    got += static_cast<std::size_t>(more);
  }
  return static_cast<ssize_t>(got);
}

}  // namespace

Result<WalScan> scan_wal(const std::string& path) {
  const io::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return unreadable(path);
  (void)::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  Scanner scanner;
  std::array<char, kBlockBytes> block{};
  std::uint64_t at = 0;
  while (true) {
    const ssize_t got = read_block(file.get(), block);
    if (got < 0) return unreadable(path);
    if (got == 0) return scanner.take_scan();
    scanner.take_block({block.data(), static_cast<std::size_t>(got)}, at);
    at += static_cast<std::uint64_t>(got);
  }
}

}  // namespace leat::journal
