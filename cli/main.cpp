// The program that `leat` executes: reads the command line and runs the command.

#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace {

using leat::cli::ExitCode;

int run(int argc, char** argv) {
  CLI::App app("Leat runs streams of records through command-line tools, unmodified and kept warm.",
               "leat");
  app.set_version_flag("--version", "leat 0.1.0");
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);

  leat::cli::PipeArguments pipe;
  CLI::App* const pipe_command =
      app.add_subcommand("pipe",
                         "Run standard input through a pipeline to standard output, in order.\n"
                         "Example: leat pipe --dead-letters failed.jsonl news.yml < in > out");
  pipe_command->add_option("SPEC", pipe.spec, "the pipeline's YAML file")->required();
  pipe_command->add_option("--dead-letters", pipe.dead_letters,
                           "keep failed records in this file, as JSON Lines");
  pipe_command->add_flag("--progress", pipe.shows_progress,
                         "show progress even when standard error is no terminal");
  pipe_command->add_flag("--summary", pipe.shows_summary, "show a table of the stages at the end");

  std::string spec;
  CLI::App* const lint_command =
      app.add_subcommand("lint", "Check a pipeline's YAML file.\nExample: leat lint news.yml");
  lint_command->add_option("SPEC", spec, "the pipeline's YAML file")->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  if (lint_command->parsed()) return static_cast<int>(leat::cli::run_lint(spec));
  return static_cast<int>(leat::cli::run_pipe(pipe));
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
