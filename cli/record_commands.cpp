// `leat pipe`, `send` and `recv` on the command line.

#include "cli/command_line.h"
#include "cli/options.h"

namespace leat::cli {

namespace {

void add_pipe(CLI::App& program, PipeArguments& pipe, CommandLine& line) {
  CLI::App* const command =
      program.add_subcommand("pipe",
                             "Run standard input through a pipeline to standard output, in order.\n"
                             "Example: leat pipe --dead-letters failed.jsonl news.yml < in > out");
  command
      ->add_option("PIPELINE", pipe.pipeline,
                   "a pipeline's YAML file, which is run in this process, or the name of a "
                   "deployed pipeline")
      ->required();
  command
      ->add_option("--directory", pipe.directory,
                   "where the tools run and relative paths count from, instead of the folder of "
                   "the file; of a file only")
      ->type_name("DIR");
  command
      ->add_option("--dead-letters", pipe.dead_letters,
                   "keep failed records in this file, as JSON Lines")
      ->type_name("FILE");
  command
      ->add_option("--stderr", pipe.stderr_file,
                   "write what the tools say on standard error about these records into this "
                   "file; -: to standard error")
      ->type_name("FILE");
  command->add_flag("--progress", pipe.shows_progress,
                    "show progress even when standard error is no terminal");
  command->add_flag("--summary", pipe.shows_summary,
                    "show a table of the stages at the end; of a file only");
  add_client_options(*command, pipe.broker);
  command->callback([&] { line.chosen = [&] { return run_pipe(pipe); }; });
}

void add_send(CLI::App& program, SendArguments& send, CommandLine& line) {
  CLI::App* const command = program.add_subcommand(
      "send",
      "Send the records of standard input to a deployed pipeline, and end when all are\n"
      "accepted. Their results wait for `leat recv`.\n"
      "Example: leat send news < in");
  command->add_option("PIPELINE", send.pipeline, "the deployed pipeline's name")->required();
  command
      ->add_option("--producer", send.producer,
                   "under which name; one that no other producer of the pipeline has")
      ->type_name("NAME");
  command
      ->add_option("--dead-letters", send.dead_letters,
                   "keep records that are too large to be sent in this file, as JSON Lines")
      ->type_name("FILE");
  command->add_flag("--progress", send.shows_progress, "show progress");
  add_client_options(*command, send.broker);
  command->callback([&] { line.chosen = [&] { return run_send(send); }; });
}

void add_receive(CLI::App& program, ReceiveArguments& receive, CommandLine& line) {
  CLI::App* const command = program.add_subcommand(
      "recv",
      "Write the results of a deployed pipeline to standard output, until interrupted; with --to\n"
      "to a file, each exactly once, however often this command is killed and started again.\n"
      "Example: leat recv news > out");
  command->add_option("PIPELINE", receive.pipeline, "the deployed pipeline's name")->required();
  command
      ->add_option("--group", receive.group,
                   "consumers of one group share the results; each group gets all of them "
                   "(default)")
      ->type_name("NAME");
  command
      ->add_option("--producer", receive.producer,
                   "only the results of this producer; ends after its last")
      ->type_name("NAME");
  command
      ->add_option("--to", receive.file,
                   "write results into this file, each exactly once, kill -9 included; FILE.leat "
                   "beside it tells how far it is")
      ->type_name("FILE");
  command
      ->add_option("--dead-letters", receive.dead_letters,
                   "add failed records to this file, as JSON Lines")
      ->type_name("FILE");
  add_client_options(*command, receive.broker);
  command->callback([&] { line.chosen = [&] { return run_receive(receive); }; });
}

}  // namespace

void add_record_commands(CLI::App& program, CommandLine& line) {
  add_pipe(program, line.pipe, line);
  add_send(program, line.send, line);
  add_receive(program, line.receive, line);
}

}  // namespace leat::cli
