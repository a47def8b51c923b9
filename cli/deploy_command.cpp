// `leat deploy`: sends a pipeline's file to the broker, and watches until it is whole.

#include <algorithm>
#include <set>
#include <utility>

#include "cli/commands.h"
#include "cli/conversation.h"
#include "cli/print.h"
#include "cli/spec_file.h"
#include "cli/status_text.h"
#include "core/words.h"
#include "spec/scalars.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;

constexpr Duration kLookTime = 100ms;

// Watches a deployed pipeline until each stage has all its replicas.
class Rollout {
 public:
  Rollout(Conversation& broker, std::string pipeline)
      : broker_(broker), pipeline_(std::move(pipeline)) {}

  Attempt<ExitCode> watch(Duration timeout) {
    const Instant end = broker_.now() + timeout;
    while (true) {
      const Attempt<wire::PipelineStatus> status = look();
      if (!status) return tl::unexpected(status.error());
      if (Attempt<void> told = tell_news(*status); !told) return tl::unexpected(told.error());
      if (ready_.size() == status->stages.size()) return end_well(*status);
      if (broker_.now() >= end) return tl::unexpected(late(*status, timeout));
      if (Attempt<void> slept = broker_.pause(kLookTime); !slept) {
        return trouble(ExitCode::kInterrupted,
                       "interrupted; pipeline '" + pipeline_ + "' stays deployed");
      }
    }
  }

 private:
  static bool is_whole(const wire::StageStatus& stage) {
    return sum_over_nodes(stage).replicas_ready >= stage.replicas;
  }

  Attempt<wire::PipelineStatus> look() {
    const Attempt<wire::Status> status = broker_.ask<wire::Status>(wire::StatusRequest{pipeline_});
    if (!status) return tl::unexpected(status.error());
    const auto found = std::find_if(
        status->pipelines.begin(), status->pipelines.end(),
        [this](const wire::PipelineStatus& pipeline) { return pipeline.name == pipeline_; });
    if (found == status->pipelines.end()) {
      return trouble(ExitCode::kPipelineFailed, "pipeline '" + pipeline_ + "' was removed");
    }
    if (found->state.starts_with("failed")) {
      return trouble(ExitCode::kPipelineFailed, "pipeline '" + pipeline_ + "' " + found->state);
    }
    if (found->state.starts_with("failing")) {
      return trouble(ExitCode::kPipelineFailed,
                     "pipeline '" + pipeline_ + "' stays deployed, and is tried again, but is " +
                         found->state);
    }
    return *found;
  }

  Attempt<void> tell_news(const wire::PipelineStatus& status) {
    for (const wire::StageStatus& stage : status.stages) {
      if (!is_whole(stage)) {
        ready_.erase(stage.name);
        continue;
      }
      const bool is_news = ready_.insert(stage.name).second && told_.insert(stage.name).second;
      if (!is_news) continue;
      Attempt<void> told =
          print("stage " + stage.name + ": " + count_of(stage.replicas, "replica") + " ready\n");
      if (!told) return told;
    }
    return {};
  }

  // Tools of stages that are paused are kept ready, too.
  Attempt<ExitCode> end_well(const wire::PipelineStatus& status) const {
    if (!is_paused(status)) return ExitCode::kWell;
    Attempt<void> told = print("pipeline " + pipeline_ + " is " + waiting_state(status) + "\n");
    if (!told) return tl::unexpected(told.error());
    return ExitCode::kWell;
  }

  Trouble late(const wire::PipelineStatus& status, Duration timeout) const {
    std::string text = "pipeline '" + pipeline_ + "' is deployed, but not whole after " +
                       spec::duration_text(timeout);
    for (const wire::StageStatus& stage : status.stages) {
      if (is_whole(stage)) continue;
      text += "\nleat: stage '" + stage.name + "' has " +
              std::to_string(sum_over_nodes(stage).replicas_ready) + " of " +
              count_of(stage.replicas, "replica") + ": " +
              (stage.trouble.empty() ? "they are starting" : stage.trouble);
    }
    return {ExitCode::kTimeout, text};
  }

  Conversation& broker_;
  std::string pipeline_;
  std::set<std::string> ready_;  // Stages that have all their replicas.
  std::set<std::string> told_;   // Of which that was said.
};

Attempt<ExitCode> deploy(const DeployArguments& arguments) {
  const Result<SpecFile> spec = read_spec(arguments.spec);
  if (!spec) return trouble(ExitCode::kUsage, spec.error());
  Attempt<std::unique_ptr<Conversation>> broker = Conversation::begin(arguments.broker);
  if (!broker) return tl::unexpected(broker.error());
  const Attempt<wire::Deployed> deployed = (*broker)->ask<wire::Deployed>(spec->deploy());
  if (!deployed) return tl::unexpected(deployed.error());
  std::string changes = deployed->changes.empty() ? "nothing changes" : deployed->changes;
  if (!changes.ends_with('\n')) changes += '\n';
  if (Attempt<void> printed = print(changes); !printed) return tl::unexpected(printed.error());
  if (!arguments.waits) return ExitCode::kWell;
  return Rollout(**broker, deployed->pipeline).watch(arguments.timeout);
}

}  // namespace

ExitCode run_deploy(const DeployArguments& arguments) {
  return conclude(deploy(arguments));
}

}  // namespace leat::cli
