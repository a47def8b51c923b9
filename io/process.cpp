#include "io/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <utility>

#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ensure.h"
#include "io/pidfd.h"
#include "io/pipe.h"
#include "io/spawn_failure.h"
#include "io/system_error.h"

namespace leat::io {

namespace {

// posix_spawn's two descriptions, destroyed when they go out of scope.
class FileActions {
 public:
  FileActions() { ENSURE(::posix_spawn_file_actions_init(&actions_) == 0); }

  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  FileActions(FileActions&&) = delete;
  FileActions& operator=(FileActions&&) = delete;
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  [[nodiscard]] posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

class Attributes {
 public:
  Attributes() { ENSURE(::posix_spawnattr_init(&attributes_) == 0); }

  ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }

  Attributes(Attributes&&) = delete;
  Attributes& operator=(Attributes&&) = delete;
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  [[nodiscard]] posix_spawnattr_t* get() { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

struct Pipes {
  Pipe in;
  Pipe out;  // None when the output is given.
  Pipe err;
  Pipe report;  // Open when leat-start is to tell what became of the start.
};

Result<void> check(const SpawnOptions& options) {
  if (options.argv.empty() || options.argv.front().empty()) {
    return failure(Errc::kInvalidArgument, "no program to start was given");
  }
  const auto has_zero = [](const std::string& text) { return text.find('\0') != text.npos; };
  for (const auto* texts : {&options.argv, &options.environment}) {
    for (const std::string& text : *texts) {
      if (!has_zero(text)) continue;
      return failure(Errc::kInvalidArgument, "cannot start '" + options.argv.front() +
                                                 "': a zero byte is in '" +
                                                 text.substr(0, text.find('\0')) + "...'");
    }
  }
  return {};
}

Result<Pipes> make_pipes(const SpawnOptions& options) {
  Pipes pipes;
  for (Pipe* pipe : {&pipes.in, &pipes.out, &pipes.err}) {
    if (pipe == &pipes.out && options.output_fd) continue;
    Result<Pipe> made = make_pipe();
    if (!made) return tl::unexpected(made.error());
    *pipe = std::move(*made);
  }
  if (!options.surroundings.is_ours()) {
    Result<Pipe> made = make_pipe();
    if (!made) return tl::unexpected(made.error());
    pipes.report = std::move(*made);
    const Result<void> done = set_non_blocking(pipes.report.read);
    if (!done) return tl::unexpected(done.error());
  }
  widen(pipes.in.write);
  if (!options.output_fd) widen(pipes.out.read);
  // Ours alone: the child's ends must block, as tools expect.
  for (const Fd* ours : {&pipes.in.write, &pipes.out.read, &pipes.err.read}) {
    if (!ours->is_open()) continue;
    const Result<void> done = set_non_blocking(*ours);
    if (!done) return tl::unexpected(done.error());
  }
  return pipes;
}

// The calls only append to a list: they fail for lack of memory alone.
void describe_files(const SpawnOptions& options, const Pipes& pipes, FileActions& actions) {
  ENSURE(::posix_spawn_file_actions_adddup2(actions.get(), pipes.in.read.get(), STDIN_FILENO) == 0);
  const int output = options.output_fd.value_or(pipes.out.write.get());
  ENSURE(::posix_spawn_file_actions_adddup2(actions.get(), output, STDOUT_FILENO) == 0);
  ENSURE(::posix_spawn_file_actions_adddup2(actions.get(), pipes.err.write.get(), STDERR_FILENO) ==
         0);
  int last = STDERR_FILENO;
  if (pipes.report.write.is_open()) {
    last = kStartReportFd;
    ENSURE(::posix_spawn_file_actions_adddup2(actions.get(), pipes.report.write.get(), last) == 0);
  }
  // What our parent left open in us was perhaps not close-on-exec.
  ENSURE(::posix_spawn_file_actions_addclosefrom_np(actions.get(), last + 1) == 0);
  if (options.working_directory.empty()) return;
  ENSURE(::posix_spawn_file_actions_addchdir_np(actions.get(), options.working_directory.c_str()) ==
         0);
}

void describe_process(const SpawnOptions& options, Attributes& attributes) {
  sigset_t none{};
  sigset_t all{};
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ENSURE(::posix_spawnattr_setsigmask(attributes.get(), &none) == 0);
  ENSURE(::posix_spawnattr_setsigdefault(attributes.get(), &all) == 0);
  int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (options.leads == Leads::kSession) {
    flags |= POSIX_SPAWN_SETSID;
  } else {
    flags |= POSIX_SPAWN_SETPGROUP;  // Group 0: one of its own.
  }
  ENSURE(::posix_spawnattr_setflags(attributes.get(), static_cast<short>(flags)) == 0);
}

// As execve wants it: it changes nothing, but takes pointers to mutable.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const std::string& text : texts) {
    list.push_back(const_cast<char*>(text.c_str()));
  }
  list.push_back(nullptr);
  return list;
}

// The same command by way of leat-start, when that is needed.
std::optional<SpawnOptions> by_starter(const SpawnOptions& options, const std::string& path) {
  if (options.surroundings.is_ours()) return std::nullopt;
  ENSURE(!options.starter.empty());
  SpawnOptions detour = options;
  detour.argv = {options.starter};
  for (std::string& argument : options.surroundings.to_arguments()) {
    detour.argv.push_back(std::move(argument));
  }
  detour.argv.insert(detour.argv.end(), {"--", path});
  detour.argv.insert(detour.argv.end(), options.argv.begin(), options.argv.end());
  return detour;
}

// What leat-start told.
Error explain_start_failure(const SpawnOptions& options, std::string_view report) {
  const std::string path = find_program(options).value_or(options.argv.front());
  const std::optional<StartWord> word = parse_start_word(report, ' ');
  const StartStep step = word ? word->step : StartStep::kProgram;
  const int error = word ? static_cast<int>(word->number) : EINVAL;
  if (step != StartStep::kProgram) {
    return explain_step_failure(options.surroundings, path, step, error);
  }
  Error failed = explain_spawn_failure(options, path, error);
  const Surroundings& surroundings = options.surroundings;
  if (error == ENOMEM && surroundings.memory_bytes_max) {
    failed.code = Errc::kSystem;
    failed.message +=
        " (its memory is limited to " + std::to_string(*surroundings.memory_bytes_max) + " bytes)";
  }
  if (error == EACCES && surroundings.user) {
    failed.message += " (for the user '" + surroundings.user->name + "')";
  }
  return failed;
}

// Without pidfd we could not tell when the child ends: it is taken back.
tl::unexpected<Error> abandon(pid_t pid, const std::string& program) {
  const auto error = system_failure(Errc::kUnavailable, "cannot watch '" + program + "'");
  ::kill(-pid, SIGKILL);
  ::waitid(P_PID, static_cast<id_t>(pid), nullptr, WEXITED);
  return error;
}

}  // namespace

void prepare_signals() {
  ENSURE(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
  // A file that may grow no further is an error of the write, like a full disk.
  ENSURE(std::signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  ENSURE(std::signal(SIGCHLD, SIG_DFL) != SIG_ERR);
}

Result<Child> spawn(const SpawnOptions& options) {
  if (const Result<void> checked = check(options); !checked) {
    return tl::unexpected(checked.error());
  }
  ENSURE(!options.output_fd || *options.output_fd > STDERR_FILENO);
  const Result<std::string> path = find_program(options);
  if (!path) return tl::unexpected(path.error());
  const std::optional<SpawnOptions> detour = by_starter(options, *path);
  Result<Pipes> pipes = make_pipes(options);
  if (!pipes) return tl::unexpected(pipes.error());
  FileActions actions;
  describe_files(options, *pipes, actions);
  Attributes attributes;
  describe_process(options, attributes);

  Child child;
  const SpawnOptions& first = detour ? *detour : options;
  const std::string& program = detour ? detour->argv.front() : *path;
  const int error = ::posix_spawn(&child.pid, program.c_str(), actions.get(), attributes.get(),
                                  pointers(first.argv).data(), pointers(first.environment).data());
  if (error != 0) return tl::unexpected(explain_spawn_failure(first, program, error));
  child.pidfd = open_pidfd(child.pid);
  if (!child.pidfd.is_open()) return abandon(child.pid, *path);
  child.to_stdin = std::move(pipes->in.write);
  child.from_stdout = std::move(pipes->out.read);
  child.from_stderr = std::move(pipes->err.read);
  child.start_report = std::move(pipes->report.read);
  return child;
}

Result<StartState> try_start(Child& child, const SpawnOptions& options) {
  ENSURE(child.start_report.is_open());
  std::array<char, 64> line{};
  const Result<ReadOutcome> read = read_some(child.start_report.get(), line);
  if (read && read->state == ReadState::kWouldBlock) return StartState::kUnknown;
  child.start_report.reset();
  // One that was killed before is told by its end.
  if (!read || read->state == ReadState::kEnd) return StartState::kStarted;
  std::string_view text(line.data(), read->bytes);
  text = text.substr(0, text.find('\n'));
  return tl::unexpected(explain_start_failure(options, text));
}

std::string to_string(const ExitStatus& status) {
  if (status.signal == 0) return "exited with status " + std::to_string(status.code);
  const char* name = ::sigabbrev_np(status.signal);
  std::string text = "killed by signal " + std::to_string(status.signal);
  if (name != nullptr) text += std::string(" (SIG") + name + ")";
  if (status.has_dumped_core) text += ", core dumped";
  return text;
}

std::optional<ExitStatus> try_wait(Child& child) {
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &info, WNOHANG | WEXITED);
  } while (result != 0 && errno == EINTR);
  ENSURE(result == 0);  // Else it was reaped before, or SIGCHLD is ignored.
  if (info.si_pid == 0) return std::nullopt;
  if (info.si_code == CLD_EXITED) return ExitStatus{.code = info.si_status};
  return ExitStatus{.signal = info.si_status, .has_dumped_core = info.si_code == CLD_DUMPED};
}

bool kill_group(pid_t pgid, int signal) {
  ENSURE(pgid > 1);
  return ::kill(-pgid, signal) == 0;
}

}  // namespace leat::io
