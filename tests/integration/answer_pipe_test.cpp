// Named pipes of a real file system.

#include "io/answer_pipe.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/pipe.h"
#include "tests/support/folder.h"
#include "tests/support/running_tool.h"

namespace leat::io {

namespace {

using Catch::Contains;
using tests::Folder;
using tests::RunningTool;

// As a tool does that opens it for each answer.
void write_to(const std::string& path, std::string_view text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(fd.is_open());
  REQUIRE(write_some(fd.get(), {&text, 1}) == text.size());
}

Error refusal(const std::string& path) {
  const Result<AnswerPipe> pipe = AnswerPipe::take(path);
  REQUIRE_FALSE(pipe);
  return pipe.error();
}

}  // namespace

TEST_CASE("an answer pipe is for us alone, does not end between answers, and goes") {
  const Folder folder;
  {
    AnswerPipe pipe = AnswerPipe::take(folder.path("answers")).value();
    CHECK(folder.mode("answers") == 0600);
    std::array<char, 8> none{};
    CHECK(read_some(pipe.fd(), none)->state == ReadState::kWouldBlock);
    write_to(pipe.path(), "one");
    write_to(pipe.path(), "two");
    CHECK(RunningTool::drain(pipe.fd()) == "onetwo");
    CHECK(read_some(pipe.fd(), none)->state == ReadState::kWouldBlock);
    const AnswerPipe moved = std::move(pipe);
    CHECK(folder.has("answers"));
  }
  CHECK_FALSE(folder.has("answers"));
}

TEST_CASE("nobody gets an answer pipe that another has") {
  const Folder folder;
  const std::string path = folder.path("answers");
  {
    const AnswerPipe pipe = AnswerPipe::take(path).value();
    const Error error = refusal(path);
    CHECK(error.code == Errc::kUnavailable);
    CHECK(error.message == "cannot make the named pipe '" + path +
                               "': another replica or program has it; run one replica on each "
                               "node, or let each have a path of its own");
    CHECK(folder.has("answers"));
  }
  CHECK(AnswerPipe::take(path).has_value());
}

TEST_CASE("an answer pipe that a dead process left is replaced, with what lay in it") {
  const Folder folder;
  const std::string path = folder.path("answers");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const Fd left(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  const std::string_view text = "stale";
  REQUIRE(write_some(left.get(), {&text, 1}) == text.size());
  const AnswerPipe pipe = AnswerPipe::take(path).value();
  CHECK(RunningTool::drain(pipe.fd()).empty());
}

TEST_CASE("what is no pipe of ours stays as it is, and is told with the remedy") {
  const Folder folder;
  folder.write("file", "precious");
  CHECK(refusal(folder.path("file")).message ==
        "cannot make the named pipe '" + folder.path("file") +
            "': something else than a named pipe lies there; remove it, or give another path");
  CHECK(folder.read("file") == "precious");
  REQUIRE(::symlink("file", folder.path("link").c_str()) == 0);
  CHECK(refusal(folder.path("link")).code == Errc::kSystem);
  CHECK(refusal(folder.path("nowhere/answers")).message ==
        "cannot make the named pipe '" + folder.path("nowhere/answers") +
            "': No such file or directory (its folder must exist, and be open to us)");
}

TEST_CASE("another user's named pipe is not taken, unless it is for that user") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can give a pipe away");
    return;
  }
  const User nobody = find_user("nobody").value();
  const Folder folder;
  const std::string path = folder.path("answers");
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  REQUIRE(::chown(path.c_str(), nobody.id, nobody.group) == 0);
  CHECK_THAT(refusal(path).message, Contains("another user's named pipe lies there"));
  const AnswerPipe pipe = AnswerPipe::take(path, nobody).value();
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK(status.st_uid == nobody.id);
}

TEST_CASE("what a tool put in the place of its answer pipe stays") {
  const Folder folder;
  {
    const AnswerPipe pipe = AnswerPipe::take(folder.path("answers")).value();
    REQUIRE(::unlink(pipe.path().c_str()) == 0);
    folder.write("answers", "a file");
  }
  CHECK(folder.read("answers") == "a file");
}

}  // namespace leat::io
