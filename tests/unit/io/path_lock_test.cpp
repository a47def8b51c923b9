// Who may listen at a path: locks of real processes.

#include "io/path_lock.h"

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/pipe.h"
#include "tests/support/deadline.h"
#include "tests/support/folder.h"

namespace leat::io {

namespace {

using Catch::Contains;
using tests::Folder;

// Another process that holds the lock of a path until it is killed.
class Holder {
 public:
  explicit Holder(const std::string& path) {
    Pipe told = make_pipe().value();
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) hold(path, told.write);
    told.write.reset();
    std::array<char, 1> answer{};
    REQUIRE(tests::wait_for(told.read.get(), POLLIN));
    REQUIRE(::read(told.read.get(), answer.data(), 1) == 1);
    REQUIRE(answer[0] == 'y');
  }

  ~Holder() { kill(); }

  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  Holder(Holder&&) = delete;
  Holder& operator=(Holder&&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  [[noreturn]] static void hold(const std::string& path, const Fd& told) {
    const auto lock = PathLock::take(path);
    static_cast<void>(::write(told.get(), lock ? "y" : "n", 1) == 1);
    for (;;) {
      ::pause();
    }
  }

  pid_t pid_ = -1;
};

std::string fault_of(const std::string& path) {
  const auto lock = PathLock::take(path);
  return lock ? "none" : lock.error().message;
}

}  // namespace

TEST_CASE("a lock is taken once, tells its holder, and is gone when it is let go") {
  const Folder folder;
  const std::string path = folder.path("front");
  {
    const auto lock = PathLock::take(path);
    REQUIRE(lock.has_value());
    CHECK(folder.read("front.lock") == std::to_string(::getpid()) + "\n");
    CHECK(folder.mode("front.lock") == 0600);
    const auto second = PathLock::take(path);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Errc::kUnavailable);
    CHECK(PathLock::take(folder.path("other")).has_value());
  }
  CHECK_FALSE(folder.has("front.lock"));
  CHECK(PathLock::take(path).has_value());
}

TEST_CASE("a lock moves with its owner") {
  const Folder folder;
  const std::string path = folder.path("front");
  std::optional<PathLock> kept;
  {
    PathLock lock = PathLock::take(path).value();
    kept.emplace(std::move(lock));
  }
  CHECK(fault_of(path) != "none");
  *kept = PathLock::take(folder.path("other")).value();
  CHECK(fault_of(path) == "none");
  CHECK(fault_of(folder.path("other")) != "none");
  kept.reset();
  CHECK(fault_of(folder.path("other")) == "none");
}

TEST_CASE("however many come and go, one has the lock and its file") {
  const Folder folder;
  const std::string path = folder.path("front");
  std::atomic<int> holders = 0;
  std::atomic<int> turns = 0;
  std::atomic<bool> was_alone = true;
  const auto come_and_go = [&] {
    while (turns < 1'000) {
      const auto lock = PathLock::take(path);
      if (!lock) continue;
      if (holders.fetch_add(1) != 0) was_alone = false;
      // Long enough that another's mistake meets it.
      for (int i = 0; i < 20; ++i) {
        if (!folder.has("front.lock")) was_alone = false;
      }
      ++turns;
      holders.fetch_sub(1);
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back(come_and_go);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(was_alone);
}

TEST_CASE("a path that another process holds is refused with its id, until it dies") {
  const Folder folder;
  const std::string path = folder.path("front");
  Holder holder(path);
  CHECK(fault_of(path) == "cannot listen at ipc://" + path + ": process " +
                              std::to_string(holder.pid()) +
                              " listens there already; end it, or give another address");
  CHECK(folder.read("front.lock") == std::to_string(holder.pid()) + "\n");
  holder.kill();
  CHECK(folder.has("front.lock"));
  const auto lock = PathLock::take(path);
  REQUIRE(lock.has_value());
  CHECK(folder.read("front.lock") == std::to_string(::getpid()) + "\n");
}

TEST_CASE("a holder that cannot be told is another process") {
  const Folder folder;
  const std::string path = folder.path("front");
  const Holder holder(path);
  // Above what the system gives out.
  for (const char* text : {"", "no number", "0", "-1", "2147483647"}) {
    folder.write("front.lock", text, 0600);
    CHECK_THAT(fault_of(path), Contains(": another process listens there already"));
  }
}

TEST_CASE("what is left in a lock file is no obstacle and is overwritten") {
  const Folder folder;
  folder.write("front.lock", "1234567890\nmuch more than one id\n", 0600);
  const auto lock = PathLock::take(folder.path("front"));
  REQUIRE(lock.has_value());
  CHECK(folder.read("front.lock") == std::to_string(::getpid()) + "\n");
}

TEST_CASE("a lock that cannot be written is told with the remedy") {
  const Folder folder;
  const std::string path = folder.path("none/front");
  CHECK(fault_of(path) == "cannot listen at ipc://" + path + ": cannot write " + path +
                              ".lock: No such file or directory (its directory must exist)");
  folder.write("victim", "kept", 0600);
  std::filesystem::create_symlink(folder.path("victim"), folder.path("front.lock"));
  CHECK_THAT(fault_of(folder.path("front")),
             Contains("(give an address in a directory of your own)"));
  CHECK(folder.read("victim") == "kept");
}

TEST_CASE("a lock is not inherited by programs that are started") {
  const Folder folder;
  const auto lock = PathLock::take(folder.path("front"));
  REQUIRE(lock.has_value());
  int found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    if (std::filesystem::read_symlink(entry, ignored) != folder.path("front.lock")) continue;
    ++found;
    const int flags = ::fcntl(std::stoi(entry.path().filename().string()), F_GETFD);
    CHECK((flags & FD_CLOEXEC) != 0);
  }
  CHECK(found == 1);
}

}  // namespace leat::io
