// What tools said on standard error, as `leat logs` shows it, a line each:
//   2026-03-14T15:09:26.535Z STAGE/REPLICA@NODE [record 17] TEXT

#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "wire/messages.h"

namespace leat::cli {

// On a terminal what is no text, and what could move the cursor, is shown as \x1b.
enum class Bytes { kAsTheyAre, kEscaped };

// By time; lines of one tool stay in their order. The nodes told their ages at `now`.
[[nodiscard]] std::string log_text(const std::vector<wire::Logs>& all,
                                   std::chrono::system_clock::time_point now, Bytes bytes);

// The bytes that are text as they are, every other as \xNN, and a backslash as it is.
[[nodiscard]] std::string escaped(std::string_view bytes);

}  // namespace leat::cli
