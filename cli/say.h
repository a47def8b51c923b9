// What a command says to its user: on standard error, whole, from any thread.

#pragma once

#include <string>

namespace leat::cli {

// One line: "leat: TEXT".
void say(const std::string& text);

// Without the "leat: ".
void say_plainly(const std::string& text);

// An event of a daemon: "2026-03-14T15:09:26Z TEXT".
void say_event(const std::string& text);

// What the command answers the shell.
enum class ExitCode {
  kWell = 0,
  kRecordsFailed = 1,
  kUsage = 2,
  kBroker = 3,
  kPipelineFailed = 4,
  kTimeout = 124,
  kInterrupted = 130,
};

}  // namespace leat::cli
