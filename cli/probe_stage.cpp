#include "cli/probe_stage.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "spec/holes.h"
#include "spec/parse.h"
#include "spec/plain_text.h"

namespace leat::cli {

namespace {

constexpr std::size_t kNameBytesMax = 64;

bool is_one_of(char letter, std::string_view letters) {
  return letters.find(letter) != std::string_view::npos;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What neither YAML nor a shell reads as anything else but a word, YAML's own words apart.
bool is_plain(std::string_view word) {
  if (word.empty() || word.back() == '-') return false;
  const char first = word.front();
  const char second = word.size() > 1 ? word[1] : '-';
  const bool begins_well = is_letter(first) || is_one_of(first, "/_") || word.starts_with("./") ||
                           (first == '-' && (is_letter(second) || second == '-'));
  return begins_well && std::ranges::all_of(word, [](char c) {
           return is_letter(c) || is_digit(c) || is_one_of(c, "_-./=+@%");
         });
}

bool is_yaml_word(std::string_view word) {
  constexpr std::array<std::string_view, 9> kWords = {"true", "false", "null", "yes", "no",
                                                      "on",   "off",   "y",    "n"};
  std::string lower(word);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::ranges::find(kWords, lower) != kWords.end();
}

std::string in_single_quotes(std::string_view word) {
  std::string text = "'";
  for (const char c : word) {
    text += c == '\'' ? std::string("''") : std::string(1, c);
  }
  return text + "'";
}

std::string in_double_quotes(std::string_view word) {
  std::string text = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') text += '\\';
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      text += c;
      continue;
    }
    std::array<char, 8> escape{};
    std::snprintf(escape.data(), escape.size(), "\\x%02x",
                  static_cast<unsigned int>(static_cast<unsigned char>(c)));
    text += c == '\n' ? "\\n" : c == '\t' ? "\\t" : escape.data();
  }
  return text + "\"";
}

bool has_control(std::string_view word) {
  return std::ranges::any_of(
      word, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string yaml_word(std::string_view word) {
  if (is_plain(word) && !is_yaml_word(word)) return std::string(word);
  return has_control(word) ? in_double_quotes(word) : in_single_quotes(word);
}

std::string shell_word(const std::string& word) {
  if (is_plain(word) || (!word.empty() && std::ranges::all_of(word, is_digit))) return word;
  std::string text = "'";
  for (const char c : word) {
    text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return text + "'";
}

// The program's, in the letters that names have.
std::string name_of(const std::vector<std::string>& argv) {
  const std::string& program = argv.front();
  std::string name;
  for (const char c : program.substr(program.rfind('/') + 1)) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    const char lower = is_upper ? static_cast<char>(c - 'A' + 'a') : c;
    const bool is_good = (lower >= 'a' && lower <= 'z') || is_digit(lower);
    if (is_good) name += lower;
    if (!is_good && !name.empty() && !name.ends_with('-')) name += '-';
  }
  name.resize(std::min(name.size(), kNameBytesMax));
  while (name.ends_with('-')) {
    name.pop_back();
  }
  return name.empty() ? "tool" : name;
}

std::string list_of(const std::vector<int>& codes) {
  std::string text;
  for (const int code : codes) {
    text += (text.empty() ? "[" : ", ") + std::to_string(code);
  }
  return text + "]";
}

std::string text_of(const spec::Prelude& prelude) {
  return prelude.until.empty() ? "{records: " + std::to_string(prelude.records) + "}"
                               : "{until: " + in_single_quotes(prelude.until) + "}";
}

const char* word_of(ProbeMode mode) {
  switch (mode) {
    case ProbeMode::kEach:
      return "each";
    case ProbeMode::kFilter:
      return "filter";
    case ProbeMode::kWindows:
    case ProbeMode::kWindowAll:
    case ProbeMode::kArgument:
      return "window";
  }
  return "";
}

std::string window_of(const ProbeStage& stage) {
  if (stage.mode == ProbeMode::kWindowAll) return "all";
  return "{records: " + std::to_string(stage.window_records) + "}";
}

bool has_window(const ProbeStage& stage) {
  return stage.mode == ProbeMode::kWindows || stage.mode == ProbeMode::kWindowAll;
}

std::string commented(const std::string& comment) {
  std::string text = "# ";
  for (const char c : comment) {
    text += c;
    if (c == '\n') text += "# ";
  }
  return text + "\n";
}

}  // namespace

std::string command_text(const std::vector<std::string>& argv) {
  std::string text;
  for (const std::string& word : argv) {
    text += (text.empty() ? "" : " ") + shell_word(word);
  }
  std::ranges::replace_if(text, [](char c) { return has_control({&c, 1}); }, ' ');
  return text;
}

std::string describe(const ProbeStage& stage) {
  std::string text = std::string("mode ") + word_of(stage.mode);
  if (has_window(stage)) text += ", window " + window_of(stage);
  const framing::Framing lines;
  if (stage.input != lines) text += ", input " + to_string(stage.input);
  if (stage.output != lines) text += ", output " + to_string(stage.output);
  if (stage.prelude) text += ", prelude " + text_of(*stage.prelude);
  if (!stage.buffering.empty()) text += ", buffering " + stage.buffering;
  if (stage.exit_codes.size() > 1) text += ", exit_codes " + list_of(stage.exit_codes);
  return text;
}

std::string yaml_of(const ProbeStage& stage, const std::string& comment) {
  const std::string name = name_of(stage.argv);
  std::string run;
  for (const std::string& word : stage.argv) {
    run += (run.empty() ? "[" : ", ") + yaml_word(word);
  }
  std::string text = commented(comment) + "pipeline: " + yaml_word(name) +
                     "\nstages:\n  - name: " + yaml_word(name) + "\n    run: " + run + "]\n";
  const auto add = [&text](const std::string& key, const std::string& value) {
    text += "    " + key + ": " + value + "\n";
  };
  add("mode", word_of(stage.mode));
  if (has_window(stage)) add("window", window_of(stage));
  const framing::Framing lines;
  if (stage.input != lines) add("input", to_string(stage.input));
  if (stage.prelude) add("prelude", text_of(*stage.prelude));
  if (stage.output != lines) add("output", to_string(stage.output));
  if (!stage.buffering.empty()) add("buffering", stage.buffering);
  if (stage.exit_codes.size() > 1) add("exit_codes", list_of(stage.exit_codes));
  if (!stage.stops_at_once) return text;
  add("on_error", "stop");
  add("retry", "{attempts: 1}");
  return text;
}

Result<void> check_command(const std::vector<std::string>& argv) {
  for (const std::string& word : argv) {
    std::string printable = word;
    std::ranges::replace_if(printable, [](char c) { return has_control({&c, 1}); }, ' ');
    if (!spec::first_byte_not_text(printable)) continue;
    return failure(Errc::kInvalidArgument,
                   "a word of the command is not UTF-8, and a pipeline file cannot say it: put the "
                   "command into a script and probe that");
  }
  std::vector<std::string> words = argv;
  const bool takes_record = !spec::cut_holes(words).empty();
  const ProbeStage stage{.argv = argv,
                         .mode = takes_record ? ProbeMode::kArgument : ProbeMode::kEach};
  const std::string text = yaml_of(stage, "");
  const auto read = spec::parse({.text = text, .file = "command", .directory = "/"});
  if (read) return {};
  const std::string& message = read.error().message;
  const std::size_t found = message.find("found ");
  return failure(Errc::kInvalidArgument,
                 "`" + command_text(argv) + "` can be no stage: " +
                     message.substr(found == std::string::npos ? 0 : found));
}

}  // namespace leat::cli
