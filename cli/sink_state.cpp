#include "cli/sink_state.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace leat::cli {

namespace {

constexpr std::string_view kHead = "leat recv --to, version 1";
constexpr std::string_view kEnd = "end";
constexpr std::string_view kDigits = "0123456789abcdef";

// Bytes of any kind as one word: "a%20b".
std::string word_of(std::string_view bytes) {
  std::string word;
  for (const char c : bytes) {
    if (c > ' ' && c <= '~' && c != '%') {
      word += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    word += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return word;
}

std::optional<std::string> bytes_of(std::string_view word) {
  std::string bytes;
  while (!word.empty()) {
    if (word.front() != '%') {
      bytes += word.front();
      word.remove_prefix(1);
      continue;
    }
    if (word.size() < 3) return std::nullopt;
    const std::size_t high = kDigits.find(word[1]);
    const std::size_t low = kDigits.find(word[2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    bytes += static_cast<char>(high << 4U | low);
    word.remove_prefix(3);
  }
  return bytes;
}

std::optional<std::uint64_t> number_of(std::string_view word) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), number);
  const bool is_number = parsed.ec == std::errc{} && parsed.ptr == word.data() + word.size();
  return is_number ? std::optional(number) : std::nullopt;
}

std::string_view cut(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view first = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return first;
}

std::optional<Position> position_of(std::string_view word) {
  std::vector<std::uint64_t> path;
  while (!word.empty()) {
    const std::optional<std::uint64_t> number = number_of(cut(word, '.'));
    if (!number) return std::nullopt;
    path.push_back(*number);
  }
  if (path.empty() || path.size() > Position::kDepthMax) return std::nullopt;
  const std::uint64_t last = path.back();
  path.pop_back();
  return Position(std::move(path), last);
}

std::optional<DeliveryMark> mark_of(std::string_view words) {
  const auto number = number_of(cut(words, ' '));
  const auto incarnation = number_of(cut(words, ' '));
  const auto counter = number_of(cut(words, ' '));
  const auto first = position_of(words);
  if (!number || !incarnation || !counter || !first) return std::nullopt;
  return DeliveryMark{*number, {*incarnation, *counter}, *first};
}

// Takes line after line; after the first that is not as expected it takes none.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  void expect(std::string_view line) {
    if (take() != line) fail("expected '" + std::string(line) + "'");
  }

  void read(std::string_view name, std::string& into) {
    const std::optional<std::string> bytes = bytes_of(value(name));
    bytes ? void(into = *bytes) : fail("a word was expected");
  }

  void read(std::string_view name, std::uint64_t& into) {
    const std::optional<std::uint64_t> number = number_of(value(name));
    number ? void(into = *number) : fail("a number was expected");
  }

  void read(std::string_view name, std::vector<DeliveryMark>& into) {
    std::uint64_t count = 0;
    read(name, count);
    for (; count > 0 && !fault_; --count) {
      const std::optional<DeliveryMark> mark = mark_of(take());
      mark ? into.push_back(*mark) : fail("a delivery was expected");
    }
  }

  [[nodiscard]] const std::optional<std::string>& fault() const { return fault_; }

 private:
  std::string_view take() {
    ++line_;
    return cut(rest_, '\n');
  }

  std::string_view value(std::string_view name) {
    std::string_view line = take();
    if (cut(line, ' ') != name) fail("expected '" + std::string(name) + "'");
    return line;
  }

  void fail(const std::string& what) {
    if (!fault_) fault_ = "line " + std::to_string(line_) + ": " + what;
  }

  std::string_view rest_;
  int line_ = 0;
  std::optional<std::string> fault_;
};

}  // namespace

std::string to_text(const SinkState& state) {
  std::string text(kHead);
  const auto put = [&text](const char* name, const std::string& value) {
    text += "\n" + std::string(name) + " " + value;
  };
  put("pipeline", word_of(state.pipeline));
  put("group", word_of(state.group));
  put("producer", word_of(state.producer));
  put("consumer", word_of(state.consumer));
  put("epoch", std::to_string(state.epoch));
  put("delivery", std::to_string(state.delivery));
  put("length", std::to_string(state.length));
  put("owed", word_of(state.owed_terminator));
  put("complete", state.is_complete ? "1" : "0");
  put("unconfirmed", std::to_string(state.unconfirmed.size()));
  for (const DeliveryMark& mark : state.unconfirmed) {
    put(std::to_string(mark.number).c_str(), std::to_string(mark.producer.incarnation) + " " +
                                                 std::to_string(mark.producer.counter) + " " +
                                                 to_string(mark.first));
  }
  return text + "\n" + std::string(kEnd) + "\n";
}

Result<SinkState> parse_sink_state(const std::string& text) {
  Lines lines(text);
  SinkState state;
  std::uint64_t complete = 0;
  lines.expect(kHead);
  lines.read("pipeline", state.pipeline);
  lines.read("group", state.group);
  lines.read("producer", state.producer);
  lines.read("consumer", state.consumer);
  lines.read("epoch", state.epoch);
  lines.read("delivery", state.delivery);
  lines.read("length", state.length);
  lines.read("owed", state.owed_terminator);
  lines.read("complete", complete);
  lines.read("unconfirmed", state.unconfirmed);
  lines.expect(kEnd);
  if (lines.fault()) return failure(Errc::kMalformed, *lines.fault());
  state.is_complete = complete != 0;
  return state;
}

}  // namespace leat::cli
