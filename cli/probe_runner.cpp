#include "cli/probe_runner.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <utility>

#include <unistd.h>

#include "cli/daemons.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/pipe.h"
#include "io/wait.h"
#include "spec/holes.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kOutputBytesMax = std::size_t{64} << 20;
constexpr std::size_t kErrorsBytesMax = std::size_t{16} << 10;
constexpr std::size_t kLettersBytesMax = std::size_t{256} << 20;
// How often a tool that is fed nothing is looked at.
constexpr Duration kLookTime = 5ms;
// What a dead process's children may keep its output open, and what `leat pipe` may take to kill
// its tools.
constexpr Duration kLeftoversTime = 1s;

// Entries of our environment that the tools of a pipeline have, too.
bool is_for_tools(std::string_view entry) {
  return !entry.starts_with("LEAT_") && !entry.starts_with("PYTHONUNBUFFERED=");
}

// A process under way, and what has come of it.
class Watched {
 public:
  Watched(io::Child& child, std::string_view stream, const Signals& signals)
      : child_(child), stream_(stream), signals_(signals) {
    if (stream_.empty()) child_.to_stdin.reset();
  }

  // It is fed nothing, and its input stays open.
  Watched(io::Child& child, const io::PipeWait& wait, const Signals& signals)
      : child_(child),
        signals_(signals),
        rest_(io::RestProbe(child.pid, child.to_stdin.get(), wait)) {}

  // Until it has ended and all is read; or it is fed nothing, and waits for more; or the time is
  // over. False when a signal came to us.
  [[nodiscard]] bool watch(Instant end) {
    io::WaitSet waits;
    while (!is_over() && !prints_too_much_) {
      const Duration left = end - clock_.now();
      if (left <= Duration{}) return true;
      const bool is_at_rest = rest_ && rest_->look() == io::Rest::kAtRest;
      const std::size_t before = output_.size();
      // What it printed before it came to rest can be read without waiting.
      const Duration patience = is_at_rest ? 0ms
                                : rest_    ? std::min<Duration>(kLookTime, left)
                                           : left;
      if (!turn(waits, patience)) return false;
      if (is_at_rest && output_.size() == before) return true;
      if (has_ended_ && !was_seen_to_end_) {
        was_seen_to_end_ = true;
        end = std::min(end, clock_.now() + kLeftoversTime);
      }
    }
    return true;
  }

  [[nodiscard]] bool has_ended() const { return has_ended_; }

  [[nodiscard]] bool prints_too_much() const { return prints_too_much_; }

  [[nodiscard]] std::string take_output() { return std::move(output_); }

  [[nodiscard]] std::string take_errors() { return std::move(errors_); }

 private:
  [[nodiscard]] bool is_over() const {
    return has_ended_ && !child_.from_stdout.is_open() && !child_.from_stderr.is_open();
  }

  bool turn(io::WaitSet& waits, Duration patience) {
    waits.clear();
    const std::size_t signal = waits.add(signals_.fd(), POLLIN);
    // poll() passes over what is closed.
    const bool may_feed = !stream_.empty();
    const std::size_t input = waits.add(may_feed ? child_.to_stdin.get() : -1, POLLOUT);
    const std::size_t output = waits.add(child_.from_stdout.get(), POLLIN);
    const std::size_t errors = waits.add(child_.from_stderr.get(), POLLIN);
    const std::size_t end = waits.add(has_ended_ ? -1 : child_.pidfd.get(), POLLIN);
    waits.wait(patience);
    if (waits.is_ready(signal) && signals_.came()) return false;
    if (waits.is_ready(input)) feed();
    if (waits.is_ready(output)) {
      take(child_.from_stdout, output_);
      prints_too_much_ = output_.size() > kOutputBytesMax;
    }
    if (waits.is_ready(errors)) take(child_.from_stderr, errors_);
    if (errors_.size() > 2 * kErrorsBytesMax) errors_.erase(0, errors_.size() - kErrorsBytesMax);
    has_ended_ = has_ended_ || waits.is_ready(end);
    return true;
  }

  // One that closed its input wants no more.
  void feed() {
    const Result<std::size_t> wrote = io::write_some(child_.to_stdin.get(), {&stream_, 1});
    stream_.remove_prefix(wrote.value_or(stream_.size()));
    if (stream_.empty()) child_.to_stdin.reset();
  }

  static void take(io::Fd& fd, std::string& into) {
    std::array<char, 65536> buffer{};
    const auto got = io::read_some(fd.get(), buffer);
    if (!got || got->state == io::ReadState::kEnd) return fd.reset();
    into.append(buffer.data(), got->bytes);
  }

  io::Child& child_;
  std::string_view stream_;  // What it is still to be fed.
  const Signals& signals_;
  std::optional<io::RestProbe> rest_;  // Of a tool that is fed nothing.
  io::MonotonicClock clock_;
  std::string output_;
  std::string errors_;
  bool prints_too_much_ = false;
  bool has_ended_ = false;  // And was not reaped.
  bool was_seen_to_end_ = false;
};

// Adds what a further process came to.
void add(Outcome& all, Outcome one) {
  all.output += one.output;
  all.errors += one.errors;
  if (all.code == 0) all.code = one.code;
  if (all.signal == 0) all.signal = one.signal;
  if (all.start_error.empty()) all.start_error = std::move(one.start_error);
  all.is_late = all.is_late || one.is_late;
  all.prints_too_much = all.prints_too_much || one.prints_too_much;
  all.elapsed += one.elapsed;
}

}  // namespace

ProbeRunner::ProbeRunner(std::vector<std::string> argv, io::Guardian guardian,
                         io::RecordFiles files)
    : argv_(std::move(argv)),
      guardian_(std::move(guardian)),
      files_(std::move(files)),
      wait_(io::calibrate_pipe_wait().value_or(io::PipeWait{})) {}

Attempt<ProbeRunner> ProbeRunner::create(std::vector<std::string> argv) {
  Result<io::Guardian> guardian = io::Guardian::start(program_beside_us("leat-guardian"));
  if (!guardian) return trouble(ExitCode::kPipelineFailed, guardian.error());
  Result<io::RecordFiles> files = io::RecordFiles::create();
  if (!files) return trouble(ExitCode::kPipelineFailed, files.error());
  // When the guardian is gone, only what it would have cleared away stays.
  (void)guardian->set_folder(files->folder());
  return ProbeRunner(std::move(argv), std::move(*guardian), std::move(*files));
}

std::vector<std::string> ProbeRunner::environment_of_tool() const {
  std::vector<std::string> entries = {guardian_.environment_entry()};
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (is_for_tools(*entry)) entries.emplace_back(*entry);
  }
  return entries;
}

std::vector<std::string> ProbeRunner::environment_of_leat() const {
  std::vector<std::string> entries = {guardian_.environment_entry()};
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("LEAT_")) entries.emplace_back(*entry);
  }
  return entries;
}

Attempt<Outcome> ProbeRunner::run(const Trial& trial, const Signals& signals) {
  if (trial.what == Trial::What::kStage) return run_stage(trial, signals);
  if (trial.what == Trial::What::kToolPerRecord) return run_per_record(trial, signals);
  const bool is_fed = trial.what == Trial::What::kTool;
  return run_process({.argv = argv_,
                      .environment = environment_of_tool(),
                      .stream = trial.stream,
                      .feeding = is_fed ? Feeding::kToTheEnd : Feeding::kNothing,
                      .limit = trial.limit},
                     signals);
}

Attempt<Outcome> ProbeRunner::run_per_record(const Trial& trial, const Signals& signals) {
  std::vector<std::string> words = argv_;
  const std::vector<spec::Hole> holes = spec::cut_holes(words);
  Outcome all;
  for (const std::string& record : trial.records) {
    if (record.find('\0') != std::string::npos) {
      all.start_error = "a record with a zero byte can be no argument: see --input";
      return all;
    }
    Attempt<Outcome> one = run_process({.argv = spec::fill_holes(words, holes, record),
                                        .environment = environment_of_tool(),
                                        .stream = {},
                                        .limit = trial.limit - all.elapsed},
                                       signals);
    if (!one) return one;
    add(all, std::move(*one));
    if (!all.start_error.empty() || all.is_late || all.prints_too_much) break;
  }
  return all;
}

Attempt<Outcome> ProbeRunner::run_stage(const Trial& trial, const Signals& signals) {
  Result<std::string> spec = files_.write(trial.spec);
  if (!spec) return trouble(ExitCode::kPipelineFailed, spec.error());
  const std::string letters = files_.folder() + "/dead-letters";
  std::error_code error;
  const std::string here = std::filesystem::current_path(error).string();
  const std::string self = std::filesystem::read_symlink("/proc/self/exe", error).string();
  Attempt<Outcome> outcome =
      run_process({.argv = {self, "pipe", "--directory", here, "--dead-letters", letters, *spec},
                   .environment = environment_of_leat(),
                   .stream = trial.stream,
                   .limit = trial.limit,
                   .is_leat = true},
                  signals);
  if (outcome) outcome->dead_letters = io::read_file(letters, kLettersBytesMax).value_or("");
  std::filesystem::remove(*spec, error);
  return outcome;
}

Attempt<Outcome> ProbeRunner::run_process(const Run& run, const Signals& signals) {
  const io::MonotonicClock clock;
  const Instant begin = clock.now();
  Outcome outcome;
  Result<io::Child> child = io::spawn({.argv = run.argv, .environment = run.environment});
  if (!child) {
    outcome.start_error = child.error().message;
    return outcome;
  }
  (void)guardian_.add(child->pid);
  const bool is_fed = run.feeding == Feeding::kToTheEnd;
  Watched watched = is_fed ? Watched(*child, run.stream, signals) : Watched(*child, wait_, signals);
  bool goes_on = watched.watch(begin + run.limit);
  outcome.prints_too_much = watched.prints_too_much();
  outcome.is_late = goes_on && !watched.has_ended() && !outcome.prints_too_much && is_fed;
  outcome.elapsed = clock.now() - begin;
  if (run.is_leat && !watched.has_ended()) {
    io::kill_group(child->pid, SIGTERM);
    goes_on = watched.watch(clock.now() + kLeftoversTime) && goes_on;
  }
  io::kill_group(child->pid, SIGKILL);
  (void)guardian_.remove(child->pid);
  io::WaitSet waits;
  waits.add(child->pidfd.get(), POLLIN);
  waits.wait(std::nullopt);
  const io::ExitStatus status = io::try_wait(*child).value_or(io::ExitStatus{});
  outcome.code = status.code;
  outcome.signal = status.signal;
  outcome.output = watched.take_output();
  outcome.errors = watched.take_errors();
  if (!goes_on) return trouble(ExitCode::kInterrupted, "interrupted");
  return outcome;
}

}  // namespace leat::cli
