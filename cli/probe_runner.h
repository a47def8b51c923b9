// ProbeRunner carries out the trials of `leat probe`: runs the tool as it is, and this very program
// with a stage.
//
// 1. A tool runs in the current directory and with the environment that it has in a pipeline, alone
//    as in a stage.
// 2. Every process that a trial starts has ended when run() returns: what is left of its group is
//    killed. When this program dies its guardian does that.
// 3. Pipeline files and dead letters lie in a folder that goes with this object.
//
// prepare_signals() must have run. One thread.

#pragma once

#include <string>
#include <vector>

#include "cli/probe_plan.h"
#include "cli/surroundings.h"
#include "cli/trouble.h"
#include "io/guardian.h"
#include "io/process.h"
#include "io/record_files.h"
#include "io/rest_probe.h"

namespace leat::cli {

class ProbeRunner {
 public:
  [[nodiscard]] static Attempt<ProbeRunner> create(std::vector<std::string> argv);

  // Trouble: a signal came, or something of ours cannot be written.
  [[nodiscard]] Attempt<Outcome> run(const Trial& trial, const Signals& signals);

 private:
  enum class Feeding { kToTheEnd, kNothing };

  // One process, and what is done to it.
  struct Run {
    std::vector<std::string> argv;
    std::vector<std::string> environment;
    std::string_view stream;
    Feeding feeding = Feeding::kToTheEnd;
    Duration limit{};
    bool is_leat = false;  // It ends its own tools when it is asked to.
  };

  ProbeRunner(std::vector<std::string> argv, io::Guardian guardian, io::RecordFiles files);

  Attempt<Outcome> run_stage(const Trial& trial, const Signals& signals);
  Attempt<Outcome> run_per_record(const Trial& trial, const Signals& signals);
  Attempt<Outcome> run_process(const Run& run, const Signals& signals);
  [[nodiscard]] std::vector<std::string> environment_of_tool() const;
  [[nodiscard]] std::vector<std::string> environment_of_leat() const;

  std::vector<std::string> argv_;
  io::Guardian guardian_;
  io::RecordFiles files_;
  io::PipeWait wait_;  // Fixed after start.
};

}  // namespace leat::cli
