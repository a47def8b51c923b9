// Bytes through pipes, without ever waiting: what a tool is fed with and what it prints.
//
// The program must ignore SIGPIPE (prepare_signals() in io/process.h), else writing to a tool that
// closed its standard input kills the program instead of being told here. Descriptors are borrowed
// and non-blocking. Any thread, one at a time per descriptor.

#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "core/result.h"
#include "io/fd.h"

namespace leat::io {

// What a pipe holds at most where an unprivileged program may ask for it.
inline constexpr std::size_t kPipeBytes = std::size_t{1} << 20;

// Both ends close-on-exec and blocking, and neither of them 0, 1 or 2.
struct Pipe {
  Fd read;
  Fd write;
};

[[nodiscard]] Result<Pipe> make_pipe();

// The same file by a descriptor above 2. A program that was started without standard streams would
// get 0 to 2 for its pipes, and putting them in place in a child would overwrite one with the
// other.
[[nodiscard]] Result<Fd> above_standard_streams(Fd fd);

// Gives the pipe room for kPipeBytes, or for as much as the system allows (an unprivileged user
// has 64 MiB in all). Returns the room it has.
std::size_t widen(const Fd& pipe_end);

[[nodiscard]] Result<void> set_non_blocking(const Fd& fd);

// Writes the pieces one after another, as many bytes as there is room for, in one system call.
// 0 when there is no room. At most the first 64 pieces are taken: what is left is written by the
// next call. Errc::kUnavailable: the reader closed its end (EPIPE). Every other error is kSystem.
[[nodiscard]] Result<std::size_t> write_some(int fd, std::span<const std::string_view> pieces);

enum class ReadState { kBytes, kWouldBlock, kEnd };

struct ReadOutcome {
  ReadState state = ReadState::kWouldBlock;
  std::size_t bytes = 0;  // How many were put at the buffer's begin; above 0 exactly in kBytes.
};

// kEnd: nobody can write to it any more. REQUIRES: the buffer is not empty.
[[nodiscard]] Result<ReadOutcome> read_some(int fd, std::span<char> buffer);

// Bytes that were written and not yet read; either end will do.
[[nodiscard]] Result<std::size_t> bytes_in_pipe(int fd);

}  // namespace leat::io
