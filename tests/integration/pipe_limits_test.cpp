// Memory stays below its limits whatever the input, the reader and the tools do; and what a tool
// sees of its surroundings.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>
#include <fcntl.h>

#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;
using tests::difference;
using tests::finish;
using tests::numbered_lines;
using tests::Outcome;
using tests::RunningTool;
using tests::Scene;

// What the program itself, its threads and the tools' pipes in flight may need. The sanitizer's own
// memory is its own matter.
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kMemoryMax = std::uint64_t{800} << 20;
#else
constexpr std::uint64_t kMemoryMax = std::uint64_t{24} << 20;
#endif

// The smallest that a spec may say.
constexpr std::string_view kSmallest =
    "limits: {record_bytes: 100, queue_bytes: 9KiB, session_bytes: 1KiB, lease_bytes: 1KiB}\n";

// The most that the process ever had in memory, in bytes. REQUIRES: it is there.
std::uint64_t memory_peak(pid_t pid) {
  const std::string status = tests::read_whole("/proc/" + std::to_string(pid) + "/status");
  return std::stoull(tests::value_of(status, "VmHWM:")) * 1024;
}

std::uint64_t bytes_written(pid_t pid) {
  const std::string io = tests::read_whole("/proc/" + std::to_string(pid) + "/io");
  return std::stoull(tests::value_of(io, "wchar:"));
}

// The `leat` that has READER in its environment: not its tools, nor its guardian.
pid_t main_process(const Scene& scene) {
  for (const pid_t pid : scene.processes("READER=1")) {
    if (tests::read_whole("/proc/" + std::to_string(pid) + "/comm") == "leat-main\n") return pid;
  }
  return -1;
}

// A process that writes for ever, or nearly.
class Generator {
 public:
  // The only process of the scene with this in its environment.
  Generator(const Scene& scene, const std::string& entry) {
    CHECK(tests::wait_until([&] {
      const auto found = scene.processes(entry);
      if (found.size() == 1) pid_ = found.front();
      return pid_ > 0 && bytes_written(pid_) > 0;
    }));
  }

  // Whether it stops writing because nobody reads: for so long that all others would have come to
  // their turn many times over.
  [[nodiscard]] bool sees_stop() const {
    const io::MonotonicClock clock;
    std::uint64_t last = 0;
    Instant since = clock.now();
    return tests::wait_until([&] {
      const std::uint64_t now = bytes_written(pid_);
      if (now != last) since = clock.now();
      last = now;
      return clock.now() - since > 500ms;
    });
  }

  [[nodiscard]] std::uint64_t written() const { return bytes_written(pid_); }

 private:
  pid_t pid_ = -1;
};

}  // namespace

TEST_CASE("with a reader that stops, 10 GB of input and the smallest limits memory stays small") {
  const Scene scene;
  scene.set_pipeline(R"(
- {name: first, run: cat}
- {name: second, run: stdbuf -oL tr a-z A-Z, replicas: 2}
- {name: third, run: cat})",
                     kSmallest);
  const std::string record(90, 'a');
  RunningTool leat(scene.command({"/bin/sh", "-c",
                                  "yes " + record +
                                      " | env GENERATOR=1 head -c 10000000000"
                                      " | env READER=1 \"$LEAT\" pipe spec.yml"}));
  const int output = leat.child().from_stdout.get();
  REQUIRE(::fcntl(output, F_SETPIPE_SZ, 4096) > 0);
  const Generator generator(scene, "GENERATOR=1");
  REQUIRE(RunningTool::read_bytes(output, 91).starts_with(std::string(90, 'A') + "\n"));
  REQUIRE(generator.sees_stop());
  const pid_t reader = main_process(scene);
  CHECK(memory_peak(reader) < kMemoryMax);
  // A pipe and what is read of it at once, beside the limits.
  const std::uint64_t before = generator.written();
  CHECK(before < 512U << 10);
  SECTION("then the reader goes away and all ends") {}
  SECTION("then the reader reads on, stops again, and goes away") {
    CHECK(RunningTool::read_bytes(output, 256 << 10).size() >= 256 << 10);
    REQUIRE(generator.sees_stop());
    CHECK(generator.written() > before);
    CHECK(memory_peak(reader) < kMemoryMax);
  }
  leat.child().from_stdout.reset();
  CHECK(finish(leat).code == 130);
  CHECK(scene.sees_no_process());
}

TEST_CASE("windows behind a kept tool go on at the smallest limits, for they fit") {
  const Scene scene;
  scene.set_pipeline(R"(
- {name: first, run: cat}
- {name: second, run: cat, mode: window, window: {records: 20}})",
                     kSmallest);
  const std::string input = numbered_lines(5000, "");
  const Outcome found = scene.run(input);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, input) == "");
}

TEST_CASE("windows that print a hundred times what they read go on, within the limits") {
  const Scene scene;
  scene.set_pipeline(R"(
- name: expand
  run: "awk '{ for (i = 0; i < 100; i++) print $1 \"-\" i }'"
  mode: window
  window: {records: 10}
  replicas: 2
- {name: behind, run: "perl -ne 'BEGIN { $| = 1 } select undef, undef, undef, 0.00005; print'"})",
                     "limits: {queue_bytes: 128KiB, record_bytes: 1KiB}\n");
  const Outcome found = scene.run(numbered_lines(200, ""));
  INFO(found.errors);
  CHECK(found.code == 0);
  std::string expected;
  for (int i = 0; i < 20'000; ++i) {
    expected += std::to_string(i / 100) + "-" + std::to_string(i % 100) + "\n";
  }
  CHECK(difference(found.output, expected) == "");
}

TEST_CASE("a window of all may need more input than the limits, if what comes of it fits") {
  const Scene scene;
  scene.set_pipeline(R"(
- {name: shorten, run: stdbuf -oL cut -c 1-2}
- {name: count, run: wc -l, mode: window, window: all})",
                     kSmallest);
  const Outcome found = scene.run(numbered_lines(1000, std::string(80, 'x')));
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(found.output == "1000\n");
}

TEST_CASE("the smallest limits change no byte") {
  const Scene scene;
  scene.set_pipeline("- {name: cat, run: cat}\n- {name: same, run: stdbuf -oL tr a-z a-z}",
                     kSmallest);
  const std::string input =
      numbered_lines(2000, "record ") + std::string(100, 'x') + "\n\n" + std::string(99, 'y');
  const Outcome found = scene.run(input);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, input) == "");
}

TEST_CASE("records that no result comes of do not pile up") {
  const Scene scene;
  scene.set_pipeline(R"(
- name: none
  run: grep impossible
  mode: window
  window: {bytes: 256KiB}
  exit_codes: [0, 1])",
                     "limits: {record_bytes: 256KiB, queue_bytes: 1MiB}\n");
  RunningTool leat(scene.command(Scene::pipe_command()));
  const std::string piece = numbered_lines(100'000, "record ");
  for (int i = 0; i < 40; ++i) {
    REQUIRE(leat.feed(piece));
  }
  CHECK(memory_peak(leat.pid()) < kMemoryMax);
  const Outcome found = finish(leat);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(found.output == "");
}

TEST_CASE("a tool that floods its standard error with 100 MB is no hang and costs no memory") {
  const Scene scene;
  scene.write("flood.pl",
              "$| = 1; my $line = ('e' x 99) . \"\\n\";\n"
              "while (<STDIN>) {\n"
              "  if (/flood/) { print STDERR $line x 1000 for 1 .. 1000; }\n"
              "  print;\n"
              "}\n");
  scene.set_pipeline("- {name: flood, run: perl flood.pl}");
  RunningTool leat(scene.command(Scene::pipe_command()));
  REQUIRE(leat.feed("flood\nafter\n"));
  CHECK(RunningTool::read_bytes(leat.child().from_stdout.get(), 12) == "flood\nafter\n");
  CHECK(memory_peak(leat.pid()) < kMemoryMax);
  const Outcome found = finish(leat);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(found.output == "");
}

TEST_CASE("windows of a tool that reads nothing end as they should") {
  const Scene scene;
  scene.set_pipeline(
      "- {name: greet, shell: true, run: echo >> started; echo hi, mode: window, "
      "window: {records: 3}}");
  RunningTool leat(scene.command(Scene::pipe_command()));
  REQUIRE(leat.feed("1\n2\n3\n"));
  REQUIRE(RunningTool::read_line(leat.child().from_stdout.get()) == "hi");
  // The process for the next window, started ahead of need, has ended before there is one.
  REQUIRE(tests::wait_until([&] {
    return scene.read("started").size() >= 2 && scene.processes("LEAT_STAGE=greet").empty();
  }));
  const Outcome found = finish(leat);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(found.output == "");
  CHECK(scene.sees_no_process());
}

TEST_CASE("a tool sees its stage, its env, its folder, and nothing that changes how it behaves") {
  const Scene scene;
  scene.write("show.pl",
              "$| = 1; use Cwd; while (<STDIN>) { chomp; print defined $ENV{$_} ? "
              "\"$_=$ENV{$_}\\n\" : $_ eq 'cwd' ? getcwd() . \"\\n\" : \"no $_\\n\"; }\n");
  scene.set_pipeline(R"(
- {name: show, run: perl show.pl, env: {COLOUR: "deep  red", EMPTY: ""}})");
  const Outcome found = scene.run(
      "LEAT_PIPELINE\nLEAT_STAGE\nLEAT_REPLICA\nCOLOUR\nEMPTY\nLC_ALL\nPYTHONUNBUFFERED\ncwd\n");
  CHECK(found.output ==
        "LEAT_PIPELINE=scene\nLEAT_STAGE=show\nLEAT_REPLICA=0\nCOLOUR=deep  red\nEMPTY=\n"
        "LC_ALL=C.UTF-8\nno PYTHONUNBUFFERED\n" +
            std::filesystem::canonical(scene.path(".")).string() + "\n");
}

TEST_CASE("a spec in another folder finds its tools and files there") {
  const Scene scene;
  std::filesystem::create_directory(scene.path("inner"));
  scene.write("inner/spec.yml", "pipeline: inner\nstages:\n- {name: tool, run: ./tool words}\n");
  scene.write("inner/words", "well");
  scene.write("inner/tool",
              "#!/bin/sh\nword=$(cat \"$1\")\nwhile read -r line; do echo \"$word $line\"; done\n");
  const Outcome found = scene.shell("\"$LEAT\" pipe inner/spec.yml", "a\nb\n");
  INFO(found.errors);
  CHECK(found.output == "well a\nwell b\n");
}

TEST_CASE("a tool has no other descriptors than its three") {
  const Scene scene;
  scene.set_pipeline(
      "- {name: list, shell: true, run: cat > in; exec ls /proc/self/fd, mode: window, window: "
      "all}");
  const Outcome found = scene.shell("\"$LEAT\" pipe spec.yml 7< spec.yml 8> other", "a\n");
  CHECK(found.code == 0);
  // The last is that of the folder that `ls` lists.
  CHECK(found.output == "0\n1\n2\n3\n");
}

}  // namespace leat::cli
