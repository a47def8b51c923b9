#include "io/rest_probe.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/pipe.h"
#include "io/system_error.h"

namespace leat::io {

namespace {

constexpr Duration kCalibrationMax = std::chrono::seconds(1);

// A line of /proc/PID/stat has 52 fields; the other files have less. Of a list of children only
// whether it is empty matters.
using Buffer = std::array<char, 1280>;

// The file's text as of now (procfs makes it anew when it is read from its begin), or none and
// errno.
std::optional<std::string_view> text_of(const Fd& file, std::span<char> buffer) {
  const ssize_t got = ::pread(file.get(), buffer.data(), buffer.size(), 0);
  if (got < 0) return std::nullopt;
  std::string_view text(buffer.data(), static_cast<std::size_t>(got));
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// A line of /proc/PID/syscall: "0 0x5 0x7f00d000 ...", the number decimal, the arguments not.
struct Call {
  long number = -1;
  std::array<unsigned long, 2> arguments{};
};

std::optional<Call> parse_call(std::string_view text) {
  constexpr std::string_view kPrefix = " 0x";
  Call call;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  auto parsed = std::from_chars(begin, end, call.number);
  for (unsigned long& argument : call.arguments) {
    if (parsed.ec != std::errc{}) return std::nullopt;
    const std::string_view rest(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
    if (!rest.starts_with(kPrefix)) return std::nullopt;
    parsed = std::from_chars(parsed.ptr + kPrefix.size(), end, argument, 16);
  }
  const bool is_whole = parsed.ec == std::errc{} && parsed.ptr != end && *parsed.ptr == ' ';
  return is_whole ? std::optional(call) : std::nullopt;
}

bool is_read_from(std::string_view text, int fd) {
  const std::optional<Call> call = parse_call(text);
  return call && call->number == SYS_read && call->arguments[0] == static_cast<unsigned long>(fd);
}

// Whether the call waits for descriptors, not only for time to pass.
bool waits_for_descriptors(std::string_view text) {
  const std::optional<Call> call = parse_call(text);
  if (!call) return false;
  switch (call->number) {
#ifdef SYS_poll
    case SYS_poll:
#endif
    case SYS_ppoll:
      return call->arguments[1] > 0;
#ifdef SYS_select
    case SYS_select:
#endif
    case SYS_pselect6:
      return call->arguments[0] > 0;
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_read:
    case SYS_readv:
    case SYS_io_uring_enter:
      return true;
    default:
      return false;
  }
}

struct Stat {
  char state = '?';
  unsigned long threads = 0;
};

// Of "PID (NAME) S ...": the name may hold anything, so it ends at the last parenthesis.
std::optional<Stat> parse_stat(std::string_view text) {
  constexpr int kFieldsFromStateToThreads = 17;
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 2);
  if (text.empty()) return std::nullopt;
  Stat stat{text.front(), 0};
  for (int field = 0; field < kFieldsFromStateToThreads; ++field) {
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    text.remove_prefix(space + 1);
  }
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), stat.threads);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return stat;
}

// A thread that reads one byte from a pipe into which nothing is written.
class PipeReader {
 public:
  explicit PipeReader(Pipe pipe) : pipe_(std::move(pipe)) {
    // The program's signals are not for this thread.
    sigset_t all{};
    sigset_t before{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this, fd = pipe_.read.get()] { read_byte(fd); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  ~PipeReader() {
    pipe_.write.reset();
    thread_.join();
  }

  PipeReader(PipeReader&&) = delete;
  PipeReader& operator=(PipeReader&&) = delete;
  PipeReader(const PipeReader&) = delete;
  PipeReader& operator=(const PipeReader&) = delete;

  // 0 until it runs.
  [[nodiscard]] pid_t thread_id() const { return thread_id_; }

  [[nodiscard]] int fd() const { return pipe_.read.get(); }

 private:
  void read_byte(int fd) {
    thread_id_ = static_cast<pid_t>(::syscall(SYS_gettid));
    char byte = 0;
    while (::read(fd, &byte, 1) < 0 && errno == EINTR) {
    }
  }

  Pipe pipe_;  // The read end is the thread's.
  std::atomic<pid_t> thread_id_ = 0;
  std::thread thread_;
};

struct ReaderFiles {
  Fd syscall;
  Fd stat;
  Fd wchan;
};

Result<ReaderFiles> open_files(pid_t thread) {
  const std::string folder = "/proc/self/task/" + std::to_string(thread) + "/";
  const auto open = [&](const char* name) {
    return Fd(::open((folder + name).c_str(), O_RDONLY | O_CLOEXEC));
  };
  ReaderFiles files{open("syscall"), open("stat"), open("wchan")};
  if (files.syscall.is_open() && files.stat.is_open() && files.wchan.is_open()) return files;
  return system_failure(Errc::kUnavailable, "cannot look at a thread in " + folder);
}

// The name if the thread sleeps in its read, all of it seen at one time.
std::optional<std::string> wait_of(const ReaderFiles& files, int fd) {
  Buffer before{};
  Buffer line{};
  Buffer name{};
  Buffer after{};
  const auto call = text_of(files.syscall, before);
  if (!call || !is_read_from(*call, fd)) return std::nullopt;
  const auto stat_text = text_of(files.stat, line);
  const auto stat = stat_text ? parse_stat(*stat_text) : std::nullopt;
  const auto wchan = text_of(files.wchan, name);
  const auto again = text_of(files.syscall, after);
  if (!stat || stat->state != 'S' || !wchan || again != call) return std::nullopt;
  // "0" is for "not allowed" and for "there are no names".
  return *wchan == "0" ? std::string() : std::string(*wchan);
}

}  // namespace

Result<PipeWait> calibrate_pipe_wait() {
  Result<Pipe> pipe = make_pipe();
  if (!pipe) return tl::unexpected(pipe.error());
  const PipeReader reader(std::move(*pipe));
  const MonotonicClock clock;
  const Instant end = clock.now() + kCalibrationMax;
  std::optional<ReaderFiles> files;
  while (clock.now() < end) {
    if (!files && reader.thread_id() != 0) {
      Result<ReaderFiles> opened = open_files(reader.thread_id());
      if (!opened) return tl::unexpected(opened.error());
      files = std::move(*opened);
    }
    if (auto wchan = files ? wait_of(*files, reader.fd()) : std::nullopt) {
      return PipeWait{std::move(*wchan)};
    }
    constexpr timespec kStep{0, 50'000};
    ::ppoll(nullptr, 0, &kStep, nullptr);
  }
  return failure(Errc::kUnavailable, "/proc does not show that a thread waits for a pipe");
}

RestProbe::RestProbe(pid_t pid, int stdin_fd, PipeWait wait)
    : folder_("/proc/" + std::to_string(pid) + "/"), stdin_fd_(stdin_fd), wait_(std::move(wait)) {
  // The first thread's own files; its stat is a fifth cheaper than the process's.
  const std::string thread = "task/" + std::to_string(pid) + "/";
  open_file(thread + "syscall", syscall_);
  open_file(thread + "stat", stat_);
  open_file(thread + "wchan", wchan_);
  open_file(thread + "children", children_);
}

void RestProbe::open_file(const std::string& name, Fd& file) {
  file = Fd(::open((folder_ + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (file.is_open() || !refusal_.empty()) return;
  refusal_ = "cannot open " + folder_ + name + ": " + in_words(errno);
}

Rest RestProbe::look() {
  reason_ = refusal_;
  if (!refusal_.empty()) return Rest::kWithheld;
  const Result<std::size_t> waiting = bytes_in_pipe(stdin_fd_);
  if (waiting && *waiting > 0) return Rest::kBusy;
  if (waiting) return look_at_process();
  reason_ = waiting.error().message;
  return Rest::kUnseeable;
}

Rest RestProbe::look_at_process() {
  Buffer before{};
  Buffer buffer{};
  const auto call = text_of(syscall_, before);
  if (!call) return cannot_look("syscall");
  if (*call == "running") return Rest::kBusy;
  const auto line = text_of(stat_, buffer);
  if (!line) return cannot_look("stat");
  const std::optional<Stat> stat = parse_stat(*line);
  if (!stat) return Rest::kBusy;
  if (!is_read_from(*call, STDIN_FILENO)) {
    const bool waits = stat->state == 'S' && waits_for_descriptors(*call);
    return look_at_company(stat->threads, waits ? Rest::kWaiting : Rest::kBusy);
  }
  if (stat->state != 'S') return Rest::kBusy;
  if (!wait_.wchan.empty()) {
    const auto wchan = text_of(wchan_, buffer);
    if (!wchan) return cannot_look("wchan");
    if (*wchan != wait_.wchan) return Rest::kBusy;
  }
  const Rest rest = look_at_company(stat->threads, Rest::kAtRest);
  if (rest != Rest::kAtRest) return rest;
  const auto again = text_of(syscall_, buffer);
  return again == call ? Rest::kAtRest : Rest::kBusy;
}

// `alone` if the first thread is all there is.
Rest RestProbe::look_at_company(unsigned long threads, Rest alone) {
  if (threads > 1) {
    reason_ = "it has " + std::to_string(threads) + " threads";
    return Rest::kUnseeable;
  }
  Buffer buffer{};
  const auto children = text_of(children_, buffer);
  if (!children) return cannot_look("children");
  if (children->empty()) return alone;
  reason_ = "it has child processes";
  return Rest::kUnseeable;
}

Rest RestProbe::cannot_look(const char* name) {
  if (errno == ESRCH) return Rest::kBusy;  // It has ended.
  reason_ = "cannot read " + folder_ + name + ": " + in_words(errno);
  return Rest::kWithheld;
}

}  // namespace leat::io
