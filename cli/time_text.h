// Points of wall-clock time, as they are shown.

#pragma once

#include <chrono>
#include <string>

namespace leat::cli {

// RFC 3339, UTC: "2026-03-14T15:09:26.535Z".
[[nodiscard]] std::string time_text(std::chrono::system_clock::time_point at);

}  // namespace leat::cli
