// `leat deploy`, `status`, `scale`, `pause`, `resume`, `drain`, `remove` and `logs` on the command
// line.

#include "cli/command_line.h"
#include "cli/options.h"

namespace leat::cli {

namespace {

constexpr std::uint32_t kReplicasMax = 1024;

void add_deploy(CLI::App& program, DeployArguments& deploy, CommandLine& line) {
  CLI::App* const command = program.add_subcommand(
      "deploy",
      "Start a pipeline, or change it to what its file says now, and wait until it is\n"
      "whole.\n"
      "Example: leat deploy news.yml");
  command->add_option("SPEC", deploy.spec, "the pipeline's YAML file")->required();
  command->add_flag("!--no-wait", deploy.waits, "do not wait until all replicas are ready");
  add_time(*command, "--timeout", deploy.timeout, "how long to wait for that (60s)");
  add_broker_options(*command, deploy.broker);
  command->callback([&] { line.chosen = [&] { return run_deploy(deploy); }; });
}

void add_status(CLI::App& program, StatusArguments& status, CommandLine& line) {
  CLI::App* const command = program.add_subcommand(
      "status", "Show pipelines, stages and nodes.\nExample: leat status news");
  command->add_option("PIPELINE", status.pipeline, "only this one");
  command->add_flag("--json", status.as_json, "as one JSON object, for programs");
  add_client_options(*command, status.broker);
  command->callback([&] { line.chosen = [&] { return run_status(status); }; });
}

void add_scale(CLI::App& program, ScaleArguments& scale, CommandLine& line) {
  CLI::App* const command =
      program.add_subcommand("scale",
                             "Change how many replicas a stage has over all nodes.\n"
                             "Example: leat scale news parse 8");
  command->add_option("PIPELINE", scale.pipeline, "the deployed pipeline's name")->required();
  command->add_option("STAGE", scale.stage, "the stage's name")->required();
  command->add_option("N", scale.replicas, "how many replicas")
      ->required()
      ->check(CLI::Range(std::uint32_t{1}, kReplicasMax));
  add_client_options(*command, scale.broker);
  command->callback([&] { line.chosen = [&] { return run_scale(scale); }; });
}

void add_which(CLI::App& command, PauseArguments& arguments) {
  command.add_option("PIPELINE", arguments.pipeline, "the deployed pipeline's name")->required();
  command.add_option("STAGE", arguments.stage, "only this stage");
  add_client_options(command, arguments.broker);
}

void add_pause(CLI::App& program, PauseArguments& pause, CommandLine& line) {
  CLI::App* const command = program.add_subcommand(
      "pause",
      "Give the tools of a pipeline or stage nothing more, until it is resumed. They stay,\n"
      "and finish what they have; records wait.\n"
      "Example: leat pause news parse");
  add_which(*command, pause);
  command->callback([&] { line.chosen = [&] { return run_pause(pause); }; });
}

void add_resume(CLI::App& program, PauseArguments& resume, CommandLine& line) {
  CLI::App* const command = program.add_subcommand(
      "resume", "Let a paused pipeline or stage go on.\nExample: leat resume news parse");
  add_which(*command, resume);
  command->callback([&] { line.chosen = [&] { return run_resume(resume); }; });
}

void add_drain(CLI::App& program, DrainArguments& drain, CommandLine& line) {
  CLI::App* const command = program.add_subcommand(
      "drain",
      "Give a node nothing more, and wait until it has finished what it has and left.\n"
      "Example: leat drain gpu-2");
  command->add_option("NODE", drain.node, "the node's name")->required();
  command->add_flag("!--no-wait", drain.waits, "do not wait until it has left");
  add_client_options(*command, drain.broker);
  command->callback([&] { line.chosen = [&] { return run_drain(drain); }; });
}

void add_remove(CLI::App& program, RemoveArguments& remove, CommandLine& line) {
  CLI::App* const command = program.add_subcommand(
      "remove",
      "End a deployed pipeline. Refused while records or results are in it.\n"
      "Example: leat remove news");
  command->add_option("PIPELINE", remove.pipeline, "the deployed pipeline's name")->required();
  command->add_flag("--drop", remove.drops, "drop the records and results that are in it");
  add_client_options(*command, remove.broker);
  command->callback([&] { line.chosen = [&] { return run_remove(remove); }; });
}

void add_logs(CLI::App& program, LogsArguments& logs, CommandLine& line) {
  CLI::App* const command =
      program.add_subcommand("logs",
                             "Show what the tools of a pipeline said last on standard error.\n"
                             "Example: leat logs news parse");
  command->add_option("PIPELINE", logs.pipeline, "the deployed pipeline's name")->required();
  command->add_option("STAGE", logs.stage, "only of this stage");
  add_client_options(*command, logs.broker);
  command->callback([&] { line.chosen = [&] { return run_logs(logs); }; });
}

}  // namespace

void add_pipeline_commands(CLI::App& program, CommandLine& line) {
  add_deploy(program, line.deploy, line);
  add_status(program, line.status, line);
  add_scale(program, line.scale, line);
  add_pause(program, line.pause, line);
  add_resume(program, line.resume, line);
  add_drain(program, line.drain, line);
  add_remove(program, line.remove, line);
  add_logs(program, line.logs, line);
}

}  // namespace leat::cli
