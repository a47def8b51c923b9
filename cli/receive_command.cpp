// `leat recv`: the results of a deployed pipeline to standard output.

#include <utility>

#include "cli/commands.h"
#include "cli/remote_pipeline.h"
#include "cli/stream_command.h"
#include "io/process.h"

namespace leat::cli {

namespace {

Attempt<ExitCode> receive(const ReceiveArguments& arguments) {
  if (Attempt<void> output = check_standard_output(); !output) {
    return tl::unexpected(output.error());
  }
  occupy_standard_error();
  Result<Output> output = Output::open();
  if (!output) return trouble(ExitCode::kUsage, output.error());
  Result<DeadLetterFile> letters =
      DeadLetterFile::open_if_named(arguments.dead_letters, DeadLetterFile::Earlier::kKept);
  if (!letters) return trouble(ExitCode::kUsage, letters.error());
  io::prepare_signals();
  const Signals signals;
  io::Context context;
  Attempt<Front> front = Front::connect(context, arguments.broker);
  if (!front) return tl::unexpected(front.error());
  // Whether broker and pipeline are there: for what is there a session waits as long as it takes.
  const Attempt<spec::Pipeline> pipeline = describe(*front, signals, arguments.pipeline);
  if (!pipeline) return tl::unexpected(pipeline.error());
  output->set_framing(pipeline->sink_framing);
  StreamCommand command({.session = {.pipeline = pipeline->name,
                                     .producer = new_producer("recv"),
                                     .use = wire::SessionUse::kReceive,
                                     .group = arguments.group,
                                     .from = arguments.producer},
                         .output = std::move(*output),
                         .letters = std::move(*letters)},
                        *front);
  return command.run(signals);
}

}  // namespace

ExitCode run_receive(const ReceiveArguments& arguments) {
  return conclude(receive(arguments));
}

}  // namespace leat::cli
