// What the node tells its guardian, over the pipe that is the guardian's standard input. Lines:
//
//   =TOKEN   The value of LEAT_GUARD in the environment of this node's tools. First, once.
//   +PGID    Ends this process group when the node dies.
//   -PGID    No longer: its leader has ended.
//   .        The node is about to close the pipe, and has ended all its tools.
//
// The pipe's end is the node's end, however it came about. A line that is none of these says
// nothing. In particular no line can name group 1 or below: to kill(), those are "everybody".

#pragma once

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/types.h>

namespace leat::io {

// The environment variable by which the guardian finds tools that it was not told of in time.
inline constexpr std::string_view kGuardVariable = "LEAT_GUARD";

enum class GuardianWord { kNothing, kToken, kAdd, kRemove, kCleanEnd };

struct GuardianMessage {
  GuardianWord word = GuardianWord::kNothing;
  pid_t pgid = 0;          // kAdd, kRemove: above 1.
  std::string_view token;  // kToken: not empty, into the line.
};

// Of a line without its newline. Total.
[[nodiscard]] inline GuardianMessage parse_guardian_line(std::string_view line) {
  if (line == ".") return {GuardianWord::kCleanEnd, 0, {}};
  if (line.size() < 2) return {};
  const std::string_view rest = line.substr(1);
  if (line[0] == '=') return {GuardianWord::kToken, 0, rest};
  if (line[0] != '+' && line[0] != '-') return {};
  pid_t pgid = 0;
  const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), pgid);
  const bool is_number = parsed.ec == std::errc{} && parsed.ptr == rest.data() + rest.size();
  if (!is_number || pgid <= 1) return {};
  return {line[0] == '+' ? GuardianWord::kAdd : GuardianWord::kRemove, pgid, {}};
}

[[nodiscard]] inline std::string guardian_line(char word, pid_t pgid) {
  return word + std::to_string(pgid) + "\n";
}

}  // namespace leat::io
