// `leat probe`: finds out how a tool behaves, and prints the pipeline file that fits it.

#include "cli/probe_command.h"

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include <unistd.h>

#include "cli/command_line.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/probe_guess.h"
#include "cli/probe_runner.h"
#include "cli/surroundings.h"
#include "cli/table.h"
#include "core/words.h"
#include "io/process.h"
#include "io/system_error.h"
#include "spec/read_framing.h"

namespace leat::cli {

namespace {

constexpr const char* kHowTo =
    "give the command behind --, and a few records: `leat probe -- TOOL ARGS < sample`";

Attempt<std::optional<framing::Framing>> read_framing(const std::string& option,
                                                      const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto yaml = spec::read_yaml(text);
  if (!yaml) return trouble(ExitCode::kUsage, option + ": " + yaml.error().message);
  const auto framing = spec::read_framing(*yaml);
  if (!framing) return trouble(ExitCode::kUsage, option + ": " + framing.error().message);
  return *framing;
}

// Some more than a sample may have, so that it can be told that there was more.
Attempt<std::string> read_input() {
  if (Attempt<void> open = check_standard_input(); !open) return tl::unexpected(open.error());
  if (::isatty(STDIN_FILENO) == 1) {
    return trouble(ExitCode::kUsage, std::string("there is no sample: ") + kHowTo);
  }
  std::string input;
  std::array<char, 65536> buffer{};
  while (input.size() <= kSampleBytesMax) {
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return trouble(ExitCode::kUsage, "standard input cannot be read: " + io::in_words(errno));
    }
    if (got == 0) break;
    input.append(buffer.data(), static_cast<std::size_t>(got));
  }
  if (input.empty()) {
    return trouble(ExitCode::kUsage, std::string("the sample is empty: ") + kHowTo);
  }
  return input;
}

// Cut by the framing that makes the fewest records of it: where one of these ends, one of the
// others does, too.
Attempt<std::string> take_sample(std::string_view input,
                                 const std::vector<framing::Framing>& inputs) {
  const std::string_view within = input.substr(0, kSampleBytesMax);
  const framing::Framing* coarsest = &inputs.front();
  for (const framing::Framing& framing : inputs) {
    const std::size_t fewest = cut(*coarsest, within).ends.size();
    const std::size_t records = cut(framing, within).ends.size();
    if (records > 0 && records < fewest) coarsest = &framing;
  }
  std::string sample = take_records(*coarsest, within, kSampleRecordsMax);
  // Half a record at the end of what was read is none.
  const bool is_cut = input.size() > within.size() && sample.size() >= within.size();
  if (is_cut) {
    const Cut records = cut(*coarsest, within);
    sample = std::string(within.substr(0, records.ends.empty() ? 0 : records.ends.back()));
  }
  if (sample.empty()) {
    return trouble(ExitCode::kUsage, "the sample's first " + short_size(within.size()) +
                                         " are no record of framing " +
                                         framing::to_string(*coarsest) + ": see --input");
  }
  return sample;
}

Attempt<ProbeQuestion> question_of(const ProbeArguments& arguments) {
  if (arguments.argv.empty()) {
    return trouble(ExitCode::kUsage, std::string("there is no tool: ") + kHowTo);
  }
  if (const Result<void> well = check_command(arguments.argv); !well) {
    return trouble(ExitCode::kUsage, well.error());
  }
  const auto input_framing = read_framing("--input", arguments.input);
  if (!input_framing) return tl::unexpected(input_framing.error());
  const auto output_framing = read_framing("--output", arguments.output);
  if (!output_framing) return tl::unexpected(output_framing.error());
  const Attempt<std::string> input = read_input();
  if (!input) return tl::unexpected(input.error());
  ProbeQuestion question{
      .argv = arguments.argv, .output = *output_framing, .timeout = arguments.timeout};
  question.inputs = guess_inputs(std::string_view(*input).substr(0, kSampleBytesMax));
  if (*input_framing) question.inputs = {**input_framing};
  Attempt<std::string> sample = take_sample(*input, question.inputs);
  if (!sample) return tl::unexpected(sample.error());
  question.sample = std::move(*sample);
  const std::size_t records = cut(question.inputs.front(), question.sample).ends.size();
  say("probing `" + command_text(question.argv) + "` with " + count_of(records, "record") + " (" +
      short_size(question.sample.size()) + ")" +
      (question.sample.size() < input->size() ? ", the first of the sample" : ""));
  return question;
}

Attempt<ExitCode> probe(const ProbeArguments& arguments) {
  occupy_standard_error();
  if (Attempt<void> open = check_standard_output(); !open) return tl::unexpected(open.error());
  Attempt<ProbeQuestion> question = question_of(arguments);
  if (!question) return tl::unexpected(question.error());
  io::prepare_signals();
  const Signals signals;
  Attempt<ProbeRunner> runner = ProbeRunner::create(arguments.argv);
  if (!runner) return tl::unexpected(runner.error());
  ProbePlan plan(std::move(*question));
  while (!plan.is_over()) {
    Attempt<Outcome> outcome = runner->run(plan.trial(), signals);
    if (!outcome) return tl::unexpected(outcome.error());
    plan.take(std::move(*outcome));
    for (const std::string& note : plan.take_notes()) {
      say(note);
    }
  }
  const Verdict& verdict = plan.verdict();
  if (verdict.yaml.empty()) return trouble(verdict.code, verdict.message);
  if (Attempt<void> printed = print(verdict.yaml); !printed) {
    return tl::unexpected(printed.error());
  }
  return verdict.code;
}

}  // namespace

ExitCode run_probe(const ProbeArguments& arguments) {
  return conclude(probe(arguments));
}

void add_probe_command(CLI::App& program, CommandLine& line) {
  ProbeArguments& probe = line.probe;
  CLI::App* const command = program.add_subcommand(
      "probe",
      "Find out how a tool behaves with the records of standard input, and print the pipeline\n"
      "file that fits it. The tool and its arguments stand behind --.\n"
      "Example: leat probe -- hunspell -a < some-lines > spell.yml && leat pipe spell.yml < in");
  command
      ->add_option("--input", probe.input,
                   "how the sample lies in records, as in a pipeline file: lines, blank-line, "
                   "'{lines: 4}'; guessed without it")
      ->type_name("FRAMING");
  command->add_option("--output", probe.output, "how the tool's answers do; guessed without it")
      ->type_name("FRAMING");
  add_time(*command, "--timeout", probe.timeout, "how long each run of the tool may take (20s)");
  command->callback([&] { line.chosen = [&] { return run_probe(probe); }; });
}

}  // namespace leat::cli
