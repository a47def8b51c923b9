#include "cli/probe_candidates.h"

#include <algorithm>
#include <string_view>

#include "cli/probe_guess.h"
#include "cli/probe_sample.h"

namespace leat::cli {

namespace {

using framing::Framing;

// Each is a run or two of the tool.
constexpr std::size_t kCandidatesMax = 6;

// How the printed text may be read.
struct Reading {
  std::string_view banner;
  std::string_view body;
  std::string_view trailer;
};

class Readings {
 public:
  explicit Readings(std::string_view printed) : printed_(printed) {}

  // Unless nothing is left for answers.
  void add(std::string_view banner, std::string_view trailer) {
    if (!printed_.starts_with(banner)) return;
    const std::string_view rest = printed_.substr(banner.size());
    if (!rest.ends_with(trailer) || rest.size() == trailer.size()) return;
    all_.push_back({banner, rest.substr(0, rest.size() - trailer.size()), trailer});
  }

  [[nodiscard]] const std::vector<Reading>& all() const { return all_; }

 private:
  std::string_view printed_;
  std::vector<Reading> all_;
};

std::vector<Reading> readings_of(const Evidence& evidence) {
  const std::string_view at_once = evidence.printed_at_once;
  std::string_view at_end = evidence.printed_for_none;
  Readings readings(evidence.printed);
  if (!at_once.empty()) {
    const bool is_before = at_end.starts_with(at_once);
    if (is_before) readings.add(at_once, at_end.substr(at_once.size()));
    if (!is_before || at_end != at_once) readings.add(at_once, "");
    return readings.all();
  }
  // A banner may wait in the tool's buffer as anything else.
  if (!at_end.empty()) {
    readings.add(at_end, "");
    readings.add("", at_end);
  }
  readings.add("", "");
  return readings.all();
}

// Nothing when there is a banner, and no way to say where it ends.
std::optional<Candidate> make(const Evidence& evidence, ProbeMode mode, const Framing& input,
                              const Framing& output, const Reading& reading) {
  Candidate candidate;
  candidate.stage = {.argv = evidence.argv, .mode = mode, .input = input, .output = output};
  candidate.stage.stops_at_once = mode == ProbeMode::kEach || mode == ProbeMode::kFilter;
  candidate.banner = reading.banner;
  candidate.trailer = reading.trailer;
  if (reading.banner.empty()) return candidate;
  candidate.stage.prelude = guess_prelude(reading.banner, output);
  if (!candidate.stage.prelude) return std::nullopt;
  return candidate;
}

class Candidates {
 public:
  explicit Candidates(const Evidence& evidence) : evidence_(evidence) {}

  void add(ProbeMode mode, const Framing& input, const Framing& output, const Reading& reading) {
    if (all_.size() == kCandidatesMax) return;
    if (auto made = make(evidence_, mode, input, output, reading)) all_.push_back(*std::move(made));
  }

  // One for each of the outputs.
  void add_all(ProbeMode mode, const Framing& input, const std::vector<Framing>& outputs,
               const Reading& reading) {
    for (const Framing& output : outputs) {
      add(mode, input, output, reading);
    }
  }

  [[nodiscard]] std::vector<Candidate> take() { return std::move(all_); }

 private:
  const Evidence& evidence_;
  std::vector<Candidate> all_;
};

Framing any_output(const Evidence& evidence, std::string_view printed) {
  return evidence.output.value_or(guess_output_of_any(printed));
}

// The framings in which so many answers were printed.
std::vector<Framing> outputs_of(const Evidence& evidence, std::string_view printed,
                                std::size_t records) {
  if (!evidence.output) return guess_outputs(printed, records);
  if (count_exactly(*evidence.output, printed) != records) return {};
  return {*evidence.output};
}

// Where there are as many answers as records.
std::vector<Candidate> each_candidates(const Evidence& evidence) {
  Candidates candidates(evidence);
  for (const Framing& input : evidence.inputs) {
    const std::size_t records = cut(input, evidence.sample).ends.size();
    for (const Reading& reading : readings_of(evidence)) {
      const std::vector<Framing> outputs = outputs_of(evidence, reading.body, records);
      candidates.add_all(ProbeMode::kEach, input, outputs, reading);
    }
  }
  return candidates.take();
}

std::vector<Candidate> filter_candidates(const Evidence& evidence) {
  Candidates candidates(evidence);
  for (const Framing& input : evidence.inputs) {
    // With one record there is nothing but the end, where any tool answers.
    if (cut(input, evidence.sample).ends.size() < 2) continue;
    std::optional<std::string_view> banner;
    for (const Reading& reading : readings_of(evidence)) {
      // With or without a trailer it is the same stage.
      if (banner == reading.banner) continue;
      banner = reading.banner;
      const Framing output = any_output(evidence, reading.body);
      // What has no end is told by the tool's end only.
      if (output.kind == framing::Kind::kWhole) continue;
      candidates.add(ProbeMode::kFilter, input, output, reading);
    }
  }
  return candidates.take();
}

std::vector<Candidate> window_candidates(const Evidence& evidence) {
  Candidates candidates(evidence);
  for (const Framing& input : evidence.inputs) {
    for (Reading reading : readings_of(evidence)) {
      // Each window has its own, so it is an answer.
      if (!reading.trailer.empty()) continue;
      candidates.add(ProbeMode::kWindows, input, any_output(evidence, reading.body), reading);
    }
  }
  const std::string_view printed = evidence.printed;
  const Reading all{.banner = {}, .body = printed, .trailer = {}};
  candidates.add(ProbeMode::kWindowAll, evidence.inputs.front(), any_output(evidence, printed),
                 all);
  return candidates.take();
}

void append(std::vector<Candidate>& all, std::vector<Candidate> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// Then the same once more with the flag that makes the tool flush each record.
std::vector<Candidate> with_flag(std::vector<Candidate> candidates,
                                 const std::optional<std::vector<std::string>>& argv) {
  const std::size_t count = argv ? candidates.size() : 0;
  for (std::size_t i = 0; i < count; ++i) {
    Candidate flagged = candidates[i];
    flagged.stage.argv = *argv;
    candidates.push_back(std::move(flagged));
  }
  return candidates;
}

}  // namespace

std::vector<Candidate> candidates_for(const Evidence& evidence) {
  const auto flagged = with_flush_flag(evidence.argv);
  std::vector<Candidate> all = with_flag(each_candidates(evidence), flagged);
  append(all, with_flag(filter_candidates(evidence), flagged));
  append(all, window_candidates(evidence));
  return all;
}

std::vector<Candidate> argument_candidates_for(const Evidence& evidence, int exit_status) {
  Candidates candidates(evidence);
  const Reading all{.banner = {}, .body = evidence.printed, .trailer = {}};
  const Framing output = any_output(evidence, evidence.printed);
  candidates.add(ProbeMode::kArgument, evidence.inputs.front(), output, all);
  const Framing whole{.kind = framing::Kind::kWhole};
  if (!evidence.output && output != whole) {
    candidates.add(ProbeMode::kArgument, evidence.inputs.front(), whole, all);
  }
  std::vector<Candidate> taken = candidates.take();
  for (Candidate& candidate : taken) {
    if (exit_status != 0) candidate.stage.exit_codes.push_back(exit_status);
  }
  return taken;
}

}  // namespace leat::cli
