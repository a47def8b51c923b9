// What cutting a stream costs in each framing, beside a bare memchr scan of as many lines:
//
//   framings_benchmark [BYTES_PER_RECORD ...]     by default 20, 100 and 1000
//
// Method: the same records in every framing, 8 MiB of them, come in pieces of 64 KiB, as a pipe
// gives them. Each round does the bare scan and every framing once, one after the other, so that
// what disturbs the machine disturbs all; the median of the rounds counts. It fails never: figures
// of a busy machine are no verdict.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "framing/splitter.h"
#include "framing/stream.h"
#include "io/clock.h"

namespace leat::framing {

namespace {

constexpr std::size_t kStreamBytes = std::size_t{8} << 20;
constexpr std::size_t kPieceBytes = std::size_t{64} << 10;
// Those who copy hand over a blob when it has so many, about a lease's.
constexpr std::size_t kBlobBytes = std::size_t{256} << 10;
constexpr int kRounds = 41;

// One way to cut one stream.
struct Contest {
  std::string name;
  std::string stream;
  std::function<std::size_t(std::string_view)> cut;  // Returns how many records it saw.
  std::vector<double> ns;                            // Per record, one for each round.
};

// A record of so many bytes that every framing carries: a JSON value of this many lines.
std::string record_of(std::size_t bytes, std::uint32_t lines) {
  constexpr std::size_t kAround = 4;  // Quotes and brackets.
  std::string record(lines - 1, '\n');
  record += "[\"" + std::string(bytes - std::min(bytes, kAround + lines - 1), 'x') + "\"]";
  return record;
}

template <typename Each>
void for_each_piece(std::string_view stream, const Each& each) {
  for (; !stream.empty(); stream.remove_prefix(std::min(stream.size(), kPieceBytes))) {
    each(stream.substr(0, kPieceBytes));
  }
}

std::size_t count_newlines(std::string_view stream) {
  std::size_t count = 0;
  for_each_piece(stream, [&count](std::string_view piece) {
    while (const void* const hit = std::memchr(piece.data(), '\n', piece.size())) {
      ++count;
      const auto line = static_cast<std::size_t>(static_cast<const char*>(hit) - piece.data());
      piece.remove_prefix(line + 1);
    }
  });
  return count;
}

// As the program does: where the stream is the blob it is only scanned, else records are copied.
std::size_t cut_as_framed(const Framing& framing, std::string_view stream) {
  Splitter splitter(framing);
  std::vector<std::uint32_t> lengths;
  std::string blob;
  const bool is_copied = has_headers(framing) || framing.kind == Kind::kJson;
  for_each_piece(stream, [&](std::string_view piece) {
    if (is_copied) {
      splitter.split(piece, lengths, blob);
      if (blob.size() > kBlobBytes) blob.clear();
    } else {
      splitter.scan(piece, lengths);
    }
  });
  return lengths.size();
}

std::string stream_in(const Framing& framing, const std::string& record) {
  std::string blob;
  std::vector<std::uint32_t> lengths;
  while (blob.size() < kStreamBytes) {
    const std::size_t before = blob.size();
    feed(framing, record, blob);
    lengths.push_back(
        static_cast<std::uint32_t>(blob.size() - before - terminator(framing).size()));
  }
  Records records;
  records.count = static_cast<std::uint32_t>(lengths.size());
  records.lengths = pack_lengths(lengths);
  records.blob = Bytes::own(std::move(blob));
  records.separator = terminator(framing);
  return std::string(stream_of(records, framing).view());
}

std::vector<Contest> contests_with(std::size_t record_bytes) {
  const std::vector<Framing> framings = {
      {.kind = Kind::kLines},
      {.kind = Kind::kLines, .lines = 4},
      {.kind = Kind::kBlankLine},
      {.kind = Kind::kUntil, .pattern = "\\]$"},
      {.kind = Kind::kSeparator, .separator = std::string(1, '\0')},
      {.kind = Kind::kSeparator, .separator = "--\r\n"},
      {.kind = Kind::kNetstring},
      {.kind = Kind::kLength32},
      {.kind = Kind::kJson}};
  std::vector<Contest> contests;
  contests.push_back({.name = "bare memchr",
                      .stream = stream_in(framings.front(), record_of(record_bytes, 1)),
                      .cut = count_newlines});
  for (const Framing& framing : framings) {
    contests.push_back(
        {.name = to_string(framing),
         .stream = stream_in(framing, record_of(record_bytes, framing.lines)),
         .cut = [framing](std::string_view s) { return cut_as_framed(framing, s); }});
  }
  return contests;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void run(std::size_t record_bytes) {
  std::vector<Contest> contests = contests_with(record_bytes);
  const io::MonotonicClock clock;
  for (int round = 0; round < kRounds; ++round) {
    for (Contest& contest : contests) {
      const Instant begin = clock.now();
      const std::size_t count = contest.cut(contest.stream);
      const auto ns = static_cast<double>((clock.now() - begin).count());
      contest.ns.push_back(ns / static_cast<double>(std::max<std::size_t>(count, 1)));
    }
  }
  std::printf("%zu bytes per record, median of %d rounds\n", record_bytes, kRounds);
  const double bare = median(contests.front().ns);
  for (const Contest& contest : contests) {
    const double ns = median(contest.ns);
    std::printf("  %-26s %9.1f ns/record %7.2f x\n", contest.name.c_str(), ns, ns / bare);
  }
}

}  // namespace

}  // namespace leat::framing

int main(int argc, char** argv) {
  std::vector<std::size_t> sizes;
  for (int i = 1; i < argc; ++i) {
    sizes.push_back(std::clamp<std::size_t>(std::strtoul(argv[i], nullptr, 10), 8, 1 << 20));
  }
  if (sizes.empty()) sizes = {20, 100, 1000};
  for (const std::size_t size : sizes) {
    leat::framing::run(size);
  }
  return 0;
}
