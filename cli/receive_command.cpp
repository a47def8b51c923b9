// `leat recv`: the results of a deployed pipeline to standard output.

#include <utility>

#include "cli/commands.h"
#include "cli/remote_pipeline.h"
#include "cli/stream_command.h"
#include "io/process.h"

namespace leat::cli {

namespace {

client::Settings session_of(const ReceiveArguments& arguments) {
  return {.pipeline = arguments.pipeline,
          .producer = new_producer("recv"),
          .use = wire::SessionUse::kReceive,
          .group = arguments.group,
          .from = arguments.producer};
}

// Where results go, and the session that was going on there.
Attempt<void> open_target(const ReceiveArguments& arguments, StreamCommand::Options& options) {
  if (!arguments.file) {
    Result<Output> output = Output::open();
    if (!output) return trouble(ExitCode::kUsage, output.error());
    options.output = std::move(*output);
    return {};
  }
  client::Settings& session = options.session;
  Result<ResultFile> file = ResultFile::open(
      *arguments.file, {session.pipeline, session.group, session.from}, session.producer);
  if (!file) return trouble(ExitCode::kUsage, file.error());
  const FileSink& sink = file->sink();
  if (sink.is_complete()) {
    say(file->path() + " has all results of producer '" + session.from + "' already");
  }
  session.producer = sink.consumer();
  session.resumption = {
      .epoch = sink.next_epoch(), .taken = sink.delivery(), .has_last = sink.is_complete()};
  options.file = std::move(*file);
  return {};
}

Attempt<ExitCode> receive(const ReceiveArguments& arguments) {
  StreamCommand::Options options{.session = session_of(arguments)};
  if (!arguments.file) {
    if (Attempt<void> output = check_standard_output(); !output) {
      return tl::unexpected(output.error());
    }
  }
  occupy_standard_error();
  if (Attempt<void> target = open_target(arguments, options); !target) {
    return tl::unexpected(target.error());
  }
  Result<DeadLetterFile> letters =
      DeadLetterFile::open_if_named(arguments.dead_letters, DeadLetterFile::Earlier::kKept);
  if (!letters) return trouble(ExitCode::kUsage, letters.error());
  options.letters = std::move(*letters);
  io::prepare_signals();
  const Signals signals;
  io::Context context;
  Attempt<Front> front = Front::connect(context, arguments.broker);
  if (!front) return tl::unexpected(front.error());
  // Whether broker and pipeline are there: for what is there a session waits as long as it takes.
  const Attempt<spec::Pipeline> pipeline = describe(*front, signals, arguments.pipeline);
  if (!pipeline) return tl::unexpected(pipeline.error());
  if (options.output) options.output->set_framing(pipeline->sink_framing);
  if (options.file) options.file->set_framing(pipeline->sink_framing);
  StreamCommand command(std::move(options), *front);
  return command.run(signals);
}

}  // namespace

ExitCode run_receive(const ReceiveArguments& arguments) {
  return conclude(receive(arguments));
}

}  // namespace leat::cli
