#include "cli/probe_outcome.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/probe_sample.h"
#include "cli/table.h"
#include "core/words.h"
#include "spec/plain_text.h"

namespace leat::cli {

namespace {

constexpr std::size_t kWordsBytesMax = 400;
constexpr std::size_t kShownBytes = 40;

// On one line, and printable.
std::string shown(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\0' ? "\\0" : std::string(1, c);
    if (byte < 0x20 && c != '\n' && c != '\t' && c != '\0') text.back() = '?';
  }
  while (spec::first_byte_not_text(text)) {
    text[*spec::first_byte_not_text(text)] = '?';
  }
  return text;
}

// The lines that `leat pipe` said, without its name.
std::vector<std::string> leat_said(std::string_view errors) {
  std::vector<std::string> said;
  while (!errors.empty()) {
    const std::size_t end = std::min(errors.find('\n'), errors.size());
    std::string_view line = errors.substr(0, end);
    errors.remove_prefix(std::min(end + 1, errors.size()));
    if (!line.starts_with("leat: ")) continue;
    line.remove_prefix(6);
    said.push_back(shown(line.substr(0, kWordsBytesMax)));
  }
  return said;
}

bool is_of_stage(const std::string& said) {
  return said.starts_with("stage ");
}

// The line that says most: the last of the stage, if there is one.
std::string why(std::string_view errors) {
  const std::vector<std::string> said = leat_said(errors);
  const auto of_stage = std::find_if(said.rbegin(), said.rend(), is_of_stage);
  if (of_stage != said.rend()) return *of_stage;
  return said.empty() ? "" : said.front();
}

struct Letters {
  std::size_t count = 0;
  std::string reason;              // Of the first.
  std::optional<int> exit_status;  // Of the first, where it is only that.
};

Letters read_letters(const std::string& lines) {
  Letters letters;
  letters.count = static_cast<std::size_t>(std::ranges::count(lines, '\n'));
  const auto first =
      nlohmann::json::parse(lines.substr(0, lines.find('\n')), nullptr, /*allow_exceptions=*/false);
  if (!first.is_object()) return letters;
  const auto text_at = [&first](const char* key) {
    const auto entry = first.find(key);
    return entry != first.end() && entry->is_string() ? entry->get<std::string>() : std::string();
  };
  const std::string reason = text_at("reason");
  letters.reason = shown(reason.empty() ? "for a reason that is no UTF-8"
                                        : std::string_view(reason).substr(0, kWordsBytesMax));
  const auto status = first.find("status");
  if (text_at("kind") == "exit" && status != first.end() && status->is_number_integer()) {
    letters.exit_status = status->get<int>();
  }
  return letters;
}

// Nothing when it ended well and no record failed.
std::optional<Judgement> failure_of(const Outcome& outcome) {
  Judgement failed;
  const Letters letters = read_letters(outcome.dead_letters);
  if (!letters.reason.empty()) {
    failed.exit_status = letters.exit_status;
    failed.reason = letters.reason;
    return failed;
  }
  if (outcome.is_clean()) return std::nullopt;
  failed.reason = outcome.is_late           ? "not done after " + short_time(outcome.elapsed)
                  : outcome.prints_too_much ? "printed without end"
                                            : why(outcome.errors);
  if (failed.reason.empty()) failed.reason = ending_of(outcome);
  return failed;
}

std::string count_in_words(const framing::Framing& framing, std::string_view stream) {
  const std::optional<std::size_t> count = count_exactly(framing, stream);
  return count ? count_of(*count, "answer") : short_size(stream.size());
}

std::string difference_of(std::string_view found, std::string_view expected,
                          const framing::Framing& framing) {
  const auto [at, other] =
      std::mismatch(found.begin(), found.end(), expected.begin(), expected.end());
  const auto same = static_cast<std::size_t>(at - found.begin());
  return count_in_words(framing, found) + ", the plain tool's " +
         count_in_words(framing, expected) + "; from byte " + with_commas(same) + " on '" +
         shown(found.substr(same, kShownBytes)) + "' instead of '" +
         shown(expected.substr(same, kShownBytes)) + "'";
}

}  // namespace

Judgement judge(const Outcome& outcome, const Expectation& expected,
                const framing::Framing& output) {
  if (auto failed = failure_of(outcome)) return *std::move(failed);
  const std::string_view found = outcome.output;
  Judgement judgement;
  const bool has_body = found.starts_with(expected.body);
  const std::string_view behind = has_body ? found.substr(expected.body.size()) : found;
  if (has_body && (behind.empty() || behind == expected.trailer)) {
    judgement.kind = Judgement::Kind::kFits;
    judgement.lacks_trailer = behind != expected.trailer;
    return judgement;
  }
  judgement.kind = Judgement::Kind::kDiffers;
  judgement.reason = difference_of(found, expected.body, output);
  return judgement;
}

Judgement judge_by_count(const Outcome& outcome, const Expectation& expected,
                         const framing::Framing& output) {
  if (auto failed = failure_of(outcome)) return *std::move(failed);
  const std::optional<std::size_t> found = count_exactly(output, outcome.output);
  Judgement judgement;
  if (found && found == count_exactly(output, expected.body)) {
    judgement.kind = Judgement::Kind::kFits;
    judgement.lacks_trailer = !expected.trailer.empty();
    return judgement;
  }
  judgement.kind = Judgement::Kind::kDiffers;
  judgement.reason = count_in_words(output, outcome.output) + ", the plain tool's " +
                     count_in_words(output, expected.body);
  return judgement;
}

std::string ending_of(const Outcome& outcome) {
  const std::string end = outcome.signal != 0
                              ? "was killed by signal " + std::to_string(outcome.signal)
                              : "exited with status " + std::to_string(outcome.code);
  std::string_view words = outcome.errors;
  while (words.ends_with('\n')) {
    words.remove_suffix(1);
  }
  if (words.empty()) return end + " without a word on standard error";
  if (words.size() > kWordsBytesMax) words.remove_prefix(words.size() - kWordsBytesMax);
  return end + "; its last words: " + shown(words);
}

std::vector<std::string> told_by(const Outcome& outcome) {
  std::vector<std::string> said = leat_said(outcome.errors);
  std::erase_if(said, [](const std::string& line) { return !is_of_stage(line); });
  return said;
}

std::string buffering_of(const Outcome& outcome) {
  constexpr std::string_view kBegin = "`buffering: ";
  std::string found;
  for (const std::string& said : told_by(outcome)) {
    const std::size_t at = said.find(kBegin);
    if (at == std::string::npos) continue;
    const std::size_t word = at + kBegin.size();
    found = said.substr(word, said.find('`', word) - word);
  }
  return found;
}

}  // namespace leat::cli
