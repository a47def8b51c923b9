// `leat pipe` with tools that take their time to be ready, and with processes that are renewed.

#include <map>
#include <string>

#include <catch2/catch.hpp>

#include "tests/support/leat_process.h"

namespace leat::cli {

namespace {

using tests::Outcome;
using tests::Scene;

std::string numbers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += std::to_string(i) + "\n";
  }
  return text;
}

// Answers "PID N RECORD" to its N-th record; the words before stand in its opening.
std::string counter(const std::string& opening, const std::string& keys) {
  return "  - name: count\n    run:\n      - python3\n      - -u\n"
         "      - -c\n      - |\n        import os, sys, time\n" +
         opening +
         "        n = 0\n        for line in sys.stdin:\n          n += 1\n"
         "          print(os.getpid(), n, line.strip())\n" +
         keys;
}

struct Counted {
  std::map<std::string, int> processes;  // The records of each.
  std::string records;                   // In the order of the output.
};

Counted count(const std::string& output) {
  Counted counted;
  std::size_t from = 0;
  for (std::size_t end = output.find('\n'); end != std::string::npos;
       from = end + 1, end = output.find('\n', from)) {
    const std::string line = output.substr(from, end - from);
    ++counted.processes[line.substr(0, line.find(' '))];
    counted.records += line.substr(line.rfind(' ') + 1) + "\n";
  }
  return counted;
}

constexpr const char* kNoise =
    "        print('noise')\n        print('oh', file=sys.stderr)\n"
    "        print('is READY')\n        print('now READY', file=sys.stderr)\n";

}  // namespace

TEST_CASE("what a tool prints before its ready line is dropped, and nothing is fed before") {
  Scene scene;
  const std::string stream = GENERATE("stdout: 'READY$'", "stderr: 'READY$'");
  const bool is_stdout = stream.starts_with("stdout");
  scene.set_pipeline(counter(
      kNoise, "    ready: {" + stream + "}\n" + (is_stdout ? "" : "    prelude: {records: 2}\n")));
  const Outcome outcome = scene.run(numbers(500));
  CHECK(outcome.code == 0);
  CHECK(count(outcome.output).records == numbers(500));
}

TEST_CASE("a tool that is never ready stops the stage, and the line is named") {
  Scene scene;
  scene.set_pipeline(counter(kNoise, "    ready: {stderr: LOADED, timeout: 200ms}\n"));
  const Outcome outcome = scene.run(numbers(5));
  CHECK(outcome.code == 4);
  CHECK(outcome.errors.find("has not printed its ready line ('LOADED') on standard error within "
                            "200 ms") != std::string::npos);
}

TEST_CASE("no process gets more than max_records, and order and records are kept") {
  Scene scene;
  const std::string keys = GENERATE("", "    replicas: 3\n", "    mode: filter\n");
  scene.set_pipeline(counter("", "    max_records: 100\n" + keys));
  const Outcome outcome = scene.run(numbers(2000));
  CHECK(outcome.code == 0);
  CHECK(outcome.errors.empty());
  const Counted counted = count(outcome.output);
  CHECK(counted.records == numbers(2000));
  CHECK(counted.processes.size() >= 20);
  for (const auto& [process, records] : counted.processes) {
    CHECK(records <= 100);
  }
}

TEST_CASE("a process is renewed when it has lived for max_age") {
  Scene scene;
  std::string slow = counter("", "    in_flight: 1\n    max_age: 1s\n");
  slow.replace(slow.find("n += 1"), 6, "n += 1; time.sleep(0.002)");
  scene.set_pipeline(slow);
  const Outcome outcome = scene.run(numbers(1000));
  CHECK(outcome.code == 0);
  const Counted counted = count(outcome.output);
  CHECK(counted.records == numbers(1000));
  CHECK(counted.processes.size() >= 2);
}

}  // namespace leat::cli
