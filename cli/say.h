// One line to standard error, whole, from any thread: "leat: TEXT".

#pragma once

#include <string>

namespace leat::cli {

void say(const std::string& text);

// Without the "leat: ".
void say_plainly(const std::string& text);

// What the command answers the shell.
enum class ExitCode {
  kWell = 0,
  kRecordsFailed = 1,
  kUsage = 2,
  kBroker = 3,
  kPipelineFailed = 4,
  kInterrupted = 130,
};

}  // namespace leat::cli
