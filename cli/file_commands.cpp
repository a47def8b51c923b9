// `leat lint` and `leat keys`: commands that need no broker.

#include <CLI/CLI.hpp>

#include "cli/command_line.h"
#include "cli/print.h"
#include "cli/spec_file.h"
#include "io/keys.h"

namespace leat::cli {

namespace {

Attempt<ExitCode> lint(const std::string& path) {
  const Result<SpecFile> file = read_spec(path);
  if (!file) return trouble(ExitCode::kUsage, file.error());
  const std::size_t stages = file->pipeline.stages.size();
  say_plainly(path + ": pipeline '" + file->pipeline.name + "' is well: " + std::to_string(stages) +
              (stages == 1 ? " stage\n" : " stages\n"));
  return ExitCode::kWell;
}

Attempt<ExitCode> make_keys(const std::string& directory) {
  if (const Result<void> made = io::make_key_directory(directory); !made) {
    return trouble(ExitCode::kUsage, made.error());
  }
  const Attempt<void> printed =
      print("new keys are in " + directory +
            "\n"
            "  the broker's machine needs broker.key, broker.pub, cluster.pub\n"
            "  nodes and clients need cluster.key, cluster.pub, broker.pub\n");
  if (!printed) return tl::unexpected(printed.error());
  return ExitCode::kWell;
}

}  // namespace

ExitCode run_lint(const std::string& spec) {
  return conclude(lint(spec));
}

ExitCode run_new_keys(const std::string& directory) {
  return conclude(make_keys(directory));
}

void add_file_commands(CLI::App& program, CommandLine& line) {
  CLI::App* const lint_command =
      program.add_subcommand("lint", "Check a pipeline's YAML file.\nExample: leat lint news.yml");
  lint_command->add_option("SPEC", line.lint_spec, "the pipeline's YAML file")->required();
  lint_command->callback([&line] { line.chosen = [&line] { return run_lint(line.lint_spec); }; });

  CLI::App* const keys = program.add_subcommand(
      "keys",
      "Make the keys by which broker, nodes and clients know each other over tcp.\n"
      "Example: leat keys new /etc/leat/keys");
  keys->require_subcommand(1);
  CLI::App* const make = keys->add_subcommand(
      "new", "Make a directory with new keys.\nExample: leat keys new /etc/leat/keys");
  make->add_option("DIR", line.keys_directory, "the directory; nothing in it is ever replaced")
      ->required();
  make->callback([&line] { line.chosen = [&line] { return run_new_keys(line.keys_directory); }; });
}

}  // namespace leat::cli
