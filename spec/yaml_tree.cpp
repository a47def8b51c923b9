#include "spec/yaml_tree.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <optional>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "spec/plain_text.h"

namespace leat::spec {

namespace {

constexpr std::size_t kQuotedBytesMax = 60;

// yaml-cpp has marks of -1 for what is nowhere.
Mark place(const YAML::Mark& mark) {
  const auto number = [](int value) { return static_cast<std::size_t>(std::max(value, 0)); };
  return {number(mark.line), number(mark.column)};
}

// Whether text that begins with a quote lacks its end: for yaml-cpp the text's end may close it,
// and all that follows is then in it. Within, the quote is written twice, or after a backslash.
bool is_unclosed_quote(std::string_view text) {
  if (!text.starts_with('\'') && !text.starts_with('"')) return false;
  const char quote = text.front();
  for (std::size_t at = 1; at < text.size(); ++at) {
    const bool is_doubled = quote == '\'' && text.substr(at).starts_with("''");
    const bool is_escape = quote == '"' && text[at] == '\\';
    if (is_doubled || is_escape) {
      ++at;
    } else if (text[at] == quote) {
      return false;
    }
  }
  return true;
}

std::string hex(char c) {
  std::array<char, 8> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "0x%02x",
                                  static_cast<unsigned>(static_cast<unsigned char>(c))));
  return text.data();
}

// Builds the tree from the parser's events. After the first fault it ignores what comes; the
// events, and so the time, are bounded by the text because aliases are not followed.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string_view text) : text_(text) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) fail(mark, "found a second document, expected one pipeline in the file");
  }

  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (accepts(mark, "?", anchor)) add(make(YamlValue::Kind::kNothing, mark));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    fail(mark, "found an alias (*), expected the value itself: aliases are not followed");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (!accepts(mark, tag, anchor)) return;
    if (is_unclosed_quote(from(mark))) {
      return fail(mark, "found a quote that is not closed, expected its closing quote");
    }
    YamlValue yaml = make(YamlValue::Kind::kScalar, mark);
    yaml.text = value;
    yaml.is_quoted = tag == "!";
    add(std::move(yaml));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    if (accepts(mark, tag, anchor)) open(make(YamlValue::Kind::kList, mark));
  }

  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    if (accepts(mark, tag, anchor)) open(make(YamlValue::Kind::kMap, mark));
  }

  void OnMapEnd() override { close(); }

  // What the parser's exception says, unless there is an earlier fault.
  void note(const YAML::Exception& error) {
    const bool lacks_bracket = error.msg.find("flow not found") != std::string::npos;
    if (lacks_bracket && !open_.empty()) {
      return fail(open_.back().yaml.mark, "found " + describe(open_.back().yaml) +
                                              " whose end is missing, expected commas and a "
                                              "closing bracket");
    }
    fail(error.mark, "found what is not YAML (" + error.msg +
                         "), expected keys and values, indented with spaces");
  }

  [[nodiscard]] bool has_failed() const { return fault_.has_value(); }

  [[nodiscard]] Read<YamlValue> take() {
    if (fault_) return tl::unexpected<Fault>(*std::move(fault_));
    return std::move(root_);
  }

 private:
  struct Open {
    YamlValue yaml;
    YamlValue key;  // Map: of the value that comes next, if has_key.
    bool has_key = false;
  };

  static YamlValue make(YamlValue::Kind kind, const YAML::Mark& mark) {
    YamlValue yaml;
    yaml.kind = kind;
    yaml.mark = place(mark);
    return yaml;
  }

  void fail(Mark mark, std::string message) {
    if (!fault_) fault_ = Fault{mark, std::move(message)};
  }

  void fail(const YAML::Mark& mark, std::string message) { fail(place(mark), std::move(message)); }

  [[nodiscard]] std::string_view from(const YAML::Mark& mark) const {
    const auto offset = static_cast<std::size_t>(std::max(mark.pos, 0));
    return text_.substr(std::min(offset, text_.size()));
  }

  bool accepts(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const bool has_tag = from(mark).starts_with('!') || (!tag.empty() && tag != "?" && tag != "!");
    if (anchor != 0) {
      fail(mark, "found an anchor (&), expected a plain value: anchors are not read");
    } else if (has_tag) {
      fail(mark, "found a tag (!), expected a plain value: tags are not read");
    } else if (++values_ > kValuesMax) {
      fail(mark, "found more than " + std::to_string(kValuesMax) + " values, expected fewer");
    }
    return !has_failed();
  }

  void open(YamlValue yaml) {
    if (open_.size() == kDepthMax) {
      return fail(yaml.mark, "found nesting deeper than " + std::to_string(kDepthMax) +
                                 " levels, expected a pipeline's few");
    }
    if (awaits_key()) return fail_as_key(yaml);
    open_.push_back({std::move(yaml), YamlValue(), false});
  }

  void close() {
    if (has_failed()) return;
    YamlValue yaml = std::move(open_.back().yaml);
    open_.pop_back();
    add(std::move(yaml));
  }

  [[nodiscard]] bool awaits_key() const {
    return !open_.empty() && open_.back().yaml.kind == YamlValue::Kind::kMap &&
           !open_.back().has_key;
  }

  void fail_as_key(const YamlValue& yaml) {
    const bool is_nothing = yaml.kind == YamlValue::Kind::kNothing;
    fail(yaml.mark, "found " + describe(yaml) +
                        (is_nothing ? " as a key, expected a word"
                                    : " as a key or without its end, expected a word or the end"));
  }

  void add(YamlValue yaml) {
    if (open_.empty()) {
      root_ = std::move(yaml);
    } else if (awaits_key()) {
      add_key(std::move(yaml));
    } else if (open_.back().has_key) {
      add_value(std::move(yaml));
    } else {
      open_.back().yaml.items.push_back(std::move(yaml));
    }
  }

  void add_key(YamlValue key) {
    if (key.kind != YamlValue::Kind::kScalar) return fail_as_key(key);
    if (const YamlValue::Entry* first = open_.back().yaml.find(key.text)) {
      return fail(key.mark, "found the key " + quoted(key.text) +
                                " a second time, expected it once: the first is in line " +
                                std::to_string(first->key_mark.line + 1));
    }
    open_.back().key = std::move(key);
    open_.back().has_key = true;
  }

  void add_value(YamlValue value) {
    YamlValue key = std::move(open_.back().key);
    open_.back().has_key = false;
    if (value.kind == YamlValue::Kind::kNothing) value.mark = key.mark;
    open_.back().yaml.entries.push_back({std::move(key.text), key.mark, std::move(value)});
  }

  std::string_view text_;   // What the parser reads.
  std::vector<Open> open_;  // Lists and maps begun and not ended, outermost first.
  YamlValue root_;
  std::optional<Fault> fault_;
  std::size_t values_ = 0;     // Begun so far.
  std::size_t documents_ = 0;  // Begun so far.
};

Read<YamlValue> build_tree(std::string_view text) {
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(text);
  try {
    YAML::Parser parser(stream);
    while (!builder.has_failed() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    builder.note(error);
  } catch (const std::exception& error) {
    return fault({}, std::string("found what no YAML reader can hold (") + error.what() +
                         "), expected a pipeline");
  }
  return builder.take();
}

}  // namespace

const YamlValue::Entry* YamlValue::find(std::string_view key) const {
  const auto found =
      std::ranges::find_if(entries, [&](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

std::string quoted(std::string_view text) {
  const std::string_view start = shortened(text, kQuotedBytesMax);
  std::string result = "'";
  for (const char c : start) {
    if (c == '\n') {
      result += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += "\\x" + hex(c).substr(2);
    } else {
      result += c;
    }
  }
  return result + (start.size() < text.size() ? "...'" : "'");
}

std::string describe(const YamlValue& yaml) {
  switch (yaml.kind) {
    case YamlValue::Kind::kNothing:
      return "nothing";
    case YamlValue::Kind::kScalar:
      return quoted(yaml.text);
    case YamlValue::Kind::kList:
      return "a list";
    case YamlValue::Kind::kMap:
      return "a map";
  }
  return {};
}

Mark mark_at(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const std::size_t newline = before.rfind('\n');
  const std::size_t line_begin = newline == std::string_view::npos ? 0 : newline + 1;
  return {static_cast<std::size_t>(std::ranges::count(before, '\n')), at - line_begin};
}

Read<YamlValue> read_yaml(std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return fault({}, "found a file of " + std::to_string(text.size()) +
                         " bytes, expected a pipeline of at most 1MiB");
  }
  if (const auto bad = first_byte_not_text(text)) {
    return fault(mark_at(text, *bad), "found the byte " + hex(text[*bad]) +
                                          ", expected UTF-8 text without control characters");
  }
  return build_tree(text);
}

}  // namespace leat::spec
