// A real pseudo terminal as a tool's standard output.

#include "io/pty.h"

#include <array>
#include <string>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "tests/support/running_tool.h"

namespace leat::io {

TEST_CASE("a tool prints on a terminal that is given, which ends when the tool has") {
  Pty pty = make_pty().value();
  tests::RunningTool tool({.argv = {"sh", "-c", "test -t 1 && printf 'a\\nb'"},
                           .environment = tests::clean_environment(),
                           .output_fd = pty.slave.get()});
  CHECK_FALSE(tool.child().from_stdout.is_open());
  pty.slave.reset();
  CHECK(tests::RunningTool::read_to_end(pty.master.get()) == "a\nb");
  std::array<char, 8> rest{};
  CHECK(read_some(pty.master.get(), rest)->state == ReadState::kEnd);
  CHECK(tool.end().is_success());
}

TEST_CASE("a terminal changes nothing, sends no signals and stays ours alone") {
  const Pty pty = make_pty().value();
  termios settings{};
  REQUIRE(::tcgetattr(pty.slave.get(), &settings) == 0);
  CHECK((settings.c_oflag & OPOST) == 0);
  CHECK((settings.c_lflag & (ECHO | ECHONL | ICANON | ISIG | IEXTEN)) == 0);
  CHECK((settings.c_iflag & (IXON | IXOFF | ICRNL | INLCR | IGNCR | ISTRIP)) == 0);
  CHECK((settings.c_cflag & CSIZE) == CS8);
  for (const Fd* fd : {&pty.master, &pty.slave}) {
    CHECK(fd->get() > STDERR_FILENO);
    CHECK((::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  std::array<char, 8> none{};
  CHECK(read_some(pty.master.get(), none)->state == ReadState::kWouldBlock);
}

}  // namespace leat::io
