// What happens to tools, and what is to be done with them: the border between the node's logic and
// the processes.

#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/bytes.h"
#include "core/ids.h"
#include "core/time.h"
#include "spec/pipeline_spec.h"
#include "wire/messages.h"

namespace leat::node {

// One process of a tool, from its start to its end; never reused.
struct ToolId {
  std::uint64_t value = 0;
  auto operator<=>(const ToolId&) const = default;
};

// ---- Events.

struct ToolStarted {
  ToolId tool;
};

// The process could not be made. The reason is a sentence that names the program, with the
// operating system's words.
struct ToolStartFailed {
  ToolId tool;
  std::string reason;
  bool may_pass = false;  // The system was short of something: descriptors, memory, processes.
  bool is_by_arguments = false;  // They are more than the system takes.
  bool is_by_buffering = false;  // This node has no such way to connect its standard output.
};

// Valid during the step only.
struct ToolPrinted {
  ToolId tool;
  std::string_view bytes;
};

// Where its answers come by an AnswerPipe: what it printed on its standard output.
struct ToolSaid {
  ToolId tool;
  std::string_view bytes;
};

struct ToolComplained {
  ToolId tool;
  std::string_view bytes;  // Of its standard error.
};

// This much of what it was fed lies in its pipe now, or was read.
struct ToolAccepted {
  ToolId tool;
  std::uint64_t bytes = 0;
};

// kAtRest: asleep on an empty standard input, and its output is drained. kWaiting: asleep, its
// input empty, but perhaps for something else than input. kUnseeable: now its rest could not be
// seen. kWithheld: nor ever, for the system does not let us look.
enum class Rest { kAtRest, kWaiting, kBusy, kUnseeable, kWithheld };

// The answer to Look; what it had printed came before.
struct ToolLooked {
  ToolId tool;
  std::uint64_t look = 0;  // Which one.
  Rest rest = Rest::kBusy;
  std::string reason;  // kUnseeable, kWithheld: "it has 4 threads".
};

// It is gone; its output and complaints came before. `status` is its exit code or the signal.
struct ToolEnded {
  ToolId tool;
  bool is_signal = false;
  int status = 0;
  std::string closed;  // Which stream it closed before its end, for which it was ended; or none.
};

// ---- Orders.

// Lies in a file of its own while the process lives; its path fills these holes of argv.
struct RecordFile {
  Bytes bytes;
  std::vector<spec::Hole> holes;
};

// A named pipe of its own that the tool writes its answers to, as it likes: at once, or opening it
// for each. Its standard output is then for other words.
struct AnswerPipe {
  std::string variable;  // Of the tool's environment, that tells the path.
  std::string path;      // Where the tool looks for it. Empty: wherever there is room.
};

struct StartTool {
  ToolId tool;
  std::string directory;
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  // On top of the node's.
  bool must_read_on = false;  // One that closes its input or output before its end is ended.
  std::optional<RecordFile> file;
  spec::Surroundings surroundings;
  spec::Buffering buffering = spec::Buffering::kPipe;  // kAuto is carried out as kPipe.
  std::optional<AnswerPipe> answers;
};

struct FeedTool {
  ToolId tool;
  Bytes bytes;
};

// End-of-file follows what was fed.
struct CloseStdin {
  ToolId tool;
};

struct LookAtTool {
  ToolId tool;
  std::uint64_t look = 0;  // Numbers the looks, so that an answer is not taken for a later one's.
};

// Kill: the whole group, now. Else: end-of-file if it has not had it, SIGTERM after `grace`, the
// kill after another. Its end is told either way.
struct EndTool {
  ToolId tool;
  bool kill = false;
  Duration grace{};
};

struct PushResult {
  wire::LeaseResult result;
};

struct SendToBroker {
  wire::Message message;
};

// Makes the connection to the broker's front anew: one that was refused is dead until then.
struct ReconnectToBroker {};

// Connects the PUSH socket for results; an earlier one goes.
struct ConnectResults {
  std::string address;
};

// Binds an inlet's PULL socket, if the segment has none; InletBound or InletBindFailed answers.
struct BindInlet {
  SegmentId segment;
  std::uint64_t epoch = 0;
};

struct UnbindInlet {
  SegmentId segment;
};

struct Say {
  std::string text;
};

using Effect =
    std::variant<StartTool, FeedTool, CloseStdin, LookAtTool, EndTool, PushResult, SendToBroker,
                 ReconnectToBroker, ConnectResults, BindInlet, UnbindInlet, Say>;
using Effects = std::vector<Effect>;

}  // namespace leat::node
