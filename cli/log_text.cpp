#include "cli/log_text.h"

#include <algorithm>

#include "cli/time_text.h"
#include "core/utf8.h"
#include "core/words.h"

namespace leat::cli {

namespace {

using Clock = std::chrono::system_clock;

struct Row {
  Clock::time_point at;
  std::string text;
};

std::string body(const wire::LogLine& line, Bytes bytes) {
  if (line.bytes_left_out > 0) {
    return "... " + count_of(line.lines_left_out, "line") + " (" +
           count_of(line.bytes_left_out, "byte") + ") left out";
  }
  const std::string record = line.record.empty() ? "" : "[record " + line.record + "] ";
  return record + (bytes == Bytes::kEscaped ? escaped(line.text) : line.text);
}

std::string place(const wire::Logs& logs, const wire::LogLine& line) {
  const std::string replica = line.bytes_left_out > 0 ? "" : "/" + std::to_string(line.replica);
  return logs.stage + replica + "@" + logs.node;
}

std::size_t character_at(std::string_view bytes) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(4, bytes.size()); ++size) {
    if (is_utf8(bytes.substr(0, size))) return size;
  }
  return 0;
}

// DEL, and those below the blank; in UTF-8 also U+0080 to U+009F, which terminals obey, too.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return (first < 0x20 && first != '\t') || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

std::string as_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.append("\\x").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return text;
}

}  // namespace

std::string escaped(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const std::size_t size = character_at(bytes);
    const std::string_view character = bytes.substr(0, std::max<std::size_t>(size, 1));
    const bool is_shown = size > 0 && !is_control(character);
    text += is_shown ? std::string(character) : as_hex(character);
    bytes.remove_prefix(character.size());
  }
  return text;
}

std::string log_text(const std::vector<wire::Logs>& all, Clock::time_point now, Bytes bytes) {
  std::vector<Row> rows;
  for (const wire::Logs& logs : all) {
    for (const wire::LogLine& line : logs.lines) {
      // An age is the node's word: beyond a year it is none.
      constexpr std::chrono::nanoseconds kMost = std::chrono::hours(24 * 366);
      const auto most = static_cast<std::uint64_t>(kMost.count());
      const std::chrono::nanoseconds age(std::min(line.age_ns, most));
      const auto at = now - std::chrono::duration_cast<Clock::duration>(age);
      rows.push_back({at, place(logs, line) + " " + body(line, bytes)});
    }
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.at < b.at; });
  std::string text;
  for (const Row& row : rows) {
    text += time_text(row.at) + " " + row.text + "\n";
  }
  return text;
}

}  // namespace leat::cli
