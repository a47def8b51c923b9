// Records through a deployed pipeline: `send`, `recv` and `pipe NAME` against `leat up`, as real
// processes. What a shell's pipe would print is what must come out.

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/cluster.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;
using Catch::Contains;
using tests::Cluster;
using tests::Daemon;
using tests::difference;
using tests::finish;
using tests::numbered_lines;
using tests::Outcome;
using tests::RunningTool;

constexpr std::string_view kUpper = R"(
- {name: upper, run: "perl -pe 'BEGIN { $| = 1 } $_ = uc'", replicas: 2}
- {name: same, run: cat})";

// `leat up`, and the pipeline in it.
class Up {
 public:
  explicit Up(std::string_view stages = kUpper, std::string_view above = "")
      : daemon_(cluster.start_broker("up")) {
    REQUIRE(daemon_ != nullptr);
    const Outcome deployed = cluster.deploy(stages, above);
    INFO(deployed.errors);
    REQUIRE(deployed.code == 0);
  }

  [[nodiscard]] Daemon& daemon() { return *daemon_; }

  Cluster cluster;

 private:
  std::unique_ptr<Daemon> daemon_;
};

std::vector<std::string> sorted_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace

TEST_CASE("sessions at one tool get each what it says on their own records") {
  const Up up(
      "- {name: talks, run: 'while read -r line; do echo \"on $line\" >&2; echo \"$line\"; done',"
      " shell: true}");
  const std::vector<std::string> names = {"a", "b", "c"};
  std::vector<std::unique_ptr<Daemon>> pipes;
  for (const std::string& name : names) {
    up.cluster.scene().write(name, numbered_lines(200, name + " "));
    const std::string words = name == "c" ? "" : "--stderr " + name + ".words ";
    pipes.push_back(up.cluster.start_shell("\"$LEAT\" pipe " + words + "scene < " + name + " > " +
                                           name + ".out"));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Outcome piped = pipes[i]->end();
    CHECK(piped.errors == "");
    CHECK(piped.code == 0);
    CHECK(difference(numbered_lines(200, names[i] + " "),
                     up.cluster.scene().read(names[i] + ".out")) == "");
  }
  for (const std::string name : {"a", "b"}) {
    CHECK(difference(numbered_lines(200, "on " + name + " "),
                     up.cluster.scene().read(name + ".words")) == "");
  }
}

TEST_CASE("each session gets a banner that is kept, once") {
  const Up up(
      "- {name: headed, run: echo name; exec cat, shell: true, replicas: 2,"
      " prelude: {records: 1, keep: true}}");
  const std::string input = numbered_lines(100, "record ");
  for (int i = 0; i < 3; ++i) {
    const Outcome piped = up.cluster.run({"pipe", "scene"}, input);
    INFO(piped.errors);
    CHECK(piped.code == 0);
    CHECK(difference("name\n" + input, piped.output) == "");
  }
}

TEST_CASE("what is sent is received, byte for byte what the shell's pipe prints") {
  const Up up;
  std::string input = numbered_lines(50'000, "record ");
  SECTION("with a newline at the end") {}
  SECTION("without one") {
    input.pop_back();
  }
  SECTION("nothing at all") {
    input.clear();
  }
  const Outcome sent = up.cluster.run({"send", "scene", "--producer", "me"}, input);
  CHECK(sent.code == 0);
  CHECK(sent.output == "");
  CHECK(sent.errors == "");
  const Outcome received = up.cluster.run({"recv", "scene", "--producer", "me"});
  INFO(received.errors);
  CHECK(received.code == 0);
  const Outcome expected = up.cluster.scene().shell("tr a-z A-Z", input);
  CHECK(difference(received.output, expected.output) == "");
}

TEST_CASE("a consumer that waits gets what is sent, and producer after producer") {
  const Up up;
  RunningTool consumer(up.cluster.leat({"recv", "scene"}));
  REQUIRE(up.cluster.shows("\"consumers\":1"));
  CHECK(up.cluster.run({"send", "scene"}, "one\ntwo").code == 0);
  const int out = consumer.child().from_stdout.get();
  CHECK(RunningTool::read_bytes(out, 7) == "ONE\nTWO");
  // The next producer's records do not join the unterminated one.
  CHECK(up.cluster.run({"send", "scene"}, "three\n").code == 0);
  CHECK(RunningTool::read_bytes(out, 7) == "\nTHREE\n");
  ::kill(consumer.pid(), SIGTERM);
  CHECK(finish(consumer).code == 130);
}

TEST_CASE("a deployed pipeline is a filter, for several at once") {
  const Up up;
  const std::string one = numbered_lines(20'000, "one ");
  const std::string two = numbered_lines(20'000, "two ");
  RunningTool other(up.cluster.leat({"pipe", "scene"}));
  REQUIRE(other.feed("first\n"));
  const Outcome found = up.cluster.run({"pipe", "scene"}, one);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, up.cluster.scene().shell("tr a-z A-Z", one).output) == "");
  const Outcome rest = finish(other, two);
  CHECK(rest.code == 0);
  CHECK(difference(rest.output, up.cluster.scene().shell("tr a-z A-Z", "first\n" + two).output) ==
        "");
  CHECK(up.cluster.shows("\"sessions\":0"));
}

TEST_CASE("the framing of the deployed pipeline cuts what is sent") {
  // Paragraphs become lines.
  const Up up(R"(
- name: join
  run: perl -ne 'BEGIN { $| = 1; $/ = "\n\n" } chomp; tr/\n/+/; print "$_\n"'
  input: blank-line
  output: lines)");
  CHECK(up.cluster.run({"pipe", "scene"}, "a\nb\n\nc\n\n").output == "a+b\nc\n");
}

TEST_CASE("records with a header are sent by their headers and received with them") {
  const Up up("- {name: same, run: cat}", "framing: netstring\n");
  CHECK(up.cluster.run({"send", "scene", "--producer", "me"}, "1:a,0:,3:b\n,,").code == 0);
  CHECK(up.cluster.run({"recv", "scene", "--producer", "me"}).output == "1:a,0:,3:b\n,,");
  const Outcome broken = up.cluster.run({"send", "scene", "--producer", "other"}, "1:a,2:b");
  CHECK(broken.code == 4);
  CHECK_THAT(broken.errors, Contains("standard input is not netstring at byte 7: found the end"));
  CHECK_THAT(broken.errors, Contains("1 record of the input accepted"));
  CHECK(up.cluster.run({"recv", "scene", "--producer", "other"}).output == "1:a,");
}

TEST_CASE(
    "results without a consumer are held back, and told, and the first consumer gets them all") {
  const Up up;
  const std::string input = numbered_lines(1000, "record ");
  CHECK(up.cluster.run({"send", "scene", "--producer", "me"}, input).code == 0);
  CHECK(up.cluster.shows("\"results\":1000"));
  const Outcome status = up.cluster.run({"status", "scene"});
  CHECK_THAT(status.output, Contains("held back by sink out: no consumer for 1,000 results"));
  const Outcome received = up.cluster.run({"recv", "scene", "--producer", "me"});
  CHECK(difference(received.output, up.cluster.scene().shell("tr a-z A-Z", input).output) == "");
  CHECK(up.cluster.shows("\"results\":0"));
  const Outcome late = up.cluster.run({"recv", "scene", "--producer", "me"});
  CHECK(late.code == 3);
  CHECK_THAT(late.errors, Contains("'me' is over"));
}

TEST_CASE("consumers of one group share the results, and each group gets them all") {
  const Up up("- {name: same, run: cat}");
  const std::string recv = "\"$LEAT\" recv scene --producer me --group ";
  // The first one is not read from until the second has something, so that it cannot take all.
  const auto first = up.cluster.start_shell(
      recv + "shared | { until [ -s second ]; do sleep 0.01; done; cat > first; }");
  REQUIRE(up.cluster.shows("\"consumers\":1"));
  const auto second = up.cluster.start_shell(recv + "shared > second");
  const auto alone = up.cluster.start_shell(recv + "alone > alone");
  REQUIRE(up.cluster.shows("\"consumers\":3"));
  const std::string input = numbered_lines(2000, std::string(10'000, 'x'));
  REQUIRE(up.cluster.run({"send", "scene", "--producer", "me"}, input).code == 0);
  CHECK(first->end().code == 0);
  CHECK(second->end().code == 0);
  CHECK(alone->end().code == 0);
  const auto& scene = up.cluster.scene();
  CHECK(difference(scene.read("alone"), input) == "");
  CHECK(scene.read("first") != "");
  CHECK(scene.read("second") != "");
  CHECK(sorted_lines(scene.read("first") + scene.read("second")) == sorted_lines(input));
}

TEST_CASE("a consumer that is interrupted has written whole what does not come again") {
  const Up up;
  const std::string input = numbered_lines(300'000, "record ");
  RunningTool first(up.cluster.leat({"recv", "scene", "--producer", "me"}));
  REQUIRE(up.cluster.run({"send", "scene", "--producer", "me"}, input).code == 0);
  const std::string begin = RunningTool::read_bytes(first.child().from_stdout.get(), 100'000);
  ::kill(first.pid(), SIGTERM);
  const Outcome rest = finish(first);
  CHECK(rest.code == 130);
  const Outcome second = up.cluster.run({"recv", "scene", "--producer", "me"});
  INFO(second.errors);
  CHECK(second.code == 0);
  CHECK(second.output != "");
  CHECK(difference(begin + rest.output + second.output,
                   up.cluster.scene().shell("tr a-z A-Z", input).output) == "");
}

TEST_CASE("a sender that is interrupted says how many records were accepted") {
  const Up up;
  RunningTool sender(up.cluster.leat({"send", "scene", "--producer", "me"}));
  const std::string input = numbered_lines(1000, "record ");
  REQUIRE(sender.feed(input));
  REQUIRE(up.cluster.shows("\"records\":1000"));
  ::kill(sender.pid(), SIGINT);
  REQUIRE(tests::wait_for(sender.child().pidfd.get(), POLLIN));
  const Outcome found = finish(sender);
  CHECK(found.code == 130);
  CHECK_THAT(found.errors, Contains("1,000 records of the input accepted"));
  // They are processed, and their end is the end.
  const Outcome received = up.cluster.run({"recv", "scene", "--producer", "me"});
  CHECK(received.code == 0);
  CHECK(difference(received.output, up.cluster.scene().shell("tr a-z A-Z", input).output) == "");
}

TEST_CASE("two producers of one name are not mixed") {
  const Up up;
  RunningTool first(up.cluster.leat({"send", "scene", "--producer", "me"}));
  REQUIRE(first.feed("one\n"));
  REQUIRE(up.cluster.shows("\"results\":1"));
  const Outcome second = up.cluster.run({"send", "scene", "--producer", "me"}, "two\n");
  CHECK(second.code == 3);
  CHECK_THAT(second.errors, Contains("'me'"));
  CHECK(finish(first, "three\n").code == 0);
  CHECK(up.cluster.run({"recv", "scene", "--producer", "me"}).output == "ONE\nTHREE\n");
}

TEST_CASE("records that failed are told to the consumer and kept") {
  const Up up(
      "- {name: picky, run: \"perl -ne 'BEGIN { $| = 1 } die qq(bad\\\\n) if /bad/; print'\", "
      "retry: {attempts: 2, backoff: 1ms}}");
  CHECK(up.cluster.run({"send", "scene", "--producer", "me"}, "a\nbad\nc\n").code == 0);
  const Outcome received =
      up.cluster.run({"recv", "scene", "--producer", "me", "--dead-letters", "letters.jsonl"});
  CHECK(received.code == 1);
  CHECK(received.output == "a\nc\n");
  CHECK_THAT(received.errors, Contains("record 1 of producer 'me' failed at stage 'picky'") &&
                                  Contains("1 record failed; see letters.jsonl"));
  CHECK_THAT(up.cluster.scene().read("letters.jsonl"),
             Contains("\"producer\":\"me\"") && Contains("\"text\":\"bad\""));
}

TEST_CASE("records that are too large are told by who sends them, and the others arrive") {
  const Up up("- {name: same, run: cat}", "limits: {record_bytes: 1kB}\n");
  const std::string large(5000, 'x');
  const Outcome sent =
      up.cluster.run({"send", "scene", "--producer", "me", "--dead-letters", "letters.jsonl"},
                     "a\n" + large + "\nb\n");
  CHECK(sent.code == 1);
  CHECK_THAT(sent.errors, Contains("record 1 has 5000 bytes"));
  CHECK_THAT(up.cluster.scene().read("letters.jsonl"), Contains("\"bytes\":5000"));
  CHECK(up.cluster.run({"recv", "scene", "--producer", "me"}).output == "a\nb\n");
}

TEST_CASE("a pipe through a deployed pipeline that is removed fails with the reason") {
  Up up;
  RunningTool pipe(up.cluster.leat({"pipe", "scene"}));
  REQUIRE(pipe.feed("one\n"));
  CHECK(RunningTool::read_line(pipe.child().from_stdout.get()) == "ONE");
  CHECK(up.cluster.run({"remove", "scene", "--drop"}).code == 0);
  const Outcome found = finish(pipe);
  CHECK(found.code == 4);
  CHECK_THAT(found.errors, Contains("removed"));
}

TEST_CASE("a client whose broker was started anew says so") {
  Up up;
  RunningTool pipe(up.cluster.leat({"pipe", "scene"}));
  REQUIRE(pipe.feed("one\n"));
  CHECK(RunningTool::read_line(pipe.child().from_stdout.get()) == "ONE");
  CHECK(up.daemon().end(SIGKILL).code == 128 + SIGKILL);
  const auto again = up.cluster.start_broker("up");
  REQUIRE(again != nullptr);
  REQUIRE(tests::wait_for(pipe.child().pidfd.get(), POLLIN));
  const Outcome found = finish(pipe);
  CHECK(found.code == 3);
  CHECK_THAT(found.errors, Contains("the broker is another one") || Contains("started anew"));
}

TEST_CASE("a reader that goes away ends a consumer, and its results come to the next") {
  const Up up;
  const std::string input = numbered_lines(1000, "record ");
  REQUIRE(up.cluster.run({"send", "scene", "--producer", "me"}, input).code == 0);
  RunningTool first(up.cluster.leat({"recv", "scene"}));
  first.child().from_stdout.reset();
  REQUIRE(tests::wait_for(first.child().pidfd.get(), POLLIN));
  const Outcome gone = finish(first);
  CHECK(gone.code == 130);
  CHECK_THAT(gone.errors, Contains("the reader of standard output went away"));
  const Outcome second = up.cluster.run({"recv", "scene", "--producer", "me"});
  CHECK(difference(second.output, up.cluster.scene().shell("tr a-z A-Z", input).output) == "");
}

}  // namespace leat::cli
