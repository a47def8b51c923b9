// `leat pipe`: a session through a pipeline of this process, or through a deployed one.

#include <filesystem>
#include <utility>

#include <unistd.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/daemons.h"
#include "cli/remote_pipeline.h"
#include "cli/spec_file.h"
#include "cli/stream_command.h"
#include "cli/tool_words.h"
#include "io/process.h"

namespace leat::cli {

namespace {

// A file is told by its name, or by being there.
bool is_file(const std::string& text) {
  constexpr const char* kNameLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  std::error_code ignored;
  return text.find_first_not_of(kNameLetters) != std::string::npos ||
         std::filesystem::exists(text, ignored);
}

// Whether both name one regular file, which neither could be written to whole.
bool are_one_file(const std::optional<std::string>& a, const std::optional<std::string>& b) {
  std::error_code ignored;
  return a && b && std::filesystem::is_regular_file(*a, ignored) &&
         std::filesystem::equivalent(*a, *b, ignored);
}

// The streams of a pipe, checked.
struct Streams {
  Output output;
  DeadLetterFile letters;
  ToolWords words;
};

StreamCommand::Options options_for(const spec::Pipeline& pipeline, Streams streams,
                                   const PipeArguments& arguments) {
  const std::size_t record_bytes_max = pipeline.limits.record_bytes_max;
  streams.output.set_framing(pipeline.sink_framing);
  return {.session = {.pipeline = pipeline.name,
                      .producer = new_producer("pipe"),
                      .wants_stderr = streams.words.is_open()},
          .input = Input(pipeline.source_framing, record_bytes_max),
          .output = std::move(streams.output),
          .letters = std::move(streams.letters),
          .words = std::move(streams.words),
          .record_bytes_max = record_bytes_max,
          .shows_progress = arguments.shows_progress || ::isatty(STDERR_FILENO) == 1,
          .shows_summary = arguments.shows_summary};
}

Attempt<Streams> open_streams(const PipeArguments& arguments) {
  Result<Output> output = Output::open();
  if (!output) return trouble(ExitCode::kUsage, output.error());
  Result<DeadLetterFile> letters =
      DeadLetterFile::open_if_named(arguments.dead_letters, DeadLetterFile::Earlier::kReplaced);
  if (!letters) return trouble(ExitCode::kUsage, letters.error());
  Result<ToolWords> words = ToolWords::open(arguments.stderr_file);
  if (!words) return trouble(ExitCode::kUsage, words.error());
  if (are_one_file(arguments.dead_letters, arguments.stderr_file)) {
    return trouble(ExitCode::kUsage,
                   Error{Errc::kInvalidArgument, "--dead-letters and --stderr both name " +
                                                     *arguments.stderr_file +
                                                     ": give each a file of its own"});
  }
  if (::isatty(STDIN_FILENO) == 1) say("reading records from the terminal; Ctrl-D ends them");
  return Streams{std::move(*output), std::move(*letters), std::move(*words)};
}

Attempt<ExitCode> run_embedded(const PipeArguments& arguments) {
  Result<SpecFile> spec = read_spec(arguments.pipeline, arguments.directory);
  if (!spec) return trouble(ExitCode::kUsage, spec.error());
  Attempt<Streams> streams = open_streams(arguments);
  if (!streams) return tl::unexpected(streams.error());
  io::prepare_signals();
  const Signals signals;
  io::Context context;
  Result<std::unique_ptr<Daemons>> cluster = Daemons::start(context, private_cluster());
  if (!cluster) return trouble(ExitCode::kBroker, cluster.error());
  Attempt<Front> front = Front::connect_within(context, kInnerFront);
  if (!front) return tl::unexpected(front.error());
  StreamCommand::Options options = options_for(spec->pipeline, *std::move(streams), arguments);
  options.session.deploy = spec->deploy();
  // The broker is in this process: when it is silent, all of it was stopped.
  options.session.broker_silence_beats = UINT32_MAX;
  StreamCommand command(std::move(options), *front);
  const ExitCode code = command.run(signals);
  if (code == ExitCode::kWell || code == ExitCode::kRecordsFailed) {
    (*cluster)->stop(signals);
  } else {
    (*cluster)->abort();
  }
  return code;
}

Attempt<ExitCode> run_deployed(const PipeArguments& arguments) {
  if (arguments.shows_summary) {
    return trouble(ExitCode::kUsage, "--summary counts a pipeline of its own, and '" +
                                         arguments.pipeline +
                                         "' is one that others use, too: see `leat status " +
                                         arguments.pipeline + "`");
  }
  if (!arguments.directory.empty()) {
    return trouble(ExitCode::kUsage, "--directory is for a pipeline's file, and '" +
                                         arguments.pipeline +
                                         "' is a deployed pipeline, which has its own");
  }
  Attempt<Streams> streams = open_streams(arguments);
  if (!streams) return tl::unexpected(streams.error());
  io::prepare_signals();
  const Signals signals;
  io::Context context;
  Attempt<Front> front = Front::connect(context, arguments.broker);
  if (!front) return tl::unexpected(front.error());
  const Attempt<spec::Pipeline> pipeline = describe(*front, signals, arguments.pipeline);
  if (!pipeline) {
    return trouble(pipeline.error().code, "'" + arguments.pipeline +
                                              "' is no file here, so it is a deployed pipeline: " +
                                              pipeline.error().message);
  }
  StreamCommand command(options_for(*pipeline, *std::move(streams), arguments), *front);
  return command.run(signals);
}

Attempt<ExitCode> pipe_through(const PipeArguments& arguments) {
  if (Attempt<void> input = check_standard_input(); !input) return tl::unexpected(input.error());
  if (Attempt<void> output = check_standard_output(); !output) {
    return tl::unexpected(output.error());
  }
  occupy_standard_error();
  return is_file(arguments.pipeline) ? run_embedded(arguments) : run_deployed(arguments);
}

}  // namespace

ExitCode run_pipe(const PipeArguments& arguments) {
  return conclude(pipe_through(arguments));
}

}  // namespace leat::cli
