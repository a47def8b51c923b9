#include "node/replica.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "core/ensure.h"
#include "core/signals.h"
#include "spec/flush_flag.h"
#include "spec/scalars.h"
#include "spec/shell_words.h"

namespace leat::node {

namespace {

using namespace std::chrono_literals;

constexpr Duration kPauseMin = 10ms;
// Some 40 s in all: a shortage that lasts longer is no passing one.
constexpr Duration kStartPauseMin = 100ms;
constexpr Duration kStartPauseMax = 10s;
constexpr std::uint32_t kStartRetriesMax = 10;
constexpr std::size_t kQuoteMax = 80;

constexpr int kSigkill = 9;
constexpr int kSigxcpu = 24;

// A program that gets no memory aborts, or follows a null pointer, or is killed.
bool is_of_memory(int signal) {
  constexpr int kSigabrt = 6;
  constexpr int kSigbus = 7;
  constexpr int kSigsegv = 11;
  return signal == kSigabrt || signal == kSigbus || signal == kSigsegv || signal == kSigkill;
}

// As most programs do that could not get any: "Cannot allocate memory", "MemoryError".
bool speaks_of_memory(std::string_view text) {
  constexpr std::string_view kWords[] = {"memory", "Memory", "MEMORY", "bad_alloc",
                                         "failed to map segment"};
  return std::any_of(std::begin(kWords), std::end(kWords), [text](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  });
}

}  // namespace

StartTool start_order(const Post& post, ToolId tool) {
  StartTool order{.tool = tool,
                  .directory = post.directory,
                  .argv = post.stage.argv,
                  .env = post.stage.env,
                  .must_read_on = post.stage.mode != spec::Mode::kWindow,
                  .surroundings = post.stage.surroundings};
  order.env.insert_or_assign("LEAT_PIPELINE", post.pipeline);
  order.env.insert_or_assign("LEAT_STAGE", post.stage.name);
  order.env.insert_or_assign("LEAT_REPLICA", std::to_string(post.index));
  return order;
}

void connect_output(StartTool& order, spec::Buffering buffering, const framing::Framing& output) {
  order.buffering = buffering;
  if (order.buffering != spec::Buffering::kPreload) return;
  // A buffer that is flushed at each newline holds back records without. JSON values need none.
  const bool ends_lines =
      output.kind != framing::Kind::kJson && framing::terminator(output).ends_with('\n');
  order.env.try_emplace("_STDBUF_O", ends_lines ? "L" : "0");
}

void StderrTail::add(std::string_view bytes) {
  const std::size_t most = limits_.stderr_bytes_max;
  if (bytes.size() >= most) bytes_.clear();
  bytes_.append(bytes.substr(bytes.size() - std::min(bytes.size(), most)));
  if (bytes_.size() > 2 * most) bytes_.erase(0, bytes_.size() - most);
}

std::string StderrTail::text() const {
  std::string_view text = bytes_;
  text.remove_prefix(text.size() - std::min(text.size(), limits_.stderr_bytes_max));
  std::size_t from = text.size();
  if (from > 0 && text.back() == '\n') --from;
  for (std::uint32_t lines = 0; lines < limits_.stderr_lines_max; ++lines) {
    const std::size_t newline = from == 0 ? std::string_view::npos : text.rfind('\n', from - 1);
    if (newline == std::string_view::npos) return std::string(text);
    from = newline;
  }
  return std::string(text.substr(from + 1));
}

Duration RestartPause::next(Duration most) {
  ++deaths_;
  if (deaths_ == 1) return {};
  const std::uint32_t doublings = std::min(deaths_ - 2, 12U);
  return vary(std::min<Duration>(kPauseMin * (1U << doublings), most));
}

std::optional<Duration> RestartPause::next_start() {
  if (++failed_starts_ > kStartRetriesMax) return std::nullopt;
  return vary(std::min<Duration>(kStartPauseMin * (1U << (failed_starts_ - 1)), kStartPauseMax));
}

Duration RestartPause::vary(Duration pause) {
  const auto percent = static_cast<Duration::rep>(75 + random_() % 51);
  return pause * percent / 100;
}

std::optional<Instant> retry_start(const ToolStartFailed& event, const Post& post,
                                   RestartPause& pause, Turn& turn) {
  if (!event.may_pass) return std::nullopt;
  const std::optional<Duration> wait = pause.next_start();
  if (!wait) return std::nullopt;
  turn.tally.count_restart(kStart);
  if (pause.failed_starts() == 1) {
    turn.effects.push_back(
        Say{"stage '" + post.stage.name + "': " + event.reason + "; it is tried again"});
  }
  return turn.now + *wait;
}

std::string flush_remedy(const std::vector<std::string>& argv) {
  std::string flag;
  for (const std::string& word : spec::flush_flag(argv)) {
    flag += (flag.empty() ? "" : " ") + word;
  }
  if (!flag.empty()) return "give it " + flag + ", or use mode: window";
  return "make it flush each record (--line-buffered, --unbuffered, -u; see `buffering`), or use "
         "mode: window";
}

std::string quote(const std::vector<std::string>& argv) {
  std::string text = spec::shell_quote(argv);
  if (text.size() > kQuoteMax) text = text.substr(0, kQuoteMax) + "...";
  std::replace(text.begin(), text.end(), '\n', ' ');
  return "`" + text + "`";
}

std::string describe(const ToolEnded& end) {
  if (!end.is_signal) return "exited with status " + std::to_string(end.status);
  const char* const name = signal_name(end.status);
  return "was ended by signal " + std::to_string(end.status) +
         (name == nullptr ? "" : std::string(" (") + name + ")");
}

wire::Failure timeout_failure(Duration timeout) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout);
  return {.kind = wire::FailureKind::kTimeout,
          .reason = "the tool gave no answer for " + std::to_string(ms.count()) + " ms"};
}

wire::Failure failure_of(const ToolEnded& end, const spec::Stage& stage,
                         std::string_view stderr_tail) {
  return {.kind = end.is_signal ? wire::FailureKind::kSignal : wire::FailureKind::kExit,
          .status = end.status,
          .reason = "the tool " + describe(end) + limit_met(end, stage, stderr_tail)};
}

std::string limit_met(const ToolEnded& end, const spec::Stage& stage,
                      std::string_view stderr_tail) {
  const spec::Surroundings& given = stage.surroundings;
  const int signal = end.is_signal ? end.status : 0;
  if (given.cpu_time_max && (signal == kSigxcpu || signal == kSigkill)) {
    // The kill comes to one that ignores the first, but may be somebody else's.
    return std::string(signal == kSigxcpu ? ": it had used up" : "; perhaps for") +
           " tool_limits.cpu (" + spec::duration_text(*given.cpu_time_max) + ")";
  }
  if (given.memory_bytes_max && (is_of_memory(signal) || speaks_of_memory(stderr_tail))) {
    return "; perhaps for tool_limits.memory (" + spec::size_text(*given.memory_bytes_max) + ")";
  }
  return "";
}

std::size_t printed_record_max(const Post& post) {
  return std::min<std::uint64_t>(post.limits.record_bytes_max,
                                 post.stage.output_bytes_max.value_or(SIZE_MAX));
}

std::string printed_record_limit(const Post& post) {
  const bool is_tools = post.stage.output_bytes_max.has_value();
  return std::string(is_tools ? "tool_limits.output (" : "limits.record_bytes (") +
         std::to_string(printed_record_max(post)) + ")";
}

}  // namespace leat::node
