#include "node/stderr_log.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace leat::node {

namespace {

using namespace std::chrono_literals;

constexpr Duration kPeriod = 1s;
// What a line takes besides its text.
constexpr std::size_t kLineCost = 16;

std::size_t cost(const std::string& text) {
  return text.empty() ? 0 : text.size() + kLineCost;
}

wire::LogLine told(std::uint32_t replica, Instant at, const std::optional<Position>& record,
                   std::string text, Instant now) {
  return {.replica = replica,
          .age_ns = static_cast<std::uint64_t>(std::max(now - at, Duration(0)).count()),
          .record = record ? to_string(*record) : "",
          .text = std::move(text)};
}

// Eight bytes at a time: byte by byte it would be the dearest part of reading them.
std::uint64_t count_newlines(std::string_view bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kLow = kOnes * 0x7f;
  std::uint64_t count = 0;
  std::uint64_t word = 0;
  for (; bytes.size() >= sizeof word; bytes.remove_prefix(sizeof word)) {
    std::memcpy(&word, bytes.data(), sizeof word);
    const std::uint64_t differs = word ^ (kOnes * '\n');  // 0 where there is one.
    const std::uint64_t is_newline = ~(((differs & kLow) + kLow) | differs | kLow);
    count += (is_newline >> 7) * kOnes >> 56;
  }
  return count + static_cast<std::uint64_t>(std::ranges::count(bytes, '\n'));
}

std::string shown(bool is_cut, const std::string& text) {
  return (is_cut ? "..." : "") + text;
}

}  // namespace

void StderrLog::add(const Speaker& speaker, std::string_view bytes) {
  begin_period(speaker.now);
  Unended& line = unended_[speaker.replica];
  if (line.tool != speaker.tool) {
    if (!line.line.text.empty()) end_line(line);
    line.is_left_out = false;
  }
  line.tool = speaker.tool;
  while (!bytes.empty()) {
    if (line.is_left_out || is_over_rate()) {
      bytes.remove_prefix(leave_out(line, speaker, bytes));
      continue;
    }
    const std::string_view part = bytes.substr(0, bytes.find('\n'));
    extend(line, speaker, part);
    if (part.size() == bytes.size()) break;
    end_line(line);
    bytes.remove_prefix(part.size() + 1);
  }
  make_room(speaker.replica);
}

void StderrLog::begin_period(Instant now) {
  if (now - period_since_ < kPeriod) return;
  period_since_ = now;
  period_lines_ = 0;
  period_bytes_ = 0;
  if (left_out_.bytes_left_out > 0) push(std::exchange(left_out_, {}));
}

bool StderrLog::is_over_rate() const {
  return period_lines_ >= kLinesPerSecond || period_bytes_ >= kBytesPerSecond;
}

std::size_t StderrLog::leave_out(Unended& line, const Speaker& speaker, std::string_view bytes) {
  // What was kept of the line stays, and looks like one; the rest of it goes with the others.
  if (!line.line.text.empty()) end_line(line);
  const std::size_t newline = is_over_rate() ? bytes.rfind('\n') : bytes.find('\n');
  const bool ends = newline != std::string_view::npos;
  const std::size_t size = is_over_rate() || !ends ? bytes.size() : newline + 1;
  line.is_left_out = !ends || newline + 1 < size;
  left_out_.at = speaker.now;
  left_out_.bytes_left_out += size;
  left_out_.lines_left_out += count_newlines(bytes.substr(0, size));
  return size;
}

void StderrLog::extend(Unended& line, const Speaker& speaker, std::string_view part) {
  period_bytes_ += part.size();
  std::string& text = line.line.text;
  unended_bytes_ -= cost(text);
  line.line.replica = speaker.replica;
  line.line.at = speaker.now;
  line.line.record = speaker.record;
  // Of a long part no more than what stays is copied.
  line.is_cut = line.is_cut || text.size() + part.size() > kLineBytesMax;
  text.append(part.substr(part.size() - std::min(part.size(), kLineBytesMax)));
  if (text.size() > kLineBytesMax) text.erase(0, text.size() - kLineBytesMax);
  unended_bytes_ += cost(text);
}

void StderrLog::end_line(Unended& line) {
  ++period_lines_;
  unended_bytes_ -= cost(line.line.text);
  line.line.text = shown(std::exchange(line.is_cut, false), line.line.text);
  push(std::exchange(line.line, {}));
}

void StderrLog::push(Line line) {
  bytes_ += line.text.size() + kLineCost;
  lines_.push_back(std::move(line));
}

void StderrLog::make_room(std::uint32_t newest) {
  while (!lines_.empty() && bytes_ + unended_bytes_ > kBytesMax) {
    bytes_ -= lines_.front().text.size() + kLineCost;
    lines_.pop_front();
  }
  for (auto& [replica, line] : unended_) {
    if (unended_bytes_ <= kBytesMax) return;
    if (replica == newest || line.line.text.empty()) continue;
    unended_bytes_ -= cost(line.line.text);
    line.line.text.clear();
    line.is_cut = true;
  }
}

std::vector<wire::LogLine> StderrLog::lines(Instant now) const {
  std::vector<wire::LogLine> all;
  const auto add = [&all, now](const Line& line, std::string text) {
    all.push_back(told(line.replica, line.at, line.record, std::move(text), now));
    all.back().lines_left_out = line.lines_left_out;
    all.back().bytes_left_out = line.bytes_left_out;
  };
  for (const Line& line : lines_) {
    add(line, line.text);
  }
  for (const auto& [replica, line] : unended_) {
    if (!line.line.text.empty()) add(line.line, shown(line.is_cut, line.line.text));
  }
  if (left_out_.bytes_left_out > 0) add(left_out_, "");
  return all;
}

}  // namespace leat::node
