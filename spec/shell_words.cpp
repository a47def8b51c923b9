#include "spec/shell_words.h"

#include <algorithm>
#include <utility>

#include "spec/yaml_tree.h"

namespace leat::spec {

namespace {

using Step = Result<void>;

constexpr std::string_view kBlanks = " \t\r\n";

bool is_in(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

bool is_name_begin(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name_part(char c) {
  return is_name_begin(c) || (c >= '0' && c <= '9');
}

tl::unexpected<Error> refused(const std::string& found, const std::string& expected) {
  return failure(Errc::kInvalidArgument, "found " + found + ", expected " + expected);
}

tl::unexpected<Error> needs_shell(std::string_view what) {
  return refused(quoted(what) + " outside quotes",
                 "words only, as no shell runs them: quote it, or write shell: true");
}

class WordSplitter {
 public:
  explicit WordSplitter(std::string_view command) : rest_(command) {}

  Result<std::vector<std::string>> split() {
    while (!rest_.empty()) {
      if (const Step step = take_next(); !step) return tl::unexpected(step.error());
    }
    end_word();
    if (begins_with_assignment_) {
      return refused(quoted(words_.front()) + " before the program",
                     "the program first: set variables with env:");
    }
    if (words_.empty()) return refused("an empty command", "a program and its arguments");
    return std::move(words_);
  }

 private:
  Step take_next() {
    const char c = rest_.front();
    if (c == '\'') return take_single_quotes();
    if (c == '"') return take_double_quotes();
    if (c == '\\') return take_backslash();
    if (c == '\n') return take_line_end();
    if (is_in(c, "|&;<>()`*?[")) return needs_shell(rest_.substr(0, 1));
    if (is_in(c, kBlanks)) return skip_blank();
    if (c == '~' && !has_word_) return needs_shell("~");
    if (c == '$' && expands(rest_, "'\"")) return needs_shell(expansion());
    take_literally();
    return {};
  }

  // Empty lines before the command and after it say nothing.
  Step take_line_end() {
    end_word();
    const bool is_before = words_.empty();
    const bool is_after = rest_.find_first_not_of(kBlanks) == std::string_view::npos;
    if (!is_before && !is_after) {
      return refused("a second line of commands", "one command, or shell: true");
    }
    rest_.remove_prefix(is_before ? 1 : rest_.size());
    return {};
  }

  Step skip_blank() {
    end_word();
    rest_.remove_prefix(1);
    return {};
  }

  Step take_single_quotes() {
    const std::size_t end = rest_.find('\'', 1);
    if (end == std::string_view::npos) return unclosed("single");
    word().append(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return {};
  }

  Step take_double_quotes() {
    static_cast<void>(word());
    rest_.remove_prefix(1);
    while (!rest_.empty() && rest_.front() != '"') {
      if (is_in(rest_.front(), "`") || (rest_.front() == '$' && expands(rest_, ""))) {
        return needs_shell_in_quotes();
      }
      if (rest_.front() == '\\' && rest_.size() > 1) {
        take_backslash_in_quotes();
      } else {
        take_literally();
      }
    }
    if (rest_.empty()) return unclosed("double");
    rest_.remove_prefix(1);
    return {};
  }

  // Within double quotes a backslash is itself, except before what it can quote there.
  void take_backslash_in_quotes() {
    const char next = rest_[1];
    if (!is_in(next, "$`\"\\\n")) return take_literally();
    if (next != '\n') word() += next;
    rest_.remove_prefix(2);
  }

  Step take_backslash() {
    if (rest_.size() == 1) {
      return refused("a backslash at the end of the command", "a character behind it");
    }
    if (rest_[1] != '\n') word() += rest_[1];
    rest_.remove_prefix(2);
    return {};
  }

  void take_literally() {
    word() += rest_.front();
    if (rest_.front() == '=' && words_.empty()) note_assignment();
    rest_.remove_prefix(1);
  }

  // NAME= in plain letters before the program is a variable for a shell.
  void note_assignment() {
    const std::string_view name = std::string_view(word_).substr(0, word_.size() - 1);
    const bool is_name =
        !name.empty() && is_name_begin(name.front()) && std::ranges::all_of(name, is_name_part);
    begins_with_assignment_ = begins_with_assignment_ || is_name;
  }

  // Whether the '$' that `text` begins with would be replaced by a shell.
  static bool expands(std::string_view text, std::string_view also) {
    if (text.size() < 2) return false;
    const char next = text[1];
    return is_name_part(next) || is_in(next, "{(@*#?-$!") || is_in(next, also);
  }

  // "$NAME", or '$' and the character after it.
  [[nodiscard]] std::string_view expansion() const {
    std::size_t size = 1;
    while (size < rest_.size() && is_name_part(rest_[size])) {
      ++size;
    }
    return rest_.substr(0, std::max<std::size_t>(size, 2));
  }

  [[nodiscard]] Step needs_shell_in_quotes() const {
    const std::string_view what = rest_.front() == '$' ? expansion() : "`";
    return refused(quoted(what) + " in double quotes",
                   "words only, as no shell runs them: use single quotes, or write shell: true");
  }

  static Step unclosed(const std::string& kind) {
    return refused("a " + kind + " quote that is not closed", "its closing quote");
  }

  std::string& word() {
    has_word_ = true;
    return word_;
  }

  void end_word() {
    if (!std::exchange(has_word_, false)) return;
    words_.push_back(std::exchange(word_, {}));
  }

  std::string_view rest_;
  std::vector<std::string> words_;
  std::string word_;       // Begun and not ended.
  bool has_word_ = false;  // Empty quotes begin one, too.
  bool begins_with_assignment_ = false;
};

}  // namespace

Result<std::vector<std::string>> shell_words(std::string_view command) {
  return WordSplitter(command).split();
}

std::string shell_quote(std::string_view word) {
  const bool is_plain = !word.empty() && std::ranges::all_of(word, [](char c) {
    return is_name_part(c) || is_in(c, "%+,-./:=@");
  });
  if (is_plain) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    quoted += c == '\'' ? std::string_view("'\\''") : std::string_view(&c, 1);
  }
  return quoted + "'";
}

std::string shell_quote(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : " ") + shell_quote(word);
  }
  return text;
}

}  // namespace leat::spec
