// The program that `leat` executes: reads the command line and runs the command.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command_line.h"
#include "cli/surroundings.h"
#include "spec/nearest.h"

namespace {

using namespace leat::cli;

// What is wrong with a first word that is no command. (CLI11 would only say that one is required.)
std::optional<std::string> stray_command(const CLI::App& program, int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "-";
  if (word.starts_with('-')) return std::nullopt;
  std::vector<std::string> names;
  for (const CLI::App* const command :
       program.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  if (std::find(known.begin(), known.end(), word) != known.end()) return std::nullopt;
  const std::optional<std::string_view> nearest = leat::spec::nearest(word, known);
  return "there is no command '" + std::string(word) + "'" +
         (nearest ? "; did you mean '" + std::string(*nearest) + "'?" : "") +
         " `leat --help` lists them";
}

// The command of `leat probe`, behind the first "--": as it is, for CLI11 reads "[a]" as a list and
// a word such as "pipe" as a command of ours. What is before it is left in `argc`.
std::vector<std::string> take_probed_command(int& argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != "probe") return {};
  char** const end = argv + argc;
  char** const dashes = std::find(argv, end, std::string_view("--"));
  argc = static_cast<int>(dashes - argv);
  return dashes == end ? std::vector<std::string>() : std::vector<std::string>(dashes + 1, end);
}

int run(int argc, char** argv) {
  CLI::App program(
      "Leat runs streams of records through command-line tools, unmodified and kept "
      "warm.",
      "leat");
  program.set_version_flag("--version", std::string("leat ") + kProgramVersion);
  program.require_subcommand(1);
  program.failure_message(CLI::FailureMessage::help);

  CommandLine line;
  add_record_commands(program, line);
  add_pipeline_commands(program, line);
  add_daemon_commands(program, line);
  add_file_commands(program, line);
  add_probe_command(program, line);
  if (const std::optional<std::string> stray = stray_command(program, argc, argv)) {
    say(*stray);
    return static_cast<int>(ExitCode::kUsage);
  }
  line.probe.argv = take_probed_command(argc, argv);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  const Attempt<ExitCode> done = check_open_files().map([&] { return line.chosen(); });
  return static_cast<int>(conclude(done));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "leat: %s\n", error.what());
    return static_cast<int>(ExitCode::kPipelineFailed);
  }
}
