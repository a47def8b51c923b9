#include "cli/pipe_command.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/process.h"
#include "io/system_error.h"
#include "wire/codec.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kReadBytes = std::size_t{128} << 10;
constexpr Duration kProgressTime = 500ms;
// Failed records that are told one by one.
constexpr std::uint64_t kToldMax = 5;
constexpr int kMessagesPerTurn = 32;

// SIGINT and SIGTERM as a descriptor. Before any thread is started.
io::Fd catch_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return io::Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Where standard error is closed, no file of ours may come to stand there and get what is said.
void occupy_stderr() {
  if (::fcntl(STDERR_FILENO, F_GETFD) < 0) (void)::open("/dev/null", O_WRONLY);
}

std::string count_of(std::uint64_t n, const char* what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::optional<std::uint64_t> input_size() {
  struct stat status{};
  if (::fstat(STDIN_FILENO, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const off_t at = ::lseek(STDIN_FILENO, 0, SEEK_CUR);
  if (status.st_size <= at) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size - at);
}

client::Settings session_settings(const SpecFile& spec) {
  client::Settings settings;
  settings.deploy =
      wire::Deploy{.file = spec.file, .directory = spec.directory, .spec_text = spec.text};
  settings.pipeline = spec.pipeline.name;
  settings.producer = "pipe-" + std::to_string(::getpid());
  // The broker is in this process: when it is silent, all of it was stopped.
  settings.broker_silence_beats = UINT32_MAX;
  return settings;
}

}  // namespace

ExitCode run_pipe(const PipeArguments& arguments) {
  if (::fcntl(STDIN_FILENO, F_GETFD) < 0) {
    say("standard input is closed: give it the records, as in `leat pipe SPEC.yml < in > out`");
    return ExitCode::kUsage;
  }
  if (::fcntl(STDOUT_FILENO, F_GETFD) < 0) {
    say("standard output is closed: there is nowhere to write the results to");
    return ExitCode::kUsage;
  }
  occupy_stderr();
  Result<SpecFile> spec = read_spec(arguments.spec);
  if (!spec) {
    say(spec.error().message);
    return ExitCode::kUsage;
  }
  Result<Output> output = Output::open();
  if (!output) {
    say(output.error().message);
    return ExitCode::kUsage;
  }
  DeadLetterFile letters;
  if (arguments.dead_letters) {
    Result<DeadLetterFile> created = DeadLetterFile::create(*arguments.dead_letters);
    if (!created) {
      say(created.error().message);
      return ExitCode::kUsage;
    }
    letters = std::move(*created);
  }
  if (::isatty(STDIN_FILENO) == 1) say("reading records from the terminal; Ctrl-D ends them");
  io::prepare_signals();
  const io::Fd signals = catch_signals();
  io::Context context;
  Result<std::unique_ptr<EmbeddedCluster>> cluster = EmbeddedCluster::start(context);
  if (!cluster) {
    say(cluster.error().message);
    return ExitCode::kBroker;
  }
  PipeCommand command(arguments, std::move(*spec), std::move(*output), std::move(letters), context);
  const ExitCode code = command.run(signals.get());
  if (code == ExitCode::kWell || code == ExitCode::kRecordsFailed) {
    (*cluster)->stop(signals.get());
  } else {
    (*cluster)->abort();
  }
  return code;
}

PipeCommand::PipeCommand(PipeArguments arguments, SpecFile spec, Output output,
                         DeadLetterFile letters, io::Context& context)
    : arguments_(std::move(arguments)),
      spec_(std::move(spec)),
      output_(std::move(output)),
      letters_(std::move(letters)),
      front_(context, io::SocketType::kDealer),
      cutter_(spec_.pipeline.source_framing, spec_.pipeline.limits.record_bytes_max),
      session_(session_settings(spec_)),
      input_size_(input_size()),
      buffer_(kReadBytes) {}

ExitCode PipeCommand::run(int signals) {
  if (const Result<void> connected = front_.connect(EmbeddedCluster::front()); !connected) {
    say(connected.error().message);
    return ExitCode::kBroker;
  }
  started_ = clock_.now();
  next_progress_ = started_ + kProgressTime;
  carry_out(session_.start(started_));
  io::WaitSet waits;
  while (!code_) {
    turn(waits, signals);
  }
  finish_progress();
  tell_outcome();
  return *code_;
}

void PipeCommand::turn(io::WaitSet& waits, int signals) {
  const bool wants_input = !is_input_over_ && !pending_ && session_.may_submit();
  waits.clear();
  const std::size_t at_signals = waits.add(signals, POLLIN);
  waits.add(front_.fd(), POLLIN);
  const std::size_t at_input = wants_input ? waits.add(STDIN_FILENO, POLLIN) : SIZE_MAX;
  // Watched even when there is nothing to write, for its reader may go away.
  const bool is_only_looking = output_.is_empty();
  const std::size_t at_output = waits.add(output_.fd(), is_only_looking ? short{0} : POLLOUT);
  std::optional<Duration> patience;
  if (const std::optional<Instant> next = session_.next_deadline()) patience = *next - clock_.now();
  if (shows_progress() || arguments_.shows_summary) {
    const Duration left = next_progress_ - clock_.now();
    patience = patience ? std::min(*patience, left) : left;
  }
  if (front_.has_input()) patience = Duration(0);
  waits.wait(patience);
  now_ = clock_.now();
  if (waits.is_ready(at_signals)) {
    say("interrupted; what was not written yet is lost");
    carry_out(session_.close(now_));
    code_ = ExitCode::kInterrupted;
    return;
  }
  if (waits.is_ready(at_output)) write_output(is_only_looking);
  if (!code_) receive();
  const bool may_read = at_input != SIZE_MAX && waits.is_ready(at_input) && session_.may_submit();
  if (may_read && !code_) read_input();
  if (!code_) submit_pending();
  if (!code_) carry_out(session_.tick(now_));
  if (!code_ && now_ >= next_progress_) show_progress();
}

void PipeCommand::receive() {
  for (int i = 0; i < kMessagesPerTurn && !code_; ++i) {
    const std::optional<io::Socket::Frames> frames = front_.receive();
    if (!frames) return;
    const Result<wire::Message> message = wire::decode(*frames);
    if (!message) return fail(ExitCode::kBroker, message.error().message);
    carry_out(session_.receive(*message, now_));
  }
}

void PipeCommand::read_input() {
  const ssize_t got = ::read(STDIN_FILENO, buffer_.data(), buffer_.size());
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got < 0) {
    return fail(ExitCode::kPipelineFailed, "standard input failed after " +
                                               std::to_string(cutter_.count()) +
                                               " records: " + io::in_words(errno));
  }
  if (got == 0) {
    cutter_.finish();
    is_input_over_ = true;
  } else {
    read_bytes_ += static_cast<std::uint64_t>(got);
    cutter_.add({buffer_.data(), static_cast<std::size_t>(got)});
  }
  for (const InputCutter::Oversize& oversize : cutter_.take_oversize()) {
    bury_oversize(oversize);
  }
  pending_ = cutter_.take();
  submit_pending();
}

void PipeCommand::submit_pending() {
  while (pending_ && session_.may_submit()) {
    // As many as the credit pays for, their lengths included.
    const std::uint64_t blob_bytes = session_.credit() * pending_->blob.size() / pending_->bytes();
    const std::uint32_t n = pending_->fit(blob_bytes);
    const bool is_all = n == pending_->count;
    Records now = is_all ? std::move(*pending_) : pending_->slice(0, n);
    if (is_all) {
      pending_.reset();
    } else {
      pending_ = pending_->slice(n, pending_->count - n);
    }
    carry_out(session_.submit(std::move(now), now_));
  }
  if (is_input_over_ && !pending_ && !has_told_end_) {
    has_told_end_ = true;
    carry_out(session_.end(now_));
  }
}

void PipeCommand::write_output(bool is_only_looking) {
  // Nothing to write, and yet it is ready: its reader went away.
  Result<std::optional<std::uint64_t>> done = output_.write();
  if (is_only_looking) done = failure(Errc::kUnavailable, "");
  if (!done && done.error().code == Errc::kUnavailable) {
    say("the reader of standard output went away after " +
        std::to_string(output_.written_records()) + " records");
    carry_out(session_.close(now_));
    code_ = ExitCode::kInterrupted;
    return;
  }
  if (!done) {
    return fail(ExitCode::kPipelineFailed,
                "standard output cannot be written to: " + done.error().message);
  }
  if (*done) carry_out(session_.took(**done, now_));
}

void PipeCommand::carry_out(const client::Effects& effects) {
  for (const client::Effect& effect : effects) {
    std::visit([this](const auto& e) { order(e); }, effect);
  }
}

void PipeCommand::order(const client::SendToBroker& effect) {
  (void)front_.send(wire::encode(effect.message));
}

void PipeCommand::order(const client::HandOver& effect) {
  for (const wire::DeadLetter& letter : effect.delivery.dead_letters) {
    bury(letter);
  }
  dropped_ += effect.delivery.dropped;
  // The status of a pipeline that is over could not be asked for.
  if (effect.delivery.is_last && arguments_.shows_summary) {
    is_last_status_due_ = true;
    last_delivery_ = effect.delivery;
    carry_out(session_.ask_status(now_));
    return;
  }
  output_.add(effect.delivery);
  if (!code_) write_output(false);
}

void PipeCommand::order(const client::Finish& /*effect*/) {
  if (!code_) code_ = failed_ > 0 ? ExitCode::kRecordsFailed : ExitCode::kWell;
}

void PipeCommand::order(const client::Fail& effect) {
  switch (effect.kind) {
    case client::Fail::Kind::kRefused:
      return fail(ExitCode::kBroker, effect.reason);
    case client::Fail::Kind::kPipelineFailed:
      return fail(ExitCode::kPipelineFailed, effect.reason);
    case client::Fail::Kind::kUnreachable:
      return fail(ExitCode::kBroker, effect.reason);
  }
}

void PipeCommand::order(const client::ShowStatus& effect) {
  status_ = effect.status;
  if (!is_last_status_due_) return;
  is_last_status_due_ = false;
  output_.add(last_delivery_);
  if (!code_) write_output(false);
}

void PipeCommand::bury(const wire::DeadLetter& letter) {
  failed_ += letter.failure.inputs;
  wire::DeadLetter numbered = letter;
  numbered.failure.first = place_in_stream(letter.failure.first);
  tell_failure("record " + to_string(numbered.failure.first) + " failed at stage '" + letter.stage +
               "': " + letter.failure.reason);
  if (!letters_.is_open()) return;
  if (const Result<void> kept = letters_.add(spec_.pipeline.name, numbered); !kept) {
    fail(ExitCode::kPipelineFailed, kept.error().message);
  }
}

Position PipeCommand::place_in_stream(const Position& origin) const {
  std::vector<std::uint64_t> path = origin.above();
  path.push_back(origin.last());
  for (const std::uint64_t skipped : skipped_) {
    if (skipped <= path.front()) ++path.front();
  }
  const std::uint64_t last = path.back();
  path.pop_back();
  return {std::move(path), last};
}

void PipeCommand::bury_oversize(const InputCutter::Oversize& oversize) {
  ++failed_;
  skipped_.push_back(oversize.index);
  tell_failure("record " + std::to_string(oversize.index) + " has " +
               std::to_string(oversize.bytes) + " bytes, more than limits.record_bytes (" +
               std::to_string(spec_.pipeline.limits.record_bytes_max) + ")");
  if (!letters_.is_open()) return;
  const Result<void> kept =
      letters_.add_oversize(spec_.pipeline.name, oversize.index, oversize.bytes);
  if (!kept) fail(ExitCode::kPipelineFailed, kept.error().message);
}

void PipeCommand::tell_failure(const std::string& what) {
  ++told_;
  if (told_ > kToldMax) return;
  finish_progress();
  say(what);
  if (told_ == kToldMax) say("further failed records are counted only");
}

void PipeCommand::fail(ExitCode code, const std::string& reason) {
  if (code_) return;
  finish_progress();
  say(reason);
  code_ = code;
}

bool PipeCommand::shows_progress() const {
  return arguments_.shows_progress || ::isatty(STDERR_FILENO) == 1;
}

void PipeCommand::show_progress() {
  next_progress_ = now_ + kProgressTime;
  carry_out(session_.ask_status(now_));
  if (!shows_progress()) return;
  Standing standing;
  standing.records_in = cutter_.count();
  standing.records_out = output_.written_records();
  standing.failed = failed_;
  standing.elapsed = now_ - started_;
  if (input_size_) {
    // What was read and is not written yet is still to be done.
    const double read = static_cast<double>(read_bytes_) / static_cast<double>(*input_size_);
    const auto done = static_cast<double>(standing.records_out + failed_ + dropped_);
    const auto cut = static_cast<double>(std::max<std::uint64_t>(cutter_.count(), 1));
    standing.share = std::min(1.0, read * std::min(1.0, done / cut));
  }
  const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
  say_plainly((is_terminal ? "\r\033[K" : "") + progress_line(standing) +
              (is_terminal ? "" : "\n"));
  has_progress_line_ = is_terminal;
}

void PipeCommand::finish_progress() {
  if (std::exchange(has_progress_line_, false)) say_plainly("\r\033[K");
}

void PipeCommand::tell_outcome() {
  if (arguments_.shows_summary && status_) {
    say_plainly(summary_table(*status_, clock_.now() - started_));
  }
  if (dropped_ > 0) say(count_of(dropped_, "record") + " dropped, as on_error asks");
  if (failed_ == 0) return;
  say(count_of(failed_, "record") + " failed; " +
      (letters_.is_open() ? "see " + *arguments_.dead_letters
                          : "--dead-letters FILE keeps what fails"));
}

}  // namespace leat::cli
