#include "node/tool_host.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <span>
#include <utility>

#include "io/answer_pipe.h"
#include "io/pipe.h"
#include "io/pty.h"
#include "io/stdbuf_library.h"
#include "node/tool_host_options.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr int kReadsPerTurn = 8;
constexpr std::size_t kPiecesPerWrite = 16;
// More than its pipe can hold lies there only when something unending writes on.
constexpr int kLastTurns = 4;
// What a dead tool's children may keep its pipes open, and what a tool that closed its input or
// output may take to end.
constexpr Duration kLeftoversTime = 1s;

ToolStartFailed start_failure(ToolId tool, const Error& error) {
  return {.tool = tool,
          .reason = error.message,
          .may_pass = error.code == Errc::kUnavailable,
          .is_by_arguments = error.code == Errc::kInvalidArgument};
}

// What was read one after another into a buffer, and why no more.
struct Gathered {
  enum class Then { kIsFull, kNothingLeft, kEnd } then = Then::kIsFull;
  std::size_t bytes = 0;
};

Gathered gather(int fd, std::span<char> buffer, bool is_terminal) {
  std::size_t bytes = 0;
  while (bytes < buffer.size()) {
    const Result<io::ReadOutcome> outcome = io::read_some(fd, buffer.subspan(bytes));
    if (!outcome || outcome->state == io::ReadState::kEnd) return {Gathered::Then::kEnd, bytes};
    if (outcome->state == io::ReadState::kWouldBlock) return {Gathered::Then::kNothingLeft, bytes};
    bytes += outcome->bytes;
    // A pipe gives all that it has at once, a terminal a part of it.
    const bool is_all = !is_terminal && bytes < buffer.size();
    if (is_all) return {Gathered::Then::kNothingLeft, bytes};
  }
  return {Gathered::Then::kIsFull, bytes};
}

Rest rest_of(io::Rest seen) {
  switch (seen) {
    case io::Rest::kAtRest:
      return Rest::kAtRest;
    case io::Rest::kWaiting:
      return Rest::kWaiting;
    case io::Rest::kUnseeable:
      return Rest::kUnseeable;
    case io::Rest::kWithheld:
      return Rest::kWithheld;
    case io::Rest::kBusy:
      break;
  }
  return Rest::kBusy;
}

}  // namespace

// What is made for a tool's standard output before it is started.
struct ToolHost::Output {
  std::optional<io::Pty> pty;
  std::string preload;  // Empty: none.
};

struct ToolHost::Tool {
  ToolId id;
  io::Child child;
  io::SpawnOptions options;            // Until it has started.
  std::optional<Error> start_error;    // It never became the tool.
  std::optional<io::RestProbe> probe;  // Once it has started.
  std::deque<Bytes> to_write;
  std::size_t written_of_first = 0;
  bool closes_after_write = false;
  bool must_read_on = false;
  bool is_on_terminal = false;      // Its standard output.
  bool has_exited = false;          // It is reaped when its pipes are closed, too.
  std::optional<Instant> press_at;  // When the next step of ending it is due.
  enum class Press { kTerminate, kKill } press = Press::kTerminate;
  Duration grace{};
  // Places in the wait set; SIZE_MAX when not watched.
  std::size_t at_input = SIZE_MAX;
  std::size_t at_output = SIZE_MAX;
  std::size_t at_answers = SIZE_MAX;
  std::size_t at_stderr = SIZE_MAX;
  std::size_t at_end = SIZE_MAX;
  std::size_t at_start = SIZE_MAX;
  bool is_finished = false;

  [[nodiscard]] bool can_answer() const { return answers || child.from_stdout.is_open(); }

  void forget_places() {
    at_input = at_output = at_answers = at_stderr = at_end = at_start = SIZE_MAX;
  }

  std::string closed;  // Before its end: one of its streams.
  std::string file;    // That holds its record; empty: none.
  std::optional<io::AnswerPipe> answers;
};

ToolHost::ToolHost(Means means, Deliver deliver)
    : guardian_(std::move(means.guardian)),
      starter_(std::move(means.starter)),
      wait_(std::move(means.wait)),
      deliver_(std::move(deliver)),
      buffer_(kReadBytes) {}

ToolHost::~ToolHost() {
  for (auto& [id, tool] : tools_) {
    if (tool->child.pid > 0) io::kill_group(tool->child.pid, SIGKILL);
  }
}

void ToolHost::order(const StartTool& effect, Instant /*now*/) {
  if (!guardian_.is_alive()) (void)guardian_.restart();
  auto tool = std::make_unique<Tool>();
  tool->id = effect.tool;
  tool->must_read_on = effect.must_read_on;
  Result<Output> output = make_output(effect);
  if (!output) {
    ToolStartFailed failed = start_failure(effect.tool, output.error());
    failed.is_by_buffering = true;
    return deliver_(failed);
  }
  if (const Result<void> launched = launch(effect, *output, *tool); !launched) {
    if (!tool->file.empty()) io::RecordFiles::remove(tool->file);
    tool->answers.reset();
    return deliver_(start_failure(effect.tool, launched.error()));
  }
  (void)guardian_.add(tool->child.pid);
  Tool& kept = *tools_.emplace(effect.tool, std::move(tool)).first->second;
  if (!kept.child.start_report.is_open()) tell_started(kept);
}

Result<ToolHost::Output> ToolHost::make_output(const StartTool& effect) {
  const auto unavailable = [&effect](const char* word, const Error& error) {
    return failure(error.code, "cannot start '" + effect.argv.front() +
                                   "' with buffering: " + word + ": " + error.message);
  };
  Output output;
  if (effect.buffering == spec::Buffering::kPty) {
    Result<io::Pty> pty = io::make_pty();
    if (!pty) return unavailable("pty", pty.error());
    output.pty = std::move(*pty);
  }
  if (effect.buffering == spec::Buffering::kPreload) {
    if (!preload_) {
      const char* const path = std::getenv("PATH");
      preload_ = io::find_stdbuf_library(path == nullptr ? "" : path);
    }
    if (!*preload_) return unavailable("preload", preload_->error());
    output.preload = **preload_;
  }
  return output;
}

Result<void> ToolHost::launch(const StartTool& effect, Output& output, Tool& tool) {
  Result<io::SpawnOptions> options =
      spawn_options_for(effect, {guardian_.environment_entry(), starter_, output.preload});
  if (!options) return tl::unexpected(options.error());
  tool.options = std::move(*options);
  if (output.pty) tool.options.output_fd = output.pty->slave.get();
  Result<void> added;
  if (effect.file) added = add_file(*effect.file, tool);
  if (added && effect.answers) added = add_answers(*effect.answers, tool);
  if (!added) return added;
  Result<io::Child> child = io::spawn(tool.options);
  if (!child) return tl::unexpected(child.error());
  tool.child = std::move(*child);
  if (!output.pty) return {};
  tool.child.from_stdout = std::move(output.pty->master);
  tool.is_on_terminal = true;
  return {};
}

Result<io::RecordFiles*> ToolHost::files() {
  if (!files_) {
    Result<io::RecordFiles> files = io::RecordFiles::create();
    if (!files) return tl::unexpected(files.error());
    (void)guardian_.set_folder(files->folder());
    files_.emplace(std::move(*files));
  }
  return &*files_;
}

Result<void> ToolHost::add_file(const RecordFile& file, Tool& tool) {
  const Result<io::RecordFiles*> place = files();
  if (!place) return tl::unexpected(place.error());
  Result<std::string> path = (*place)->write(file.bytes.view(), tool.options.surroundings.user);
  if (!path) return tl::unexpected(path.error());
  tool.options.argv = spec::fill_holes(tool.options.argv, file.holes, *path);
  tool.file = std::move(*path);
  return {};
}

Result<void> ToolHost::add_answers(const AnswerPipe& wanted, Tool& tool) {
  const std::optional<io::User>& user = tool.options.surroundings.user;
  std::string path = wanted.path;
  if (path.empty()) {
    const Result<io::RecordFiles*> place = files();
    if (!place) return tl::unexpected(place.error());
    Result<std::string> reserved = (*place)->reserve(user);
    if (!reserved) return tl::unexpected(reserved.error());
    path = std::move(*reserved);
  }
  if (!path.starts_with('/')) path = tool.options.working_directory + "/" + path;
  Result<io::AnswerPipe> answers = io::AnswerPipe::take(path, user);
  if (!answers) {
    return failure(answers.error().code,
                   "cannot start '" + tool.options.argv.front() + "': " + answers.error().message);
  }
  tool.answers = std::move(*answers);
  set_variable(tool.options.environment, wanted.variable, path);
  return {};
}

void ToolHost::hear_start(Tool& tool) {
  const Result<io::StartState> state = io::try_start(tool.child, tool.options);
  if (!state) {
    tool.start_error = state.error();
  } else if (*state == io::StartState::kStarted) {
    tell_started(tool);
  }
}

void ToolHost::tell_started(Tool& tool) {
  tool.options = {};
  tool.probe.emplace(tool.child.pid, tool.child.to_stdin.get(), wait_);
  deliver_(ToolStarted{tool.id});
}

void ToolHost::order(const FeedTool& effect, Instant /*now*/) {
  const auto found = tools_.find(effect.tool);
  if (found == tools_.end()) return;
  Tool& tool = *found->second;
  if (!tool.child.to_stdin.is_open()) return;
  tool.to_write.push_back(effect.bytes);
  // The first piece goes at once; more waits for the loop, so that pieces are written together.
  if (tool.to_write.size() == 1) write_input(tool);
}

void ToolHost::order(const CloseStdin& effect, Instant /*now*/) {
  const auto found = tools_.find(effect.tool);
  if (found == tools_.end()) return;
  Tool& tool = *found->second;
  tool.closes_after_write = true;
  if (tool.to_write.empty()) close_input(tool);
}

void ToolHost::order(const LookAtTool& effect, Instant /*now*/) {
  const auto found = tools_.find(effect.tool);
  if (found == tools_.end()) return;
  Tool& tool = *found->second;
  ToolLooked seen{.tool = effect.tool, .look = effect.look};
  const bool is_up = tool.probe && tool.child.to_stdin.is_open() && !tool.has_exited;
  if (is_up && tool.to_write.empty()) {
    seen.rest = rest_of(tool.probe->look());
    seen.reason = tool.probe->reason();
  }
  // What it printed before it came to rest comes first, all of it.
  if (seen.rest != Rest::kBusy && !read_output(tool)) seen.rest = Rest::kBusy;
  // One that cannot answer any more is not at rest, but at its end.
  if (!tool.can_answer()) seen.rest = Rest::kBusy;
  // And what it said meanwhile, so that it is not taken for a word on what it is given next.
  if (seen.rest != Rest::kBusy) {
    (void)read<ToolComplained>(tool, tool.child.from_stderr);
  }
  deliver_(seen);
}

void ToolHost::order(const EndTool& effect, Instant now) {
  const auto found = tools_.find(effect.tool);
  if (found == tools_.end()) return;
  Tool& tool = *found->second;
  tool.to_write.clear();
  close_input(tool);
  tool.grace = effect.grace;
  tool.press = effect.kill ? Tool::Press::kKill : Tool::Press::kTerminate;
  tool.press_at = effect.kill ? now : now + effect.grace;
  if (effect.kill) press(tool, now);
}

void ToolHost::press(Tool& tool, Instant now) {
  if (tool.press == Tool::Press::kKill) {
    io::kill_group(tool.child.pid, SIGKILL);
    tool.press_at.reset();
    if (!tool.has_exited) return;
    // Its leftovers may be beyond reach; what they print is nobody's. Nothing tells of its end any
    // more, so the next turn comes at once.
    tool.child.from_stdout.reset();
    tool.child.from_stderr.reset();
    tool.press_at = now;
    return;
  }
  io::kill_group(tool.child.pid, SIGTERM);
  tool.press = Tool::Press::kKill;
  tool.press_at = now + tool.grace;
}

void ToolHost::write_input(Tool& tool) {
  while (!tool.to_write.empty() && tool.child.to_stdin.is_open()) {
    std::array<std::string_view, kPiecesPerWrite> pieces;
    const std::size_t n = std::min(tool.to_write.size(), kPiecesPerWrite);
    std::size_t asked = 0;
    for (std::size_t i = 0; i < n; ++i) {
      pieces[i] = tool.to_write[i].view().substr(i == 0 ? tool.written_of_first : 0);
      asked += pieces[i].size();
    }
    const Result<std::size_t> wrote =
        io::write_some(tool.child.to_stdin.get(), std::span(pieces.data(), n));
    if (!wrote) {
      // It closed its input. A tool of mode window may.
      tool.to_write.clear();
      tool.child.to_stdin.reset();
      return;
    }
    std::size_t left = *wrote;
    while (!tool.to_write.empty() && left >= tool.to_write.front().size() - tool.written_of_first) {
      left -= tool.to_write.front().size() - tool.written_of_first;
      tool.written_of_first = 0;
      tool.to_write.pop_front();
    }
    tool.written_of_first += left;
    if (*wrote > 0) deliver_(ToolAccepted{tool.id, *wrote});
    if (*wrote < asked) return;
  }
  if (tool.closes_after_write && tool.to_write.empty()) close_input(tool);
}

void ToolHost::serve_input(Tool& tool) {
  if (!tool.to_write.empty()) return write_input(tool);
  tool.child.to_stdin.reset();
}

void ToolHost::close_input(Tool& tool) {
  tool.child.to_stdin.reset();
  tool.must_read_on = false;
}

template <typename Words>
bool ToolHost::read(Tool& tool, io::Fd& fd) {
  const bool is_terminal = tool.is_on_terminal && &fd == &tool.child.from_stdout;
  for (int i = 0; i < kReadsPerTurn && fd.is_open(); ++i) {
    const Gathered got = gather(fd.get(), buffer_, is_terminal);
    if (got.bytes > 0) deliver_(Words{tool.id, std::string_view(buffer_.data(), got.bytes)});
    if (got.then == Gathered::Then::kEnd) fd.reset();
    if (got.then == Gathered::Then::kNothingLeft) return true;
  }
  return !fd.is_open();
}

bool ToolHost::read_output(Tool& tool) {
  if (!tool.answers) return read<ToolPrinted>(tool, tool.child.from_stdout);
  const bool has_said_all = read<ToolSaid>(tool, tool.child.from_stdout);
  return read_answers(tool) && has_said_all;
}

bool ToolHost::read_answers(Tool& tool) {
  for (int i = 0; i < kReadsPerTurn; ++i) {
    const Gathered got = gather(tool.answers->fd(), buffer_, false);
    if (got.bytes > 0) deliver_(ToolPrinted{tool.id, std::string_view(buffer_.data(), got.bytes)});
    if (got.then != Gathered::Then::kIsFull) return true;
  }
  return false;
}

void ToolHost::note_end(Tool& tool, Instant now) {
  tool.has_exited = true;
  // Whoever ends soon after it has closed a stream was just ending.
  if (tool.press_at) tool.closed.clear();
  tool.to_write.clear();
  tool.child.to_stdin.reset();
  tool.press = Tool::Press::kKill;
  tool.press_at = now + kLeftoversTime;
}

void ToolHost::finish_if_over(Tool& tool, Instant now) {
  const bool has_closed_early = tool.must_read_on && !tool.has_exited && !tool.press_at &&
                                tool.closed.empty() &&
                                (!tool.child.to_stdin.is_open() || !tool.can_answer());
  if (has_closed_early) {
    tool.closed = tool.can_answer() ? "its standard input" : "its standard output";
    tool.press = Tool::Press::kKill;
    tool.press_at = now + kLeftoversTime;
  }
  const bool is_over =
      tool.has_exited && !tool.child.from_stdout.is_open() && !tool.child.from_stderr.is_open();
  if (!is_over || tool.is_finished) return;
  if (tool.child.start_report.is_open()) hear_start(tool);
  tool.is_finished = true;
  // What it left behind in its group goes with it. While it is not reaped, its id is its own.
  io::kill_group(tool.child.pid, SIGKILL);
  (void)guardian_.remove(tool.child.pid);
  if (!tool.file.empty()) io::RecordFiles::remove(tool.file);
  for (int i = 0; tool.answers && i < kLastTurns && !read_answers(tool); ++i) {
  }
  // Before its end is told, upon which another may want the same path.
  tool.answers.reset();
  finished_.push_back(tool.id);
  const io::ExitStatus status = io::try_wait(tool.child).value_or(io::ExitStatus{});
  if (tool.start_error) return deliver_(start_failure(tool.id, *tool.start_error));
  const bool is_signal = status.signal != 0;
  deliver_(ToolEnded{tool.id, is_signal, is_signal ? status.signal : status.code, tool.closed});
}

void ToolHost::watch(io::WaitSet& waits) {
  const auto add = [&waits](const io::Fd& fd, short events, bool wanted) {
    return fd.is_open() && wanted ? waits.add(fd.get(), events) : SIZE_MAX;
  };
  for (auto& [id, tool] : tools_) {
    // Without anything to write, only that its other end was closed is heard.
    const bool has_more = !tool->to_write.empty();
    tool->at_input =
        add(tool->child.to_stdin, has_more ? POLLOUT : 0, has_more || tool->must_read_on);
    tool->at_output = add(tool->child.from_stdout, POLLIN, true);
    const bool has_answers = tool->answers.has_value();
    tool->at_answers = has_answers ? waits.add(tool->answers->fd(), POLLIN) : SIZE_MAX;
    tool->at_stderr = add(tool->child.from_stderr, POLLIN, true);
    tool->at_start = add(tool->child.start_report, POLLIN, true);
    tool->at_end = add(tool->child.pidfd, POLLIN, !tool->has_exited);
  }
  at_guardian_ = guardian_.pidfd() >= 0 ? waits.add(guardian_.pidfd(), POLLIN) : SIZE_MAX;
}

std::optional<Instant> ToolHost::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& [id, tool] : tools_) {
    if (tool->press_at && (!next || *tool->press_at < *next)) next = tool->press_at;
  }
  return next;
}

void ToolHost::serve(const io::WaitSet& waits, Instant now) {
  std::vector<Tool*> present;
  present.reserve(tools_.size());
  for (auto& [id, tool] : tools_) {
    present.push_back(tool.get());
  }
  const auto is_ready = [&waits](std::size_t place) {
    return place != SIZE_MAX && waits.is_ready(place);
  };
  // Killed by somebody: the tools get another one at once.
  if (is_ready(at_guardian_)) (void)guardian_.restart();
  at_guardian_ = SIZE_MAX;
  for (Tool* const tool : present) {
    if (is_ready(tool->at_start)) hear_start(*tool);
    if (is_ready(tool->at_stderr)) (void)read<ToolComplained>(*tool, tool->child.from_stderr);
    if (is_ready(tool->at_output) || is_ready(tool->at_answers)) (void)read_output(*tool);
    if (is_ready(tool->at_input)) serve_input(*tool);
    if (is_ready(tool->at_end)) note_end(*tool, now);
    if (tool->press_at && now >= *tool->press_at) press(*tool, now);
    finish_if_over(*tool, now);
    tool->forget_places();
  }
  for (const ToolId id : finished_) {
    tools_.erase(id);
  }
  finished_.clear();
}

}  // namespace leat::node
