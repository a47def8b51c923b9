// What a pipeline's YAML file says, checked: every value is in range, every name is known, every
// default is filled in. Made by parse() in spec/parse.h only.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/limits.h"
#include "core/time.h"
#include "framing/framing.h"
#include "spec/holes.h"

namespace leat::spec {

enum class Mode : std::uint8_t { kEach, kFilter, kTagged, kWindow };

// How a tool's standard output is connected, so that it hands on what it prints in time.
enum class Buffering : std::uint8_t {
  kAuto,     // Whichever of the others does.
  kPipe,     // It does so by itself.
  kPreload,  // A library of coreutils makes its stdio do so.
  kPty       // It does so on a terminal.
};

// What happens to a record that failed `attempts` times.
enum class OnError : std::uint8_t { kDeadLetter, kDrop, kStop };

// When a window is full; whichever comes first. With `all` the producer's end alone closes it.
struct Window {
  bool all = false;
  std::optional<std::uint64_t> records;  // 1 or more.
  std::optional<std::uint64_t> bytes;    // 1 or more; a larger record is a window of its own.
  std::optional<Duration> time;          // Since the window's first record was ready.
  friend bool operator==(const Window&, const Window&) = default;
};

// What each process of a tool is given where it is not as with the node.
struct Surroundings {
  std::optional<int> nice;  // -20 to 19.
  std::string user;         // Empty: the node's.
  std::optional<std::uint64_t> memory_bytes_max;
  std::optional<std::uint64_t> open_files_max;
  std::optional<Duration> cpu_time_max;
};

// What a tool prints of itself before it is given anything.
struct Prelude {
  std::uint64_t records = 0;  // Of the output framing, 1 or more.
  std::string until;          // Else: lines, up to the first that this pattern matches.
  // It goes ahead of the results of each producer's first record; else it is dropped. First stage
  // only.
  bool is_kept = false;
};

// The line that tells that the tool has loaded: on one of the two streams.
struct Ready {
  std::string on_stdout;  // A pattern; lines up to the first that it matches are dropped.
  std::string on_stderr;
  Duration timeout = std::chrono::seconds(300);  // From the process's start.
};

// The contract of Algorithmia's LangServer: a record is a request, a line of JSON; the answer is a
// JSON value on a named pipe.
struct Langpack {
  enum class ContentType : std::uint8_t {
    kAuto,  // Text when it is UTF-8, else binary.
    kText,
    kJson,
    kBinary
  };
  ContentType content_type = ContentType::kAuto;  // Of the requests.
  std::string pipe;  // Where the tool looks for it. Empty: each process has one of its own.
};

// Of a tool's environment: the path of the pipe that it answers on.
inline constexpr const char* kAnswersVariable = "LEAT_ANSWERS";

inline constexpr std::uint32_t kReplicasMax = 1024;  // Of a stage, over the whole cluster.

struct Stage {
  std::string name;               // [a-z0-9-]+, unique within the pipeline.
  std::vector<std::string> argv;  // At least the program; a relative path is made absolute.
  // Where in argv the record goes. Mode window only: then a window is one record.
  std::vector<Hole> holes;
  bool is_record_in_file = false;  // What goes there is the path of a file that holds it.
  std::uint32_t replicas = 1;      // 1 to kReplicasMax.
  Mode mode = Mode::kEach;
  Window window;  // Mode window only.
  // With langpack and in mode tagged: how a client's stream is cut into records, and of the
  // results.
  framing::Framing input;
  framing::Framing output;
  std::optional<Langpack> langpack;
  std::optional<Ready> ready;
  std::optional<Prelude> prelude;
  // A process of a kept tool is renewed when it was given so many records, or has lived so long.
  std::optional<std::uint64_t> records_max;
  std::optional<Duration> age_max;
  Buffering buffering = Buffering::kAuto;  // Modes each and filter.
  std::uint32_t in_flight_max = 0;         // Records inside a replica at once; 0: adaptive.
  std::optional<Duration>
      timeout;  // Per record, from the previous answer; for a window, of it all.
  Duration grace = std::chrono::seconds(5);  // From end-of-file to SIGTERM, and on to SIGKILL.
  std::uint32_t attempts = 3;                // 1 to 100.
  Duration backoff = std::chrono::milliseconds(10);  // Before the second attempt; then doubles.
  OnError on_error = OnError::kDeadLetter;
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> labels;  // That a node must have.
  std::vector<int> exit_codes = {0};          // Mode window: which mean success.
  Surroundings surroundings;
  // Of a printed record, or of all that is printed for a window.
  std::optional<std::uint64_t> output_bytes_max;
};

struct Pipeline {
  std::string name;                 // [a-z0-9-]+
  std::string directory;            // Absolute: the tools' working directory.
  framing::Framing source_framing;  // How a client's stream is cut: the first stage's input.
  framing::Framing sink_framing;    // How results are written: the last stage's output.
  std::vector<Stage> stages;        // At least one, in topological order.
  // from[i]: the stage that feeds stage i, or nothing for a source.
  std::vector<std::optional<std::size_t>> from;
  Limits limits;
};

}  // namespace leat::spec
