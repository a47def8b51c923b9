// A process that writes a journal is killed, again and again: every entry that it was told is
// durable is there.

#include <array>
#include <csignal>
#include <cstdint>
#include <random>
#include <string>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/fd.h"
#include "tests/support/deadline.h"
#include "tests/support/folder.h"
#include "tests/unit/journal/history.h"

namespace leat::journal {
namespace {

using tests::Folder;

class Victim {
 public:
  Victim(std::string directory, std::string seed) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    reports_ = io::Fd(ends[0]);
    const io::Fd for_child(ends[1]);
    posix_spawn_file_actions_t actions{};
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, for_child.get(), STDOUT_FILENO);
    std::string program = LEAT_JOURNAL_WRITER;
    std::array<char*, 4> words{program.data(), directory.data(), seed.data(), nullptr};
    const int error =
        ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, words.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    REQUIRE(error == 0);
  }

  ~Victim() { kill(); }

  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;
  Victim(Victim&&) = delete;
  Victim& operator=(Victim&&) = delete;

  // Its next report; 0: it has ended.
  [[nodiscard]] std::uint64_t next() const {
    std::uint64_t durable = 0;
    REQUIRE(tests::wait_for(reports_.get(), POLLIN));
    const ssize_t got = ::read(reports_.get(), &durable, sizeof durable);
    return got == sizeof durable ? durable : 0;
  }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  io::Fd reports_;
  pid_t pid_ = 0;
};

TEST_CASE(
    "what was told durable survives kill -9, and what is there is a prefix of what was sent") {
  const Folder folder;
  const std::string directory = folder.path("journal");
  constexpr std::uint64_t kSeed = 11;
  const History history(kSeed);
  std::mt19937_64 random(kSeed);
  Contents expected;
  std::uint64_t folded = 0;
  for (int round = 0; round < 12; ++round) {
    std::uint64_t told = 0;
    {
      Victim victim(directory, std::to_string(kSeed));
      for (std::uint64_t reports = 1 + random() % 40; reports > 0; --reports) {
        const std::uint64_t durable = victim.next();
        REQUIRE(durable >= told);
        REQUIRE(durable > 0);
        told = durable;
      }
      victim.kill();
      // What it had said and nobody had read.
      for (std::uint64_t last = victim.next(); last > 0; last = victim.next()) {
        told = last;
      }
    }
    const Store store = opened(directory);
    const std::uint64_t count = count_of(store);
    REQUIRE(count >= told);
    REQUIRE(count >= folded);
    while (folded < count) {
      fold(history.entry(++folded), expected);
    }
    REQUIRE(contents_of(store) == expected);
  }
  CHECK(folded > 500);
}

TEST_CASE("a process that has a journal open keeps others out until it is killed") {
  const Folder folder;
  const std::string directory = folder.path("journal");
  Victim victim(directory, "1");
  REQUIRE(victim.next() > 0);
  CHECK(fault_of(directory) ==
        "the journal in " + directory +
            " is open in another process; end it, or give another directory");
  victim.kill();
  CHECK(count_of(opened(directory)) > 0);
}

}  // namespace
}  // namespace leat::journal
