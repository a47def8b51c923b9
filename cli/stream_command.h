// StreamCommand moves records between this process's standard streams and one session: `pipe` has
// both an input and an output, `send` only the one, `recv` only the other, or a file instead. It
// moves bytes; the session's core and the broker decide. One thread.
//
// However it ends, the broker is told, so that nobody waits for this client: a result that was
// written whole is taken, and one of which nothing was written is not.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/failed_records.h"
#include "cli/front.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/result_file.h"
#include "cli/surroundings.h"
#include "cli/tool_words.h"
#include "clients/cpp/session_core.h"
#include "io/clock.h"

namespace leat::cli {

class StreamCommand {
 public:
  struct Options {
    client::Settings session;
    std::optional<Input> input;      // Of a session that submits.
    std::optional<Output> output;    // Of one that gets results:
    std::optional<ResultFile> file;  // or this, of a consumer.
    DeadLetterFile letters;
    ToolWords words;
    std::size_t record_bytes_max = 0;  // Of the input.
    bool shows_progress = false;
    bool shows_summary = false;
  };

  // `front` must outlive it.
  StreamCommand(Options options, Front& front);
  ~StreamCommand() = default;
  StreamCommand(const StreamCommand&) = delete;
  StreamCommand& operator=(const StreamCommand&) = delete;
  StreamCommand(StreamCommand&&) = delete;
  StreamCommand& operator=(StreamCommand&&) = delete;

  // Until the session is over, or something ends it.
  [[nodiscard]] ExitCode run(const Signals& signals);

 private:
  // Places in the set that was waited with.
  struct Watched {
    std::size_t signals;
    std::optional<std::size_t> input;
    std::optional<std::size_t> output;
    bool is_only_looking;  // At the output: there is nothing to write.
  };

  void turn(io::WaitSet& waits, const Signals& signals);
  Watched watch(io::WaitSet& waits, const Signals& signals) const;
  [[nodiscard]] std::optional<Duration> patience();
  void receive();
  void read_input();
  void submit();
  void write_output();
  void hand_to_output(const wire::Delivery& delivery);
  // Takes what is in the file now, or gives up.
  void keep(const ResultFile::Kept& kept);
  void carry_out(const client::Effects& effects);
  void order(const client::SendToBroker& effect);
  void order(const client::HandOver& effect);
  void order(const client::BeginAnew& effect);
  void order(const client::Finish& effect);
  void order(const client::Fail& effect);
  void order(const client::ShowStatus& effect);
  void interrupt();
  void lose_reader();
  // Says why, and closes the session.
  void give_up(ExitCode code, const std::string& reason);
  void tell(const std::string& what);
  // Failed records, or what tools said, cannot be kept.
  void give_up_keeping(const Error& error);
  void show_progress();
  // Asks why nothing moves, when nothing does; and says so.
  void look_why();
  void tell_state();
  void tell_outcome();

  [[nodiscard]] wire::SessionUse use() const { return options_.session.use; }

  Options options_;
  Front& front_;
  io::MonotonicClock clock_;
  Instant now_;  // Read once per turn.
  client::SessionCore session_;
  ProgressLine progress_;
  FailedRecords failed_;
  std::optional<ExitCode> code_;  // Set when it is decided how it ends.
  bool is_leaving_ = false;       // Interrupted, and in the middle of writing a delivery.
  bool is_abandoned_ = false;     // Interrupted a second time.
  bool is_input_broken_ = false;  // Its end is not the end that it should have.
  bool has_told_end_ = false;
  Instant started_;
  Instant next_progress_;
  Instant next_look_;                      // When to look whether anything moves.
  std::uint64_t moved_ = 0;                // How much had moved at the last look.
  std::optional<std::uint64_t> finished_;  // By stages, as of the last status.
  Instant still_since_;                    // Nothing has moved.
  std::uint64_t deliveries_ = 0;
  std::string told_state_;                       // Of the pipeline, when it did not run.
  std::optional<wire::PipelineStatus> status_;   // The latest.
  std::optional<wire::Delivery> last_delivery_;  // Waits for the last status.
};

}  // namespace leat::cli
