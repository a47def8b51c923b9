#include "cli/probe_sample.h"

#include <algorithm>
#include <cstdint>

#include "framing/splitter.h"

namespace leat::cli {

namespace {

std::string_view record_at(const Cut& cut, std::string_view stream, std::size_t i) {
  const std::size_t begin = i == 0 ? 0 : cut.ends[i - 1];
  return stream.substr(begin, cut.ends[i] - begin);
}

// Of framings with a terminator.
Cut cut_by_scan(const framing::Framing& framing, std::string_view stream) {
  framing::Splitter splitter(framing);
  std::vector<std::uint32_t> lengths;
  splitter.scan(stream, lengths);
  Cut cut;
  std::size_t at = 0;
  for (const std::uint32_t length : lengths) {
    at += length + framing::terminator(framing).size();
    cut.ends.push_back(at);
  }
  cut.is_clean = at == stream.size();
  return cut;
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Of netstring, length32 and json. Whitespace behind a value is taken to be the value's.
Cut cut_by_pass(const framing::Framing& framing, std::string_view stream) {
  framing::Splitter splitter(framing);
  Cut cut;
  std::size_t at = 0;
  while (at < stream.size() && !splitter.malformed()) {
    const auto passed = splitter.pass(stream.substr(at));
    at += passed.used;
    if (!passed.is_end && passed.used == 0) break;
    if (!passed.is_end) continue;
    while (framing.kind == framing::Kind::kJson && at < stream.size() && is_space(stream[at])) {
      ++at;
    }
    cut.ends.push_back(at);
  }
  // A number has no end but the stream's.
  const auto last = splitter.end();
  if (last == framing::Splitter::Last::kTerminated) cut.ends.push_back(at);
  const std::size_t end = cut.ends.empty() ? 0 : cut.ends.back();
  cut.is_clean = !splitter.malformed() && end == stream.size();
  return cut;
}

// The largest prime up to n: windows of so many records fit no tool that takes several at a time.
std::size_t prime_below(std::size_t n) {
  const auto is_prime = [](std::size_t number) {
    for (std::size_t i = 2; i * i <= number; ++i) {
      if (number % i == 0) return false;
    }
    return true;
  };
  while (n > 2 && !is_prime(n)) {
    --n;
  }
  return n;
}

// The last third, the middle, the first; and once more in their own order, so that they are sorted
// in no direction.
std::vector<std::size_t> in_two_orders(std::size_t records) {
  const std::size_t third = prime_below(std::max<std::size_t>(records / 3, 1));
  std::vector<std::size_t> order;
  for (std::size_t end = records; end > 0;) {
    const std::size_t begin = end - std::min(end, third);
    for (std::size_t i = begin; i < end; ++i) {
      order.push_back(i);
    }
    end = begin;
  }
  for (std::size_t i = 0; i < records; ++i) {
    order.push_back(i);
  }
  return order;
}

}  // namespace

Cut cut(const framing::Framing& framing, std::string_view stream) {
  if (framing.kind == framing::Kind::kWhole) return {.ends = {stream.size()}, .is_clean = true};
  const bool has_scanner = framing::has_headers(framing) || framing.kind == framing::Kind::kJson;
  return has_scanner ? cut_by_pass(framing, stream) : cut_by_scan(framing, stream);
}

std::optional<std::size_t> count_exactly(const framing::Framing& framing, std::string_view stream) {
  const Cut records = cut(framing, stream);
  if (!records.is_clean) return std::nullopt;
  return records.ends.size();
}

std::string take_records(const framing::Framing& framing, std::string_view stream,
                         std::size_t records_max) {
  const Cut records = cut(framing, stream);
  if (records.ends.size() >= records_max) {
    return std::string(stream.substr(0, records.ends[records_max - 1]));
  }
  const std::size_t end = records.ends.empty() ? 0 : records.ends.back();
  std::string taken(stream);
  if (records.is_clean) return taken;
  // As it lies, but with an end: the tool's answer to half a record tells nothing.
  if (framing::may_lack_terminator(framing)) {
    if (framing.kind == framing::Kind::kBlankLine && !taken.ends_with('\n')) taken += '\n';
    taken += framing::terminator(framing);
    if (cut(framing, taken).ends.size() == records.ends.size() + 1) return taken;
  }
  taken.resize(end);
  return taken;
}

std::vector<std::string> records_of(const framing::Framing& framing, std::string_view stream) {
  std::vector<std::string> records;
  std::vector<std::uint32_t> lengths;
  std::string blob;
  framing::Splitter splitter(framing);
  splitter.split(stream, lengths, blob);
  const std::size_t behind = framing::terminator(framing).size();
  std::size_t at = 0;
  for (const std::uint32_t length : lengths) {
    records.push_back(blob.substr(at, length));
    at += length + behind;
  }
  return records;
}

Shuffled shuffle(const framing::Framing& framing, std::string_view stream) {
  const Cut records = cut(framing, stream);
  std::vector<std::size_t> order = in_two_orders(records.ends.size());
  const std::size_t window = prime_below(std::max<std::size_t>(order.size() / 3, 2));
  while (order.size() <= window) {
    order.insert(order.end(), order.begin(), order.end());
  }
  Shuffled shuffled{.stream = {}, .window_records = window};
  std::size_t count = 0;
  std::size_t before = 0;
  for (const std::size_t i : order) {
    if (count > 0 && count % window == 0) {
      shuffled.stream += record_at(records, stream, before);
      ++count;
    }
    shuffled.stream += record_at(records, stream, i);
    ++count;
    before = i;
  }
  return shuffled;
}

}  // namespace leat::cli
