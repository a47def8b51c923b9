// However `leat pipe` ends, by itself, by a signal, by its reader, by kill -9: the code says how,
// and no process is left.

#include <chrono>
#include <csignal>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "io/process.h"
#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;
using Catch::Contains;
using tests::difference;
using tests::finish;
using tests::numbered_lines;
using tests::Outcome;
using tests::RunningTool;
using tests::Scene;

// A pipeline of several tools and modes, running: its first answer is there.
class Running {
 public:
  explicit Running(const Scene& scene, std::string_view stages = kUsual)
      : leat_((scene.set_pipeline(stages), scene.command(Scene::pipe_command()))) {
    REQUIRE(leat_.feed("record\n"));
    REQUIRE(RunningTool::read_line(leat_.child().from_stdout.get()) == "record");
  }

  [[nodiscard]] RunningTool& leat() { return leat_; }

 private:
  static constexpr std::string_view kUsual = R"(
- {name: first, run: cat}
- {name: second, run: stdbuf -oL tr a-z a-z, replicas: 2}
- {name: third, run: cat, mode: window, window: {records: 1}})";

  RunningTool leat_;
};

}  // namespace

TEST_CASE("SIGINT and SIGTERM end it with 130 and leave no process") {
  const Scene scene;
  const int signal = GENERATE(SIGINT, SIGTERM);
  std::string_view input;
  SECTION("while it waits for input") {}
  SECTION("while it works") {
    input = "more\nand more\n";
  }
  Running running(scene);
  REQUIRE(running.leat().feed(input));
  ::kill(running.leat().pid(), signal);
  // Its input stays open until it has ended.
  REQUIRE(tests::wait_for(running.leat().child().pidfd.get(), POLLIN));
  const Outcome found = finish(running.leat());
  CHECK(found.code == 130);
  CHECK_THAT(found.errors, Contains("interrupted"));
  CHECK(scene.sees_no_process());
}

TEST_CASE("SIGTERM ends it while nobody reads its dead letters") {
  const Scene scene;
  scene.set_pipeline(
      "- {name: bad, shell: true, run: \"cat > /dev/null; exit 3\", mode: window, window: "
      "{records: "
      "1}, retry: {attempts: 1}}\n- {name: good, run: cat}");
  const std::string fifo = scene.path("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const io::Fd reader(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
  RunningTool leat(scene.command({LEAT_PROGRAM, "pipe", "spec.yml", "--dead-letters", "fifo"}));
  const std::string record(50'000, 'x');
  REQUIRE(leat.feed(record + "\n" + record + "\n"));
  leat.close_stdin();
  // The second letter does not fit behind the first one.
  const auto is_full = [&] {
    int bytes = 0;
    return ::ioctl(reader.get(), FIONREAD, &bytes) == 0 && bytes > 60'000;
  };
  REQUIRE(tests::wait_until(is_full));
  ::kill(leat.pid(), SIGTERM);
  const Outcome found = finish(leat);
  CHECK(found.code == 130);
  CHECK_THAT(found.errors, Contains("nobody read the dead letters from fifo"));
  CHECK(scene.sees_no_process());
}

TEST_CASE("SIGINT ends it while a tool works for ever") {
  const Scene scene;
  scene.set_pipeline(
      "- {name: tool, shell: true, run: \"trap '' INT TERM; touch busy; while :; do :; done\"}");
  RunningTool leat(scene.command(Scene::pipe_command()));
  REQUIRE(leat.feed("record\n"));
  REQUIRE(scene.sees_file("busy"));
  ::kill(leat.pid(), SIGINT);
  REQUIRE(tests::wait_for(leat.child().pidfd.get(), POLLIN));
  CHECK(finish(leat).code == 130);
  CHECK(scene.sees_no_process());
}

TEST_CASE("kill -9 of a tool between records loses nothing and repeats nothing") {
  const Scene scene;
  scene.set_pipeline("- {name: before, run: cat}\n- {name: tool, run: cat}");
  RunningTool leat(scene.command(Scene::pipe_command()));
  const std::string first = numbered_lines(1000, "first ");
  const std::string second = numbered_lines(1000, "second ");
  REQUIRE(leat.feed(first));
  std::string output = RunningTool::read_bytes(leat.child().from_stdout.get(), first.size());
  ::kill(scene.tool_of("tool"), SIGKILL);
  const Outcome rest = finish(leat, second);
  INFO(rest.errors);
  CHECK(rest.code == 0);
  CHECK(difference(output + rest.output, first + second) == "");
  CHECK(scene.read("letters.jsonl") == "");
}

TEST_CASE("kill -9 of a tool in the middle of a record loses nothing and repeats nothing") {
  const Scene scene;
  scene.write("tool.pl",
              "$| = 1; while (<STDIN>) {\n"
              "  if ($_ eq \"record 500\\n\" && !-e 'killed') { `touch held`; sleep 1000; }\n"
              "  print;\n"
              "}\n");
  const int replicas = GENERATE(1, 3);
  scene.set_pipeline("- {name: before, run: cat}\n- {name: tool, run: perl tool.pl, replicas: " +
                     std::to_string(replicas) + "}\n- {name: after, run: cat}");
  RunningTool leat(scene.command(Scene::pipe_command()));
  const std::string input = numbered_lines(1000, "record ");
  REQUIRE(leat.feed(input));
  REQUIRE(scene.sees_file("held"));
  scene.write("killed", "");
  for (const pid_t pid : scene.processes("LEAT_STAGE=tool")) {
    ::kill(pid, SIGKILL);
  }
  const Outcome found = finish(leat);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, input) == "");
  CHECK(scene.read("letters.jsonl") == "");
}

TEST_CASE("tools that are killed again and again lose nothing and repeat nothing") {
  const Scene scene;
  scene.set_pipeline("- {name: before, run: cat}\n- {name: tool, run: cat, replicas: 2}");
  RunningTool leat(scene.command(Scene::pipe_command()));
  std::string given;
  std::string taken;
  for (int round = 0; round < 10; ++round) {
    const std::string piece = numbered_lines(2000, "round " + std::to_string(round) + ", record ");
    given += piece;
    REQUIRE(leat.feed(piece));
    for (const pid_t pid : scene.processes("LEAT_STAGE=tool")) {
      ::kill(pid, SIGKILL);
    }
    taken += RunningTool::drain(leat.child().from_stdout.get());
  }
  const Outcome rest = finish(leat);
  INFO(rest.errors);
  CHECK(rest.code == 0);
  CHECK(difference(taken + rest.output, given) == "");
}

TEST_CASE("kill -9 of leat leaves no tool running") {
  const Scene scene;
  SECTION("that would end with its input") {
    Running running(scene);
    ::kill(running.leat().pid(), SIGKILL);
    CHECK(finish(running.leat()).code == 128 + SIGKILL);
  }
  SECTION("that would not, nor its children") {
    Running running(scene, R"(
- name: stubborn
  shell: true
  run: >-
    trap '' TERM INT HUP PIPE; sleep 1000 & setsid sleep 1000 &
    while read -r line; do echo "$line"; done; sleep 1000)");
    CHECK(tests::wait_until([&] { return scene.processes("LEAT_STAGE=stubborn").size() == 3; }));
    ::kill(running.leat().pid(), SIGKILL);
    CHECK(finish(running.leat()).code == 128 + SIGKILL);
  }
  CHECK(scene.sees_no_process());
}

TEST_CASE("a tool that ignores end-of-file and SIGTERM is killed after its grace") {
  const Scene scene;
  scene.set_pipeline(R"(
- name: stubborn
  shell: true
  grace: 200ms
  run: trap '' TERM; while read -r line; do echo "$line"; done; sleep 1000)");
  const Outcome found = scene.run("one\ntwo\n");
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(found.output == "one\ntwo\n");
  CHECK(found.elapsed < 10s);
  CHECK(scene.sees_no_process());
}

TEST_CASE("a tool's own children that outlive it are ended") {
  const Scene scene;
  SECTION("that hold its output open") {
    scene.set_pipeline("- {name: parent, run: 'sleep 1000 & exec cat', shell: true}");
  }
  SECTION("that hold nothing") {
    scene.set_pipeline(
        "- {name: parent, run: 'sleep 1000 < /dev/null > /dev/null 2>&1 & exec cat', shell: true}");
  }
  SECTION("of a window") {
    scene.set_pipeline(
        "- {name: parent, run: 'sleep 1000 & exec cat', shell: true, mode: window, window: all}");
  }
  const Outcome found = scene.run("one\ntwo");
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(found.output == "one\ntwo");
  CHECK(found.elapsed < 10s);
  CHECK(scene.sees_no_process());
}

TEST_CASE("a reader that goes away ends it at once and leaves no process") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}\n- {name: same, run: stdbuf -oL tr a-z a-z}");
  SECTION("while input comes") {
    const Outcome found = scene.shell("yes | \"$LEAT\" pipe spec.yml | head -1");
    CHECK(found.output == "y\n");
    CHECK(found.elapsed < 10s);
  }
  SECTION("while no input comes") {
    Running running(scene, "- {name: cat, run: cat}");
    running.leat().child().from_stdout.reset();
    REQUIRE(tests::wait_for(running.leat().child().pidfd.get(), POLLIN));
    const Outcome found = finish(running.leat());
    CHECK(found.code == 130);
    CHECK_THAT(found.errors, Contains("the reader of standard output went away after 1 record"));
  }
  SECTION("before anything was written") {
    RunningTool leat(scene.command(Scene::pipe_command()));
    leat.child().from_stdout.reset();
    REQUIRE(tests::wait_for(leat.child().pidfd.get(), POLLIN));
    CHECK(finish(leat).code == 130);
  }
  CHECK(scene.sees_no_process());
}

TEST_CASE("a standard output that is closed is told before anything is started") {
  const Scene scene;
  scene.set_pipeline("- {name: tool, run: touch started}");
  const Outcome found = scene.shell("exec \"$LEAT\" pipe spec.yml >&-", "record\n");
  CHECK(found.code == 2);
  CHECK_THAT(found.errors, Contains("standard output"));
  CHECK(scene.read("letters.jsonl") == "");
  CHECK(scene.sees_no_process());
}

TEST_CASE("a standard input that is closed is told before anything is started") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}");
  const Outcome found = scene.shell("exec \"$LEAT\" pipe spec.yml <&-");
  CHECK(found.code == 2);
  CHECK(found.output == "");
  CHECK_THAT(found.errors, Contains("standard input is closed"));
  CHECK(scene.sees_no_process());
}

TEST_CASE("a closed standard error changes nothing") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}");
  const std::string input = numbered_lines(1000, "record ");
  const Outcome found = scene.shell("exec \"$LEAT\" pipe spec.yml 2>&-", input);
  CHECK(found.code == 0);
  CHECK(difference(found.output, input) == "");
}

TEST_CASE("all three closed are no hang and no crash") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}");
  const Outcome found = scene.shell("exec \"$LEAT\" pipe spec.yml <&- >&- 2>&-");
  CHECK(found.code == 2);
  CHECK(scene.sees_no_process());
}

TEST_CASE("a standard output that is full is told with the system's words") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}");
  const Outcome found = scene.shell("exec \"$LEAT\" pipe spec.yml > /dev/full", "record\n");
  CHECK(found.code == 4);
  CHECK_THAT(found.errors, Contains("standard output") && Contains("No space left on device"));
  CHECK(scene.sees_no_process());
}

TEST_CASE("a standard input that cannot be read is told with the system's words") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}");
  const Outcome folder = scene.shell("exec \"$LEAT\" pipe spec.yml < /tmp");
  CHECK(folder.code == 4);
  CHECK_THAT(folder.errors, Contains("standard input failed") && Contains("Is a directory"));
  const Outcome unreadable = scene.shell("exec \"$LEAT\" pipe spec.yml 0> written");
  CHECK(unreadable.code == 4);
  CHECK_THAT(unreadable.errors, Contains("Bad file descriptor"));
  CHECK(scene.sees_no_process());
}

TEST_CASE("a limit of open files that is too low is told before anything is started") {
  const Scene scene;
  scene.set_pipeline("- {name: a, run: cat}");
  const Outcome found = scene.shell("ulimit -n 12; exec \"$LEAT\" pipe spec.yml");
  CHECK(found.code == 2);
  CHECK_THAT(found.errors, Contains("only 12 files may be open at once"));
}

TEST_CASE("our own pipes stay as they were for those who share them") {
  // Non-blocking mode belongs to the open pipe: were it set, `cat` would fail after us.
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}");
  const std::string input = numbered_lines(10'000, "record ");
  scene.write("in", input);
  const Outcome found =
      scene.shell("{ \"$LEAT\" pipe spec.yml < in; cat in in in; } | { cat > all; }; cat all");
  CHECK(difference(found.output, input + input + input + input) == "");
}

}  // namespace leat::cli
