// PipeCommand is `leat pipe`: standard input through a pipeline to standard output, in order. It
// moves bytes; the session's core and the cluster decide. One thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/dead_letter_file.h"
#include "cli/embedded.h"
#include "cli/input_cutter.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/spec_file.h"
#include "clients/cpp/session_core.h"
#include "io/clock.h"
#include "io/socket.h"
#include "io/wait.h"

namespace leat::cli {

class PipeCommand {
 public:
  PipeCommand(PipeArguments arguments, SpecFile spec, Output output, DeadLetterFile letters,
              io::Context& context);

  // Until everything is written, or something ends it. `signals` is readable when the user wants
  // it to end.
  [[nodiscard]] ExitCode run(int signals);

 private:
  void turn(io::WaitSet& waits, int signals);
  void receive();
  void read_input();
  void submit_pending();
  void write_output(bool is_only_looking);
  void carry_out(const client::Effects& effects);
  void order(const client::SendToBroker& effect);
  void order(const client::HandOver& effect);
  void order(const client::Finish& effect);
  void order(const client::Fail& effect);
  void order(const client::ShowStatus& effect);
  void bury(const wire::DeadLetter& letter);
  // The broker does not count the records that were too large to be read.
  [[nodiscard]] Position place_in_stream(const Position& origin) const;
  void bury_oversize(const InputCutter::Oversize& oversize);
  void tell_failure(const std::string& what);
  void fail(ExitCode code, const std::string& reason);
  [[nodiscard]] bool shows_progress() const;
  void show_progress();
  void finish_progress();
  void tell_outcome();

  PipeArguments arguments_;
  SpecFile spec_;
  Output output_;
  DeadLetterFile letters_;
  io::Socket front_;
  io::MonotonicClock clock_;
  Instant now_;  // Read once per turn.
  InputCutter cutter_;
  client::SessionCore session_;
  std::optional<std::uint64_t> input_size_;  // Bytes, where it is a file.
  std::vector<char> buffer_;
  std::optional<ExitCode> code_;  // Set when it is over.
  bool is_input_over_ = false;
  bool has_told_end_ = false;
  std::optional<Records> pending_;  // Cut, and beyond the credit.
  std::uint64_t read_bytes_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t told_ = 0;              // Failed records.
  std::vector<std::uint64_t> skipped_;  // Places of records that were too large, ascending.
  Instant started_;
  Instant next_progress_;
  bool has_progress_line_ = false;
  std::optional<wire::Status> status_;  // The latest.
  bool is_last_status_due_ = false;
  wire::Delivery last_delivery_;  // Waits for the last status.
};

}  // namespace leat::cli
