// How a node starts a program with other limits, niceness or user than its own: posix_spawn cannot
// change these, so it starts leat-start, which changes them in itself and then becomes the program.
//
//   leat-start [NAME=NUMBER]... -- PATH ARGV0 [ARGUMENT]...
//
// The names are those of StartStep below, and are carried out in the order in which they are given;
// `group` may come several times, and takes effect with `user`. Descriptor 3 is a pipe: it is
// closed when the program was executed, and gets one line "NAME ERRNO" when a step failed. Then
// leat-start exits with 127.

#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace leat::io {

inline constexpr int kStartReportFd = 3;
inline constexpr int kStartFailedStatus = 127;

enum class StartStep : std::uint8_t {
  kNice,       // 20 more than the niceness; as near as the rights allow.
  kCpu,        // Seconds of processor time: SIGXCPU then, SIGKILL one later.
  kOpenFiles,  // One more than the highest descriptor.
  kMemory,     // Bytes of address space.
  kGroup,      // One of the supplementary groups.
  kMainGroup,
  kUser,
  kProgram,  // Not an argument: to execute it.
};

inline constexpr std::array<std::string_view, 8> kStartSteps = {
    "nice", "cpu", "open-files", "memory", "group", "main-group", "user", "program"};

struct StartWord {
  StartStep step = StartStep::kProgram;
  std::uint64_t number = 0;
};

// Of "NAME<between>NUMBER". Total.
[[nodiscard]] inline std::optional<StartWord> parse_start_word(std::string_view text,
                                                               char between) {
  const std::string_view name = text.substr(0, text.find(between));
  if (name.size() == text.size()) return std::nullopt;
  const std::string_view digits = text.substr(name.size() + 1);
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size()) return std::nullopt;
  for (std::size_t i = 0; i < kStartSteps.size(); ++i) {
    if (kStartSteps[i] == name) return StartWord{static_cast<StartStep>(i), number};
  }
  return std::nullopt;
}

[[nodiscard]] inline std::string start_word(StartStep step, char between, std::uint64_t number) {
  return std::string(kStartSteps[static_cast<std::size_t>(step)]) + between +
         std::to_string(number);
}

}  // namespace leat::io
