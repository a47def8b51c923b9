// The command line: what each command is called, what it takes, and what it is told.
//
// One function for each group of commands adds them to the program's parser; parsing fills in the
// arguments of the command that was given, and what to run.

#pragma once

#include <functional>

#include "cli/commands.h"
#include "cli/probe_command.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name.
class App;
}

namespace leat::cli {

struct CommandLine {
  std::string lint_spec;
  std::string keys_directory;
  ProbeArguments probe;
  PipeArguments pipe;
  SendArguments send;
  ReceiveArguments receive;
  DeployArguments deploy;
  StatusArguments status;
  ScaleArguments scale;
  PauseArguments pause;
  PauseArguments resume;
  DrainArguments drain;
  RemoveArguments remove;
  LogsArguments logs;
  BrokerDaemonArguments broker;
  NodeDaemonArguments node;
  UpArguments up{.broker = {}, .node = {.name = "local"}};
  std::function<ExitCode()> chosen;  // Set when a command was given.
};

// lint, keys.
void add_file_commands(CLI::App& program, CommandLine& line);

// probe.
void add_probe_command(CLI::App& program, CommandLine& line);

// pipe, send, recv.
void add_record_commands(CLI::App& program, CommandLine& line);

// deploy, status, scale, pause, resume, drain, remove, logs.
void add_pipeline_commands(CLI::App& program, CommandLine& line);

// broker, node, up.
void add_daemon_commands(CLI::App& program, CommandLine& line);

}  // namespace leat::cli
