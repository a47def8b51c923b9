// The program that `leat` executes: reads the command line and runs the command.

#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/command_line.h"
#include "cli/surroundings.h"

namespace {

using namespace leat::cli;

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
