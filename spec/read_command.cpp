#include "spec/read_command.h"

#include <algorithm>
#include <array>

#include "spec/flush_flag.h"
#include "spec/shell_words.h"
#include "spec/values.h"

namespace leat::spec {

namespace {

using Words = std::vector<std::string>;

constexpr const char* kCommand = "a command: text, or a list of words";

Read<bool> wants_shell(const YamlValue& stage) {
  const YamlValue::Entry* shell = stage.find("shell");
  return shell == nullptr ? Read<bool>(false) : read_truth(shell->value);
}

Read<Words> words_of_list(const YamlValue& run) {
  Words words;
  for (const YamlValue& item : run.items) {
    auto word = read_argument(item, "a word; one in quotes may be empty");
    if (!word) return tl::unexpected(word.error());
    words.push_back(*std::move(word));
  }
  if (words.empty()) {
    return fault(run.mark, "found an empty list, expected a program and its arguments");
  }
  return words;
}

Read<Words> words_of_text(const YamlValue& run) {
  const auto text = read_argument(run, kCommand);
  if (!text) return tl::unexpected(text.error());
  auto words = shell_words(*text);
  if (!words) return fault(run.mark, std::move(words).error().message);
  return *std::move(words);
}

Read<Words> shell_command(const YamlValue& run) {
  auto text = read_argument(run, "one text, as shell: true needs");
  if (!text) return tl::unexpected(text.error());
  if (text->find_first_not_of(" \t\n") == std::string::npos) {
    return unexpected_value(run, "a command for the shell");
  }
  return Words{"/bin/sh", "-c", *std::move(text)};
}

Read<Words> words_of(const YamlValue& run, bool shell) {
  if (shell) return shell_command(run);
  return run.kind == YamlValue::Kind::kList ? words_of_list(run) : words_of_text(run);
}

std::string absolute(std::string_view program, std::string_view directory) {
  const bool is_relative = !program.starts_with('/') && program.find('/') != std::string_view::npos;
  if (!is_relative) return std::string(program);
  while (program.starts_with("./")) {
    program.remove_prefix(2);
  }
  return std::string(directory) + (directory.ends_with('/') ? "" : "/") + std::string(program);
}

// Whether the program would take this word for its script: sh -c 'THIS', perl -ne 'THIS',
// sed 'THIS'.
bool is_script(const Words& words, std::size_t word) {
  constexpr std::array<std::string_view, 13> kByFlag = {"sh",  "bash", "dash",   "ksh",  "zsh",
                                                        "ash", "perl", "python", "ruby", "node",
                                                        "php", "lua",  "python3"};
  constexpr std::array<std::string_view, 5> kByPlace = {"awk", "gawk", "mawk", "sed", "jq"};
  const std::string_view name = program_of(words);
  if (std::ranges::find(kByPlace, name) != kByPlace.end()) return words[word] != "{}";
  if (word < 2 || std::ranges::find(kByFlag, name) == kByFlag.end()) return false;
  const std::string_view before = words[word - 1];
  const bool is_flag = before.starts_with('-') && !before.starts_with("--");
  return is_flag && std::string_view("ceE").find(before.back()) != std::string_view::npos;
}

Read<void> check_holes(const YamlValue& stage, const Command& command, bool shell) {
  for (const Hole& hole : command.holes) {
    if (hole.word == 0) {
      return fault(mark_of_word(stage, 0),
                   "found '{}' in the program's name, expected it in an argument");
    }
    if (shell || is_script(command.argv, hole.word)) {
      return fault(
          mark_of_word(stage, hole.word),
          "found '{}' in a script, expected \"$1\" or the like there and the record behind it, "
          "for the script would carry out what the record says: "
          "run: [sh, -c, 'SCRIPT with \"$1\"', sh, '{}']; {{}} stands for {} itself");
    }
  }
  return {};
}

}  // namespace

Mark mark_of_word(const YamlValue& stage, std::size_t word) {
  const YamlValue& run = stage.find("run")->value;
  return word < run.items.size() ? run.items[word].mark : run.mark;
}

Read<Command> read_command(const YamlValue& stage, std::string_view directory) {
  const YamlValue::Entry* run = stage.find("run");
  if (run == nullptr) {
    return fault(stage.mark, "found a stage without a command, expected run: COMMAND");
  }
  const auto shell = wants_shell(stage);
  if (!shell) return tl::unexpected(shell.error());
  auto words = words_of(run->value, *shell);
  if (!words) return tl::unexpected(words.error());
  if (words->front().empty()) {
    return fault(run->value.mark, "found an empty word, expected a program first");
  }
  Command command{*std::move(words), {}};
  command.holes = cut_holes(command.argv);
  if (auto well = check_holes(stage, command, *shell); !well) return tl::unexpected(well.error());
  command.argv.front() = absolute(command.argv.front(), directory);
  return command;
}

}  // namespace leat::spec
