// What the node tells its guardian, over the pipe that is the guardian's standard input. Lines:
//
//   =TOKEN   The value of LEAT_GUARD in the environment of this node's tools. First, once.
//   +PGID    Ends this process group when the node dies.
//   -PGID    No longer: its leader has ended.
//   /PATH    Removes this folder, with the files in it, when the tools have ended. Its name begins
//            with leat-records-.
//   .        The node is about to close the pipe, and has ended all its tools.
//
// The pipe's end is the node's end, however it came about. A line that is none of these says
// nothing. In particular no line can name group 1 or below: to kill(), those are "everybody"; and
// none can name a folder that was there before.

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

// A longer line says nothing; a pipe takes one whole or not at all.
inline constexpr std::size_t kGuardianLineMax = 4096;

// How the name of a node's folder for records begins.
inline constexpr std::string_view kRecordsFolder = "leat-records-";

enum class GuardianWord { kNothing, kToken, kAdd, kRemove, kFolder, kCleanEnd };

struct GuardianMessage {
  GuardianWord word = GuardianWord::kNothing;
  pid_t pgid = 0;          // kAdd, kRemove: above 1.
  std::string_view token;  // kToken: not empty; kFolder: an absolute path. Into the line.
};

// Of a line without its newline. Total.
[[nodiscard]] inline GuardianMessage parse_guardian_line(std::string_view line) {
  if (line == ".") return {GuardianWord::kCleanEnd, 0, {}};
  if (line.size() < 2) return {};
  const std::string_view rest = line.substr(1);
  if (line[0] == '/') {
    const std::string_view name = line.substr(line.rfind('/') + 1);
    const bool is_ours = name.starts_with(kRecordsFolder) && line.size() < kGuardianLineMax;
    return {is_ours ? GuardianWord::kFolder : GuardianWord::kNothing, 0, line};
  }
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
