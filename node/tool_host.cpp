#include "node/tool_host.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <utility>

#include <unistd.h>

#include "io/pipe.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kReadBytes = std::size_t{64} << 10;
constexpr int kReadsPerTurn = 8;
constexpr std::size_t kPiecesPerWrite = 16;
// What a dead tool's children may keep its pipes open, and what a tool that closed its input or
// output may take to end.
constexpr Duration kLeftoversTime = 1s;

// The node's environment without what would change how tools behave, plus the stage's.
std::vector<std::string> environment_for(const StartTool& order, const io::Guardian& guardian,
                                         const std::optional<io::User>& user) {
  std::map<std::string, std::string> all;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = text.substr(0, equals);
    const bool is_ours = name.starts_with("LEAT_") || name == "PYTHONUNBUFFERED";
    if (!is_ours) all[name] = text.substr(equals + 1);
  }
  if (user) {
    all["HOME"] = user->home;
    all["LOGNAME"] = all["USER"] = user->name;
  }
  for (const auto& [name, value] : order.env) {
    all[name] = value;
  }
  std::vector<std::string> entries;
  for (const auto& [name, value] : all) {
    entries.push_back(name + "=" + value);
  }
  entries.push_back(guardian.environment_entry());
  return entries;
}

Result<io::Surroundings> surroundings_for(const StartTool& order) {
  const spec::Surroundings& wanted = order.surroundings;
  io::Surroundings surroundings{.nice = wanted.nice,
                                .open_files_max = wanted.open_files_max,
                                .memory_bytes_max = wanted.memory_bytes_max};
  if (wanted.cpu_time_max) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wanted.cpu_time_max);
    surroundings.cpu_seconds_max = static_cast<std::uint64_t>(seconds.count());
  }
  if (wanted.user.empty()) return surroundings;
  Result<io::User> user = io::find_user(wanted.user);
  if (!user) {
    return failure(user.error().code,
                   "cannot start '" + order.argv.front() + "': " + user.error().message);
  }
  surroundings.user = std::move(*user);
  return surroundings;
}

ToolStartFailed start_failure(ToolId tool, const Error& error) {
  return {.tool = tool,
          .reason = error.message,
          .may_pass = error.code == Errc::kUnavailable,
          .is_by_arguments = error.code == Errc::kInvalidArgument};
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
  bool has_exited = false;          // It is reaped when its pipes are closed, too.
  std::optional<Instant> press_at;  // When the next step of ending it is due.
  enum class Press { kTerminate, kKill } press = Press::kTerminate;
  Duration grace{};
  // Places in the wait set; SIZE_MAX when not watched.
  std::size_t at_input = SIZE_MAX;
  std::size_t at_output = SIZE_MAX;
  std::size_t at_stderr = SIZE_MAX;
  std::size_t at_end = SIZE_MAX;
  std::size_t at_start = SIZE_MAX;
  bool is_finished = false;
  std::string file;  // That holds its record; empty: none.
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
  if (const Result<void> launched = launch(effect, *tool); !launched) {
    if (!tool->file.empty()) io::RecordFiles::remove(tool->file);
    deliver_(start_failure(effect.tool, launched.error()));
    return;
  }
  (void)guardian_.add(tool->child.pid);
  Tool& kept = *tools_.emplace(effect.tool, std::move(tool)).first->second;
  if (!kept.child.start_report.is_open()) tell_started(kept);
}

Result<void> ToolHost::launch(const StartTool& effect, Tool& tool) {
  Result<io::Surroundings> surroundings = surroundings_for(effect);
  if (!surroundings) return tl::unexpected(surroundings.error());
  tool.options = {.argv = effect.argv,
                  .environment = environment_for(effect, guardian_, surroundings->user),
                  .working_directory = effect.directory,
                  .surroundings = std::move(*surroundings),
                  .starter = starter_};
  if (effect.file) {
    Result<std::string> path = write_file(effect.file->bytes, tool.options.surroundings.user);
    if (!path) return tl::unexpected(path.error());
    tool.options.argv = spec::fill_holes(effect.argv, effect.file->holes, *path);
    tool.file = std::move(*path);
  }
  Result<io::Child> child = io::spawn(tool.options);
  if (!child) return tl::unexpected(child.error());
  tool.child = std::move(*child);
  return {};
}

Result<std::string> ToolHost::write_file(const Bytes& record,
                                         const std::optional<io::User>& reader) {
  if (!files_) {
    Result<io::RecordFiles> files = io::RecordFiles::create();
    if (!files) return tl::unexpected(files.error());
    (void)guardian_.set_folder(files->folder());
    files_.emplace(std::move(*files));
  }
  return files_->write(record.view(), reader);
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
    // Its leftovers may be beyond reach; what they print is nobody's.
    if (tool.has_exited) {
      tool.child.from_stdout.reset();
      tool.child.from_stderr.reset();
    }
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

void ToolHost::close_input(Tool& tool) {
  tool.child.to_stdin.reset();
  tool.must_read_on = false;
}

bool ToolHost::read_output(Tool& tool) {
  for (int i = 0; i < kReadsPerTurn && tool.child.from_stdout.is_open(); ++i) {
    const Result<io::ReadOutcome> outcome =
        io::read_some(tool.child.from_stdout.get(), std::span(buffer_));
    if (outcome && outcome->state == io::ReadState::kWouldBlock) return true;
    if (!outcome || outcome->state == io::ReadState::kEnd) {
      tool.child.from_stdout.reset();
      return true;
    }
    deliver_(ToolPrinted{tool.id, std::string_view(buffer_.data(), outcome->bytes)});
    if (outcome->bytes < buffer_.size()) return true;
  }
  return !tool.child.from_stdout.is_open();
}

void ToolHost::read_stderr(Tool& tool) {
  for (int i = 0; i < kReadsPerTurn && tool.child.from_stderr.is_open(); ++i) {
    const Result<io::ReadOutcome> outcome =
        io::read_some(tool.child.from_stderr.get(), std::span(buffer_));
    if (outcome && outcome->state == io::ReadState::kWouldBlock) return;
    if (!outcome || outcome->state == io::ReadState::kEnd) {
      tool.child.from_stderr.reset();
      return;
    }
    deliver_(ToolComplained{tool.id, std::string_view(buffer_.data(), outcome->bytes)});
  }
}

void ToolHost::note_end(Tool& tool, Instant now) {
  tool.has_exited = true;
  tool.to_write.clear();
  tool.child.to_stdin.reset();
  tool.press = Tool::Press::kKill;
  tool.press_at = now + kLeftoversTime;
}

void ToolHost::finish_if_over(Tool& tool, Instant now) {
  const bool has_closed_early =
      tool.must_read_on && !tool.has_exited && !tool.press_at &&
      (!tool.child.to_stdin.is_open() || !tool.child.from_stdout.is_open());
  if (has_closed_early) {
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
  finished_.push_back(tool.id);
  const io::ExitStatus status = io::try_wait(tool.child).value_or(io::ExitStatus{});
  if (tool.start_error) return deliver_(start_failure(tool.id, *tool.start_error));
  const bool is_signal = status.signal != 0;
  deliver_(ToolEnded{tool.id, is_signal, is_signal ? status.signal : status.code});
}

void ToolHost::watch(io::WaitSet& waits) {
  const auto add = [&waits](const io::Fd& fd, short events, bool wanted) {
    return fd.is_open() && wanted ? waits.add(fd.get(), events) : SIZE_MAX;
  };
  for (auto& [id, tool] : tools_) {
    tool->at_input = add(tool->child.to_stdin, POLLOUT, !tool->to_write.empty());
    tool->at_output = add(tool->child.from_stdout, POLLIN, true);
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
    if (is_ready(tool->at_stderr)) read_stderr(*tool);
    if (is_ready(tool->at_output)) (void)read_output(*tool);
    if (is_ready(tool->at_input)) write_input(*tool);
    if (is_ready(tool->at_end)) note_end(*tool, now);
    if (tool->press_at && now >= *tool->press_at) press(*tool, now);
    finish_if_over(*tool, now);
    tool->at_input = tool->at_output = tool->at_stderr = tool->at_end = tool->at_start = SIZE_MAX;
  }
  for (const ToolId id : finished_) {
    tools_.erase(id);
  }
  finished_.clear();
}

}  // namespace leat::node
