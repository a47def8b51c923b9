// ProbePlan against tools that are played: what they do with bytes is known, so it is known which
// stage is right.

#include "cli/probe_plan.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "cli/probe_guess.h"
#include "spec/parse.h"

namespace leat::cli {

namespace {

using framing::Framing;
using Bytes = std::function<std::string(std::string_view)>;

// A tool as a function of its input, and whether it answers before it reads on.
struct FakeTool {
  Bytes print;                     // For a whole stream.
  std::string banner;              // Ahead of that.
  bool shows_banner_first = true;  // Else with the first answer.
  std::string trailer;             // Behind all.
  bool answers_at_once = true;     // Or at the end.
  std::string flag;                // A word of the command that makes it answer at once.
  Outcome ending = {};             // Its status and its words.
};

class World {
 public:
  explicit World(FakeTool tool) : tool_(std::move(tool)) {}

  // The stage of the pipeline file that is proposed; "" when there is none.
  std::string probe(std::vector<std::string> argv, const std::string& sample,
                    std::optional<Framing> output = {}) {
    ProbePlan plan({.argv = std::move(argv),
                    .sample = sample,
                    .inputs = guess_inputs(sample),
                    .output = std::move(output)});
    while (!plan.is_over()) {
      plan.take(run(plan.trial()));
      for (std::string& note : plan.take_notes()) {
        notes += note + "\n";
      }
    }
    verdict = plan.verdict();
    const std::size_t stage = verdict.yaml.find("    mode:");
    return stage == std::string::npos ? "" : verdict.yaml.substr(stage);
  }

  Outcome run(const Trial& trial) {
    ++trials;
    Outcome outcome = tool_.ending;
    switch (trial.what) {
      case Trial::What::kToolUnfed:
        outcome.output = tool_.shows_banner_first ? tool_.banner : "";
        return outcome;
      case Trial::What::kTool:
        outcome.output = tool_.banner + tool_.print(trial.stream) + tool_.trailer;
        return outcome;
      case Trial::What::kToolPerRecord:
        for (const std::string& record : trial.records) {
          outcome.output += tool_.print(record);
        }
        return outcome;
      case Trial::What::kStage:
        return run_stage(trial);
    }
    return outcome;
  }

  std::string notes;
  Verdict verdict;
  int trials = 0;
  std::string refused_mode;  // Of stages that this Leat does not have.

 private:
  static Outcome failed(const std::string& reason) {
    Outcome outcome{.code = 4};
    outcome.errors = "leat: stage 'x': " + reason + "\n";
    return outcome;
  }

  // One for each of so many records at most.
  std::string in_windows(const Framing& input, std::string_view stream, std::size_t records) const {
    std::string printed;
    while (!stream.empty()) {
      const std::string window = take_records(input, stream, records);
      printed += tool_.print(window) + tool_.trailer;
      stream.remove_prefix(std::min(window.size(), stream.size()));
    }
    return printed;
  }

  Outcome run_stage(const Trial& trial) {
    const Result<spec::Pipeline> pipeline =
        spec::parse({.text = trial.spec, .file = "trial.yml", .directory = "/"});
    if (!pipeline) return failed(pipeline.error().message);
    const spec::Stage& stage = pipeline->stages.front();
    const bool drops_banner = tool_.banner.empty() || stage.prelude;
    Outcome outcome;
    if (!stage.holes.empty()) {
      for (const std::string& record : records_of(stage.input, trial.stream)) {
        outcome.output += tool_.print(record);
      }
      return outcome;
    }
    if (stage.mode == spec::Mode::kWindow) {
      const std::size_t records = stage.window.records.value_or(SIZE_MAX);
      outcome.output = in_windows(stage.input, trial.stream, records);
      if (!drops_banner) outcome.output.insert(0, tool_.banner);
      return outcome;
    }
    const bool has_flag =
        !tool_.flag.empty() && std::ranges::find(stage.argv, tool_.flag) != stage.argv.end();
    if (!tool_.answers_at_once && !has_flag) return failed("it buffers its output");
    if (!drops_banner) return failed("it printed before it was given anything");
    outcome.output = tool_.print(trial.stream);
    const bool counts = stage.mode == spec::Mode::kEach;
    if (!counts && in_windows(stage.input, trial.stream, 1) != outcome.output) {
      return failed("it printed more at its end");
    }
    const std::size_t given = cut(stage.input, trial.stream).ends.size();
    if (counts && count_exactly(stage.output, outcome.output) != given) {
      return failed("it does not answer each record once");
    }
    return outcome;
  }

  FakeTool tool_;
};

std::string numbers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += std::to_string(i) + "\n";
  }
  return text;
}

// A function of each line, newline included.
template <typename Answer>
Bytes for_each_line(const Answer& answer) {
  return [answer](std::string_view stream) {
    std::string printed;
    for (const std::string& record : records_of(Framing{}, stream)) {
      printed += answer(record);
    }
    return printed;
  };
}

std::string sorted(std::string_view stream) {
  std::vector<std::string> records = records_of(Framing{}, stream);
  std::ranges::sort(records);
  std::string printed;
  for (const std::string& record : records) {
    printed += record + "\n";
  }
  return printed;
}

const Bytes kEcho = [](std::string_view stream) { return std::string(stream); };

}  // namespace

TEST_CASE("a tool that answers each line at once gets mode each") {
  World world({.print = kEcho});
  CHECK(world.probe({"cat"}, numbers(50)) == "    mode: each\n");
  CHECK(world.verdict.code == ExitCode::kWell);
  CHECK(world.notes.find("mode each: yes, byte for byte") != std::string::npos);
}

TEST_CASE("what is proposed was run as it is proposed") {
  World world({.print = kEcho});
  ProbePlan plan({.argv = {"cat"}, .sample = "a\nb\n", .inputs = {Framing{}}});
  std::string last_spec;
  while (!plan.is_over()) {
    const Trial trial = plan.trial();
    last_spec = trial.spec;
    plan.take(world.run(trial));
  }
  const auto without_comments = [](const std::string& text) {
    return text.substr(text.find("pipeline:"));
  };
  CHECK(without_comments(plan.verdict().yaml) == without_comments(last_spec));
}

TEST_CASE("a banner that is printed at once is a prelude") {
  World world({.print = kEcho, .banner = "Hello.\nReady.\n"});
  CHECK(world.probe({"tool"}, numbers(5)) == "    mode: each\n    prelude: {records: 2}\n");
}

TEST_CASE("a banner that waits in the tool's buffer is a prelude, too") {
  World world({.print = kEcho, .banner = "Hello.\n", .shows_banner_first = false});
  CHECK(world.probe({"tool"}, numbers(5)) == "    mode: each\n    prelude: {records: 1}\n");
}

TEST_CASE("a banner that is no record of the answers' framing ends with its last line") {
  World world({.print = for_each_line([](const std::string& line) { return line + "\n\n"; }),
               .banner = "@(#) Ispell 3.1.20 (but really another)\n"});
  CHECK(world.probe({"speller"}, numbers(5)) ==
        "    mode: each\n    prelude: {until: '^@'}\n    output: blank-line\n");
}

TEST_CASE("answers that end with a line of their own are found") {
  World world({.print = for_each_line(
                   [](const std::string& line) { return line + "\nx\n" + line + "\nEOS\n"; })});
  CHECK(world.probe({"mecab"}, "a\nb\nEOS.\n") == "    mode: each\n    output: {until: '^EOS$'}\n");
}

TEST_CASE("records with zero bytes behind them are taken for that") {
  World world({.print = kEcho});
  CHECK(world.probe({"lt-proc", "-z"}, std::string("a\0b c\0", 6)) ==
        "    mode: each\n    input: {separator: \"\\0\"}\n    output: {separator: \"\\0\"}\n");
}

TEST_CASE("what a tool always says at its end is no answer") {
  World world({.print = kEcho, .trailer = "Goodbye.\n"});
  CHECK(world.probe({"tool"}, numbers(5)) == "    mode: each\n");
  CHECK(world.verdict.yaml.find("the 9 B that it prints at its end") != std::string::npos);
}

TEST_CASE("what a tool says of all records at its end is an answer, for which it gets them all") {
  World world({.print = [](std::string_view stream) {
    return std::string(stream) + std::to_string(stream.size()) + " bytes in all\n";
  }});
  CHECK(world.probe({"tool"}, numbers(5)) == "    mode: window\n    window: all\n");
}

TEST_CASE("a tool that buffers gets windows") {
  World world({.print = kEcho, .answers_at_once = false});
  CHECK(world.probe({"tool"}, numbers(50)) == "    mode: window\n    window: {records: 1000}\n");
  CHECK(world.notes.find("mode each: no, ") != std::string::npos);
  CHECK(world.notes.find("it buffers its output") != std::string::npos);
}

TEST_CASE("a tool that buffers and is known gets its own flag") {
  World world({.print = kEcho, .answers_at_once = false, .flag = "interactive"});
  CHECK(world.probe({"mawk", "{print}"}, numbers(50)) == "    mode: each\n");
  CHECK(world.verdict.yaml.find("run: [mawk, -W, interactive, '{print}']") != std::string::npos);
}

TEST_CASE("sorting what is sorted already is not taken for something that windows do not change") {
  World world({.print = sorted, .answers_at_once = false});
  for (const char* const sample :
       {"a\nb\nc\nd\ne\n", "e\nd\nc\nb\na\n", "c\nb\na\n", "a\nb\n", "b\na\n"}) {
    INFO(sample);
    CHECK(world.probe({"sort"}, sample) == "    mode: window\n    window: all\n");
  }
}

TEST_CASE("dropping repeats where there are none is not taken for a copy") {
  World world({.print =
                   [](std::string_view stream) {
                     std::vector<std::string> records = records_of(Framing{}, stream);
                     const auto repeats = std::ranges::unique(records);
                     records.erase(repeats.begin(), repeats.end());
                     std::string printed;
                     for (const std::string& record : records) {
                       printed += record + "\n";
                     }
                     return printed;
                   },
               .answers_at_once = false});
  for (const int count : {1, 2, 3, 4, 50}) {
    INFO(count);
    CHECK(world.probe({"uniq"}, numbers(count)) == "    mode: window\n    window: all\n");
  }
}

TEST_CASE("each record as an argument is a window of its own") {
  World world({.print = kEcho});
  CHECK(world.probe({"echo", "{}"}, numbers(50)) == "    mode: window\n    output: whole\n");
}

TEST_CASE("a tool that does not repeat itself is judged by the number of its answers") {
  int runs = 0;
  World world({.print = [&runs](std::string_view stream) {
    const std::string run = std::to_string(++runs);
    return for_each_line([&run](const std::string& line) { return run + line + "\n"; })(stream);
  }});
  CHECK(world.probe({"ts"}, numbers(50)) == "    mode: each\n");
  CHECK(world.verdict.yaml.find("prints other bytes at each run") != std::string::npos);
}

TEST_CASE("a tool that cannot be started is told so, and nothing else is tried") {
  World world({.print = kEcho, .ending = {.start_error = "cannot start 'x': not found"}});
  CHECK(world.probe({"x"}, numbers(5)).empty());
  CHECK(world.verdict.code == ExitCode::kPipelineFailed);
  CHECK(world.verdict.message == "cannot start 'x': not found");
  CHECK(world.trials == 1);
}

TEST_CASE("a tool that fails at once is told so with its words") {
  World world({.print = [](std::string_view) { return std::string(); },
               .ending = {.code = 255, .errors = "no locale\n"}});
  CHECK(world.probe({"link-parser"}, numbers(5)).empty());
  CHECK(world.verdict.code == ExitCode::kPipelineFailed);
  CHECK(world.verdict.message.find("exited with status 255; its last words: no locale") !=
        std::string::npos);
}

TEST_CASE("a tool that never ends is a timeout") {
  World world(
      {.print = [](std::string_view) { return std::string(); }, .ending = {.is_late = true}});
  CHECK(world.probe({"sleep", "infinity"}, numbers(5)).empty());
  CHECK(world.verdict.code == ExitCode::kTimeout);
}

TEST_CASE("a slow tool is given fewer records") {
  World world({.print = kEcho});
  ProbePlan plan({.argv = {"slow"}, .sample = numbers(1000), .inputs = {Framing{}}});
  while (!plan.is_over()) {
    const Trial trial = plan.trial();
    Outcome outcome = world.run(trial);
    if (trial.what == Trial::What::kTool) {
      const std::size_t records = cut(Framing{}, trial.stream).ends.size();
      outcome.elapsed = std::chrono::seconds(1) * static_cast<std::int64_t>(records);
      outcome.is_late = outcome.elapsed > trial.limit;
    }
    plan.take(outcome);
  }
  CHECK(plan.verdict().code == ExitCode::kWell);
  CHECK(plan.verdict().yaml.find("# 2 records (4 B)") != std::string::npos);
}

}  // namespace leat::cli
