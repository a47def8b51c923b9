#include "cli/probe_guess.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "cli/probe_sample.h"
#include "framing/pattern.h"
#include "spec/flush_flag.h"

namespace leat::cli {

namespace {

using framing::Framing;
using framing::Kind;

// A separator that was found by looking is no longer than this.
constexpr std::size_t kSeparatorBytesMax = 64;
constexpr std::uint64_t kPreludeRecordsMax = 1000;

const Framing kLines{};
const Framing kBlankLine{.kind = Kind::kBlankLine};
const Framing kZeros{.kind = Kind::kSeparator, .separator = std::string(1, '\0')};
const Framing kJson{.kind = Kind::kJson};

Framing groups_of(std::uint32_t lines) {
  return {.kind = Kind::kLines, .lines = lines};
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool is_fastq(std::string_view text) {
  const std::vector<std::string_view> lines = lines_of(text);
  if (lines.size() < 4) return false;
  for (std::size_t i = 0; i + 3 < lines.size(); i += 4) {
    const bool is_well = lines[i].starts_with('@') && lines[i + 2].starts_with('+') &&
                         lines[i + 1].size() == lines[i + 3].size();
    if (!is_well) return false;
  }
  return true;
}

// JSON values that are not simply a line each.
bool is_spread_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (text[first] != '{' && text[first] != '[')) return false;
  const Cut values = cut(kJson, text);
  return !values.ends.empty() && values.ends.size() != cut(kLines, text).ends.size();
}

// Characters that mean something in RE2 syntax, as themselves.
std::string escaped(std::string_view line) {
  std::string pattern;
  for (const char c : line) {
    if (std::string_view(R"(\.+*?()|[]{}^$)").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

// The last line, where it stands there once for each record.
std::optional<Framing> recurring_last_line(std::string_view printed, std::size_t records) {
  const std::vector<std::string_view> lines = lines_of(printed);
  if (lines.empty() || !printed.ends_with('\n') || lines.back().empty()) return std::nullopt;
  const auto times = static_cast<std::size_t>(std::ranges::count(lines, lines.back()));
  // Answers that are that line alone are lines.
  if (times != records || times == lines.size()) return std::nullopt;
  return Framing{.kind = Kind::kUntil, .pattern = "^" + escaped(lines.back()) + "$"};
}

// EOS, </doc>, //: what people take for the end of something.
bool is_mark(std::string_view line) {
  constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  if (line.empty() || line.find_first_of(" \t") != std::string_view::npos) return false;
  return line.find_first_not_of(kUpper) == std::string_view::npos ||
         std::string_view("<>/-=%#.$@").find(line.front()) != std::string_view::npos;
}

// The last line, where it may be one that ends each record: a mark that recurs.
std::optional<Framing> recurring_mark(std::string_view sample) {
  constexpr std::ptrdiff_t kTimesMin = 3;
  const std::vector<std::string_view> lines = lines_of(sample);
  const std::string_view last = lines.empty() ? "" : lines.back();
  if (!is_mark(last) || !sample.ends_with('\n')) return std::nullopt;
  const std::ptrdiff_t times = std::ranges::count(lines, last);
  if (times < kTimesMin || times * 2 > std::ssize(lines)) return std::nullopt;
  return Framing{.kind = Kind::kUntil, .pattern = "^" + escaped(last) + "$"};
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}

// The shortest end of the text that stands there once for each record, and begins as a word does.
std::optional<Framing> recurring_end(std::string_view printed, std::size_t records) {
  const std::size_t size_max = std::min(printed.size(), kSeparatorBytesMax + 1);
  for (std::size_t size = 1; size < size_max; ++size) {
    const std::string_view end = printed.substr(printed.size() - size);
    const bool is_word = !is_space(end.front()) && is_space(printed[printed.size() - size - 1]);
    const bool is_blank = std::ranges::all_of(end, is_space);
    if (!is_word && !is_blank) continue;
    Framing framing{.kind = Kind::kSeparator, .separator = std::string(end)};
    if (count_exactly(framing, printed) == records) return framing;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Framing> guess_inputs(std::string_view sample) {
  if (sample.find('\0') != std::string_view::npos) return {kZeros};
  if (is_fastq(sample)) return {groups_of(4), kLines};
  if (is_spread_json(sample)) return {kJson, kLines};
  std::vector<Framing> found = {kLines};
  if (sample.find("\n\n") != std::string_view::npos) found.push_back(kBlankLine);
  if (auto mark = recurring_mark(sample)) found.push_back(*std::move(mark));
  return found;
}

std::vector<Framing> guess_outputs(std::string_view printed, std::size_t records) {
  std::vector<Framing> found;
  if (printed.empty() || records == 0) return found;
  const auto add_if_exact = [&](const Framing& framing) {
    if (count_exactly(framing, printed) == records) found.push_back(framing);
  };
  const bool has_zeros = printed.find('\0') != std::string_view::npos;
  if (has_zeros) add_if_exact(kZeros);
  add_if_exact(kLines);
  if (is_spread_json(printed)) add_if_exact(kJson);
  add_if_exact(kBlankLine);
  if (auto until = recurring_last_line(printed, records)) found.push_back(*std::move(until));
  const std::size_t lines = count_exactly(kLines, printed).value_or(0);
  const bool is_even = lines > records && lines % records == 0;
  if (is_even && lines / records <= framing::kLinesMax) {
    found.push_back(groups_of(static_cast<std::uint32_t>(lines / records)));
  }
  if (found.empty()) {
    if (auto end = recurring_end(printed, records)) found.push_back(*std::move(end));
  }
  return found;
}

Framing guess_output_of_any(std::string_view printed) {
  if (printed.ends_with('\0')) return kZeros;
  if (is_spread_json(printed) && cut(kJson, printed).is_clean) return kJson;
  return printed.empty() || printed.ends_with('\n') ? kLines : Framing{.kind = Kind::kWhole};
}

std::optional<spec::Prelude> guess_prelude(std::string_view banner, const Framing& output) {
  const std::optional<std::size_t> records = count_exactly(output, banner);
  if (records && *records > 0 && *records <= kPreludeRecordsMax) {
    return spec::Prelude{.records = *records};
  }
  const std::vector<std::string_view> lines = lines_of(banner);
  if (lines.empty() || !banner.ends_with('\n') || lines.back().empty()) return std::nullopt;
  // What ispell and its kin say has a version in it.
  const bool is_ispell = lines.back().starts_with("@(#)");
  const std::string pattern = is_ispell ? "^@" : "^" + escaped(lines.back()) + "$";
  const framing::Pattern compiled(pattern);
  if (!compiled.is_good()) return std::nullopt;
  const auto first = std::ranges::find_if(
      lines, [&compiled](std::string_view line) { return compiled.is_in(line); });
  if (first + 1 != lines.end()) return std::nullopt;
  return spec::Prelude{.records = 1, .until = pattern};
}

std::optional<std::vector<std::string>> with_flush_flag(const std::vector<std::string>& argv) {
  const std::vector<std::string> flag = spec::flush_flag(argv);
  const bool has_it = std::ranges::search(argv, flag).begin() != argv.end();
  if (flag.empty() || has_it) return std::nullopt;
  std::vector<std::string> words = argv;
  words.insert(words.begin() + 1, flag.begin(), flag.end());
  return words;
}

std::string advice_for(const std::vector<std::string>& argv) {
  const std::string_view program = spec::program_of(argv);
  const bool has_pipe_mode = std::ranges::find(argv, "-a") != argv.end();
  if ((program == "hunspell" || program == "aspell" || program == "ispell") && has_pipe_mode) {
    return "lines that begin with one of * & @ + - ~ # ! % ` are commands to it and have no "
           "answer: "
           "begin each line with ^";
  }
  if (program == "vislcg3") {
    return "it answers when it reads the line <STREAMCMD:FLUSH>, and echoes that: end each record "
           "with it, and take output: {until: '^<STREAMCMD:FLUSH>$'}";
  }
  const bool has_zeros = std::ranges::any_of(argv, [](const std::string& word) {
    return word.starts_with("-") && !word.starts_with("--") && word.ends_with("z");
  });
  const bool is_apertium = program.starts_with("lt-proc") || program.starts_with("apertium-") ||
                           program == "cg-proc" || program == "lrx-proc";
  if (is_apertium && !has_zeros) {
    return "with its flag -z, and records that end with a zero byte, it answers each record";
  }
  return "";
}

}  // namespace leat::cli
