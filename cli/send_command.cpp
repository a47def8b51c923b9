// `leat send`: standard input into a deployed pipeline, until all of it is accepted.

#include <utility>

#include "cli/commands.h"
#include "cli/remote_pipeline.h"
#include "cli/stream_command.h"
#include "io/process.h"

namespace leat::cli {

namespace {

Attempt<ExitCode> send(const SendArguments& arguments) {
  if (Attempt<void> input = check_standard_input(); !input) return tl::unexpected(input.error());
  occupy_standard_error();
  Result<DeadLetterFile> letters =
      DeadLetterFile::open_if_named(arguments.dead_letters, DeadLetterFile::Earlier::kReplaced);
  if (!letters) return trouble(ExitCode::kUsage, letters.error());
  io::prepare_signals();
  const Signals signals;
  io::Context context;
  Attempt<Front> front = Front::connect(context, arguments.broker);
  if (!front) return tl::unexpected(front.error());
  const Attempt<spec::Pipeline> pipeline = describe(*front, signals, arguments.pipeline);
  if (!pipeline) return tl::unexpected(pipeline.error());
  const std::size_t record_bytes_max = pipeline->limits.record_bytes_max;
  const std::string producer =
      arguments.producer.empty() ? new_producer("send") : arguments.producer;
  StreamCommand command({.session = {.pipeline = pipeline->name,
                                     .producer = producer,
                                     .use = wire::SessionUse::kSend},
                         .input = Input(pipeline->source_framing, record_bytes_max),
                         .letters = std::move(*letters),
                         .record_bytes_max = record_bytes_max,
                         .shows_progress = arguments.shows_progress},
                        *front);
  return command.run(signals);
}

}  // namespace

ExitCode run_send(const SendArguments& arguments) {
  return conclude(send(arguments));
}

}  // namespace leat::cli
