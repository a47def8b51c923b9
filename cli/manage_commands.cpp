// `leat status`, `scale`, `pause`, `resume`, `drain`, `remove` and `logs`: a question to the broker
// each.

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <unistd.h>

#include "cli/commands.h"
#include "cli/conversation.h"
#include "cli/log_text.h"
#include "cli/print.h"
#include "cli/status_text.h"
#include "core/words.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;

constexpr Duration kLookTime = 200ms;
// How often it is said again what is being waited for.
constexpr Duration kTellTime = 2s;

Attempt<ExitCode> print_well(const std::string& text) {
  if (Attempt<void> printed = print(text); !printed) return tl::unexpected(printed.error());
  return ExitCode::kWell;
}

Attempt<ExitCode> show_status(const StatusArguments& arguments) {
  Attempt<std::unique_ptr<Conversation>> broker = Conversation::begin(arguments.broker);
  if (!broker) return tl::unexpected(broker.error());
  const Attempt<wire::Status> status =
      (*broker)->ask<wire::Status>(wire::StatusRequest{arguments.pipeline});
  if (!status) return tl::unexpected(status.error());
  return print_well(arguments.as_json ? status_json(*status) : status_text(*status));
}

Attempt<ExitCode> scale(const ScaleArguments& arguments) {
  Attempt<std::unique_ptr<Conversation>> broker = Conversation::begin(arguments.broker);
  if (!broker) return tl::unexpected(broker.error());
  const Attempt<wire::Done> done = (*broker)->ask<wire::Done>(
      wire::Scale{arguments.pipeline, arguments.stage, arguments.replicas});
  if (!done) return tl::unexpected(done.error());
  return print_well("stage " + arguments.stage + " of pipeline " + arguments.pipeline +
                    " is to have " + count_of(arguments.replicas, "replica") + "\n");
}

// Pauses or resumes, and prints what is so then: " is paused".
Attempt<ExitCode> ask_pause(const BrokerArguments& address, const wire::Pause& question,
                            const std::string& now) {
  Attempt<std::unique_ptr<Conversation>> broker = Conversation::begin(address);
  if (!broker) return tl::unexpected(broker.error());
  const Attempt<wire::Done> done = (*broker)->ask<wire::Done>(question);
  if (!done) return tl::unexpected(done.error());
  const std::string stage = question.stage.empty() ? "" : "stage " + question.stage + " of ";
  return print_well(stage + "pipeline " + question.pipeline + now + "\n");
}

// What keeps a node that is drained: "" when it has left.
std::string hold_of(const std::string& node, const wire::Status& status) {
  const bool is_there =
      std::any_of(status.nodes.begin(), status.nodes.end(),
                  [&node](const wire::NodeStatus& one) { return one.name == node; });
  if (!is_there) return "";
  std::string text;
  const auto add = [&](const wire::PipelineStatus& pipeline, const wire::StageStatus& stage) {
    for (const wire::StageOnNode& there : stage.nodes) {
      if (there.node != node || there.leased == 0) continue;
      text += (text.empty() ? "" : ", ") + count_of(there.leased, "record") + " at stage " +
              stage.name + " of pipeline " + pipeline.name;
    }
  };
  for (const wire::PipelineStatus& pipeline : status.pipelines) {
    for (const wire::StageStatus& stage : pipeline.stages) {
      add(pipeline, stage);
    }
  }
  return text.empty() ? "for its tools to end" : "for " + text;
}

Attempt<ExitCode> drain(const DrainArguments& arguments) {
  Attempt<std::unique_ptr<Conversation>> begun = Conversation::begin(arguments.broker);
  if (!begun) return tl::unexpected(begun.error());
  Conversation& broker = **begun;
  const std::string& node = arguments.node;
  const Attempt<wire::Done> done = broker.ask<wire::Done>(wire::Drain{node});
  if (!done) return tl::unexpected(done.error());
  if (!arguments.waits) return print_well("node " + node + " is given nothing more\n");
  for (Instant next_word = broker.now() + kTellTime;;) {
    const Attempt<wire::Status> status = broker.ask<wire::Status>(wire::StatusRequest{});
    if (!status) return tl::unexpected(status.error());
    const std::string hold = hold_of(node, *status);
    if (hold.empty()) return print_well("node " + node + " has left\n");
    if (broker.now() >= next_word) {
      say("node " + node + " is draining; waiting " + hold);
      next_word = broker.now() + kTellTime;
    }
    if (Attempt<void> slept = broker.pause(kLookTime); !slept) {
      return trouble(ExitCode::kInterrupted,
                     "interrupted; node " + node + " goes on draining, and waits " + hold);
    }
  }
}

Attempt<ExitCode> remove(const RemoveArguments& arguments) {
  Attempt<std::unique_ptr<Conversation>> begun = Conversation::begin(arguments.broker);
  if (!begun) return tl::unexpected(begun.error());
  Conversation& broker = **begun;
  // That it is there now, so that it is known what it means when it is not there afterwards.
  const wire::Describe question{arguments.pipeline};
  const Attempt<wire::Description> before = broker.ask<wire::Description>(question);
  if (!before) return tl::unexpected(before.error());
  Answers answers = broker.ask_all(wire::Remove{arguments.pipeline, arguments.drops});
  std::uint64_t dropped = 0;
  if (!answers.trouble) {
    dropped = std::get<wire::Done>(answers.messages.front()).count;
  } else {
    // The first request may have done it, and the second may have found nothing.
    const bool is_gone = answers.was_repeated && !broker.ask<wire::Description>(question) &&
                         answers.trouble->code == ExitCode::kBroker;
    if (!is_gone) return tl::unexpected(*answers.trouble);
  }
  return print_well("pipeline " + arguments.pipeline + " is removed" +
                    (dropped > 0 ? "; " + count_of(dropped, "record") + " dropped\n" : "\n"));
}

Attempt<ExitCode> show_logs(const LogsArguments& arguments) {
  Attempt<std::unique_ptr<Conversation>> broker = Conversation::begin(arguments.broker);
  if (!broker) return tl::unexpected(broker.error());
  const Answers answers =
      (*broker)->ask_all(wire::LogsRequest{arguments.pipeline, arguments.stage});
  std::vector<wire::Logs> all;
  for (const wire::Message& message : answers.messages) {
    if (const auto* const logs = std::get_if<wire::Logs>(&message)) all.push_back(*logs);
  }
  std::sort(all.begin(), all.end(), [](const wire::Logs& a, const wire::Logs& b) {
    return std::pair(a.stage, a.node) < std::pair(b.stage, b.node);
  });
  const Bytes bytes = ::isatty(STDOUT_FILENO) == 1 ? Bytes::kEscaped : Bytes::kAsTheyAre;
  const std::string text = log_text(all, std::chrono::system_clock::now(), bytes);
  if (Attempt<void> printed = print(text); !printed) return tl::unexpected(printed.error());
  if (answers.trouble) return tl::unexpected(*answers.trouble);
  if (all.empty()) {
    say("no node runs it now");
  } else if (text.empty()) {
    say("nothing was said");
  }
  return ExitCode::kWell;
}

}  // namespace

ExitCode run_status(const StatusArguments& arguments) {
  return conclude(show_status(arguments));
}

ExitCode run_scale(const ScaleArguments& arguments) {
  return conclude(scale(arguments));
}

ExitCode run_pause(const PauseArguments& arguments) {
  return conclude(
      ask_pause(arguments.broker, {arguments.pipeline, arguments.stage, true}, " is paused"));
}

ExitCode run_resume(const PauseArguments& arguments) {
  return conclude(
      ask_pause(arguments.broker, {arguments.pipeline, arguments.stage, false}, " goes on"));
}

ExitCode run_drain(const DrainArguments& arguments) {
  return conclude(drain(arguments));
}

ExitCode run_remove(const RemoveArguments& arguments) {
  return conclude(remove(arguments));
}

ExitCode run_logs(const LogsArguments& arguments) {
  return conclude(show_logs(arguments));
}

}  // namespace leat::cli
