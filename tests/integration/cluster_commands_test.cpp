// What the commands for clusters say and answer, above all when something is wrong, as real
// processes.

#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/cluster.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;
using Catch::Contains;
using tests::Cluster;
using tests::Daemon;
using tests::Outcome;
using Json = nlohmann::json;

constexpr std::string_view kSame = "- {name: same, run: cat}";

class Up {
 public:
  Up() : daemon(cluster.start_broker("up")) { REQUIRE(daemon != nullptr); }

  Cluster cluster;
  std::unique_ptr<Daemon> daemon;
};

}  // namespace

TEST_CASE("a broker that is not there is said where, how long, and what to look at") {
  const Cluster cluster;
  const std::vector<std::string> command = GENERATE(
      std::vector<std::string>{"status"}, std::vector<std::string>{"send", "news"},
      std::vector<std::string>{"recv", "news"}, std::vector<std::string>{"pipe", "news"},
      std::vector<std::string>{"scale", "news", "s", "2"},
      std::vector<std::string>{"pause", "news"}, std::vector<std::string>{"resume", "news", "s"},
      std::vector<std::string>{"drain", "n"}, std::vector<std::string>{"remove", "news"},
      std::vector<std::string>{"logs", "news"});
  std::vector<std::string> arguments = command;
  arguments.insert(arguments.end(), {"--timeout", "300ms"});
  const Outcome found = cluster.run(arguments, "record\n");
  CHECK(found.code == 3);
  CHECK(found.output == "");
  CHECK_THAT(found.errors, Contains(cluster.address()) && Contains("300ms") &&
                               Contains("is it running") && Contains("--broker"));
  CHECK(found.elapsed < 5s);
}

TEST_CASE("an address that is none is refused, with an example") {
  const Cluster cluster;
  const Outcome found = cluster.run({"status", "--broker", "somewhere"});
  CHECK(found.code == 2);
  CHECK_THAT(found.errors, Contains("'somewhere'") && Contains("tcp://"));
}

TEST_CASE("a second broker at the same path is refused, and the first one works on") {
  const Up up;
  const Outcome second = up.cluster.run({"broker", "--listen", up.cluster.address()});
  CHECK(second.code == 3);
  CHECK_THAT(second.errors, Contains(up.cluster.scene().path("broker")));
  CHECK(up.cluster.deploy(kSame).code == 0);
  CHECK(up.cluster.run({"pipe", "scene"}, "a\n").output == "a\n");
}

TEST_CASE("a broker that was killed is no obstacle to the next") {
  Up up;
  CHECK(up.daemon->end(SIGKILL).code == 128 + SIGKILL);
  up.daemon = up.cluster.start_broker("up");
  REQUIRE(up.daemon != nullptr);
  CHECK(up.cluster.deploy(kSame).code == 0);
}

TEST_CASE("a tcp port that is taken is said") {
  const Cluster cluster;
  const auto first = cluster.start({"broker", "--listen", "tcp://127.0.0.1:*", "--insecure"});
  REQUIRE(first->says("listening at tcp://127.0.0.1:"));
  REQUIRE(first->says("\n"));
  const std::size_t at = first->said().find("tcp://");
  const std::string address = first->said().substr(at, first->said().find('\n', at) - at);
  const Outcome second = cluster.run({"broker", "--listen", address, "--insecure"});
  CHECK(second.code == 3);
  CHECK_THAT(second.errors, Contains(address));
}

TEST_CASE("tcp without keys needs the word for it") {
  const Cluster cluster;
  const std::vector<std::string> command =
      GENERATE(std::vector<std::string>{"broker", "--listen", "tcp://127.0.0.1:*"},
               std::vector<std::string>{"up", "--listen", "tcp://127.0.0.1:*"},
               std::vector<std::string>{"node", "--broker", "tcp://127.0.0.1:1", "--name", "a"});
  const Outcome found = cluster.run(command);
  CHECK(found.code == 2);
  CHECK_THAT(found.errors, Contains("--keys") && Contains("--insecure"));
}

TEST_CASE("daemons end well by SIGTERM and SIGINT, with their tools") {
  const int signal = GENERATE(SIGTERM, SIGINT);
  Cluster cluster;
  const auto broker = cluster.start_broker();
  REQUIRE(broker != nullptr);
  const auto node = cluster.start_node("a");
  REQUIRE(node != nullptr);
  // The tool is given its end-of-file and the time to say goodbye.
  REQUIRE(cluster
              .deploy("- {name: polite, run: \"perl -e '$| = 1; print while <STDIN>; open my $f, "
                      "q(>), q(goodbye)'\"}")
              .code == 0);
  CHECK(node->end(signal).code == 0);
  CHECK(cluster.scene().sees_file("goodbye"));
  CHECK(broker->says("node 'a' left"));
  CHECK(broker->end(signal).code == 0);
  CHECK(cluster.scene().sees_no_process());
}

TEST_CASE("a second signal kills tools that do not end") {
  Cluster cluster;
  const auto up = cluster.start_broker("up");
  REQUIRE(up != nullptr);
  REQUIRE(cluster
              .deploy("- {name: stubborn, shell: true, grace: 60s, run: \"trap '' TERM; cat; "
                      "sleep 1000\"}")
              .code == 0);
  up->signal(SIGTERM);
  REQUIRE(up->says("ending"));
  CHECK(up->end(SIGTERM).code == 0);
  CHECK(cluster.scene().sees_no_process());
}

TEST_CASE("deploy says what changes, and which stages are ready") {
  const Up up;
  const Outcome first = up.cluster.deploy("- {name: same, run: cat, replicas: 2}");
  INFO(first.errors);
  CHECK(first.code == 0);
  CHECK_THAT(first.output, Contains("new") && Contains("stage same: 2 replicas ready"));
  const Outcome again = up.cluster.deploy("- {name: same, run: cat, replicas: 2}");
  CHECK(again.code == 0);
  CHECK_THAT(again.output, Contains("nothing changes"));
  const Outcome more = up.cluster.deploy("- {name: same, run: cat, replicas: 3}");
  CHECK(more.code == 0);
  CHECK_THAT(more.output, Contains("2 -> 3") && Contains("stage same: 3 replicas ready"));
}

TEST_CASE("a mistake in the file is told with its place, before anybody is asked") {
  const Cluster cluster;
  const Outcome found = cluster.deploy("- {name: same, run: cat, replica: 2}");
  CHECK(found.code == 2);
  CHECK_THAT(found.errors, Contains("spec.yml:3:"));
}

TEST_CASE("a tool that does not exist fails the deploy, with the node and the reason") {
  const Up up;
  const Outcome found = up.cluster.deploy("- {name: missing, run: ./no-such-tool}");
  CHECK(found.code == 4);
  CHECK_THAT(found.errors, Contains("'missing'") && Contains("local") &&
                               Contains("No such file or directory") && Contains("stays deployed"));
  CHECK(found.elapsed < 10s);
  CHECK_THAT(up.cluster.status(), Contains("\"state\":\"failing: "));
}

TEST_CASE(
    "a pipeline goes on by itself when its tool is mended, and everybody knows why it waits") {
  const Up up;
  REQUIRE(up.cluster.deploy("- {name: late, run: ./late-tool}").code == 4);
  const auto pipe = up.cluster.start_shell("printf 'a\\nb\\n' | \"$LEAT\" pipe scene");
  REQUIRE(up.cluster.run({"send", "scene"}, "c\nd\n").code == 0);
  CHECK(up.cluster.shows("\"records\":4"));
  CHECK_THAT(up.cluster.status(),
             Contains("\"failing\":true") &&
                 Contains("failing: stage 'late': node 'local': cannot start") &&
                 Contains("tried again in "));
  CHECK(pipe->says("pipeline 'scene': failing: stage 'late': node 'local': cannot start"));
  CHECK(up.daemon->says("pipeline 'scene': stage 'late' fails: node 'local': cannot start"));
  up.cluster.scene().write("late-tool", "#!/bin/sh\nexec cat\n", 0755);
  const Outcome done = pipe->end();
  CHECK(done.code == 0);
  CHECK(done.output == "a\nb\n");
  CHECK(up.cluster.shows("\"results\":2"));
  CHECK_THAT(up.cluster.status(), Contains("\"failing\":false"));
  CHECK(up.daemon->says("pipeline 'scene': stage 'late' works again"));
  const std::string& log = up.daemon->said();
  CHECK(log.find("' fails: ") == log.rfind("' fails: "));
}

TEST_CASE("a command that there is not is told with the nearest one") {
  const Cluster cluster;
  const Outcome found = cluster.run({"stats"});
  CHECK(found.code == 2);
  CHECK(found.errors ==
        "leat: there is no command 'stats'; did you mean 'status'? `leat --help` lists them\n");
}

TEST_CASE("a pipe that waits for a node says so") {
  const Cluster cluster;
  const auto broker = cluster.start_broker();
  REQUIRE(broker != nullptr);
  cluster.scene().set_pipeline(kSame);
  REQUIRE(cluster.run({"deploy", "spec.yml", "--no-wait"}).code == 0);
  const auto pipe = cluster.start_shell("echo record | \"$LEAT\" pipe scene");
  CHECK(pipe->says("pipeline 'scene': waiting: stage 'same': 1 of 1 replicas have no node"));
}

TEST_CASE("a deploy that does not become whole in time says which stage and why") {
  const Cluster cluster;
  const auto broker = cluster.start_broker();
  REQUIRE(broker != nullptr);
  cluster.scene().set_pipeline(kSame);
  const Outcome found = cluster.run({"deploy", "spec.yml", "--timeout", "300ms"});
  CHECK(found.code == 124);
  CHECK_THAT(found.errors, Contains("300ms") && Contains("stage 'same' has 0 of 1 replica"));
  CHECK(cluster.run({"deploy", "spec.yml", "--no-wait"}).code == 0);
  // It becomes whole when there is a node.
  const auto node = cluster.start_node("a");
  REQUIRE(node != nullptr);
  CHECK(cluster.run({"deploy", "spec.yml"}).code == 0);
}

TEST_CASE("a pipeline with records in it is removed only when they may be dropped") {
  const Up up;
  REQUIRE(up.cluster.deploy(kSame).code == 0);
  REQUIRE(up.cluster.run({"send", "scene"}, "a\nb\nc\n").code == 0);
  REQUIRE(up.cluster.shows("\"results\":3"));
  const Outcome refused = up.cluster.run({"remove", "scene"});
  CHECK(refused.code == 3);
  CHECK_THAT(refused.errors, Contains("3 records") && Contains("--drop"));
  const Outcome dropped = up.cluster.run({"remove", "scene", "--drop"});
  CHECK(dropped.code == 0);
  CHECK_THAT(dropped.output, Contains("3 records dropped"));
  const Outcome gone = up.cluster.run({"remove", "scene"});
  CHECK(gone.code == 3);
  CHECK_THAT(gone.errors, Contains("no pipeline 'scene'"));
  CHECK(up.cluster.scene().processes("LEAT_STAGE=same").empty());
}

TEST_CASE("logs show what tools said on standard error") {
  const Up up;
  REQUIRE(up.cluster
              .deploy("- {name: loud, run: \"perl -ne 'BEGIN { $| = 1 } print STDERR qq(saw "
                      "$_); print'\"}\n- {name: same, run: cat}")
              .code == 0);
  REQUIRE(up.cluster.run({"pipe", "scene"}, "one\ntwo\n").output == "one\ntwo\n");
  const Outcome all = up.cluster.run({"logs", "scene"});
  CHECK(all.code == 0);
  CHECK_THAT(all.output, Contains("Z loud/0@local ") && Contains("saw one\n") &&
                             Contains("saw two\n") && !Contains("same"));
  const Outcome one = up.cluster.run({"logs", "scene", "same"});
  CHECK(one.code == 0);
  CHECK(one.output.empty());
  CHECK_THAT(one.errors, Contains("nothing was said"));
  const Outcome none = up.cluster.run({"logs", "scene", "nobody"});
  CHECK(none.code == 3);
  CHECK_THAT(none.errors, Contains("'nobody'"));
}

TEST_CASE("a line of the logs tells the record that was inside, and has its bytes") {
  const Up up;
  up.cluster.scene().write("loud.pl",
                           "$| = 1; while (<STDIN>) { print STDERR \"\\xff\\x01$_\"; print; }");
  REQUIRE(up.cluster.deploy("- {name: loud, run: perl loud.pl, in_flight: 1}").code == 0);
  REQUIRE(up.cluster.run({"pipe", "scene"}, "one\ntwo\nthree\n").code == 0);
  const Outcome logs = up.cluster.run({"logs", "scene"});
  CHECK_THAT(logs.output, Contains("Z loud/0@local [record 0] \xff\x01one\n") &&
                              Contains("Z loud/0@local [record 2] \xff\x01three\n"));
}

TEST_CASE("a flood on standard error is counted, and hides nothing that comes after it") {
  const Up up;
  up.cluster.scene().write("loud.pl",
                           "$| = 1; while (<STDIN>) { if (/flood/) { print STDERR \"x\\n\" x 1e4 "
                           "for 1 .. 1000; print STDERR 'end'; } print; }");
  REQUIRE(up.cluster.deploy("- {name: loud, run: perl loud.pl}").code == 0);
  REQUIRE(up.cluster.run({"pipe", "scene"}, "one\nflood\ntwo\n").output == "one\nflood\ntwo\n");
  const Outcome logs = up.cluster.run({"logs", "scene"});
  CHECK_THAT(logs.output, Contains("loud/0@local ") && Contains("loud@local ... "));
  CHECK_THAT(logs.output, Contains(" lines (") && Contains(" bytes) left out\n"));
  CHECK(logs.output.size() < 1 << 20);
}

TEST_CASE("the status is JSON for programs") {
  const Up up;
  REQUIRE(up.cluster.deploy("- {name: same, run: cat, replicas: 2}").code == 0);
  REQUIRE(up.cluster.run({"pipe", "scene"}, "a\nb\n").code == 0);
  const Json status = Json::parse(up.cluster.run({"status", "scene", "--json"}).output);
  const Json& pipeline = status["pipelines"][0];
  CHECK(pipeline["name"] == "scene");
  CHECK(pipeline["state"] == "running");
  CHECK(pipeline["stages"][0]["replicas"] == 2);
  CHECK(pipeline["stages"][0]["nodes"][0]["records_in"] == 2);
  CHECK(status["nodes"][0]["name"] == "local");
  const Outcome unknown = up.cluster.run({"status", "nobody"});
  CHECK(unknown.code == 3);
  CHECK_THAT(unknown.errors, Contains("'nobody'"));
}

TEST_CASE("a name that is no file is a deployed pipeline, and --summary is for files") {
  const Up up;
  const Outcome unknown = up.cluster.run({"pipe", "news"}, "a\n");
  CHECK(unknown.code == 3);
  CHECK_THAT(unknown.errors, Contains("'news' is no file here") && Contains("no pipeline 'news'"));
  const Outcome summary = up.cluster.run({"pipe", "news", "--summary"}, "a\n");
  CHECK(summary.code == 2);
  const Outcome file = up.cluster.run({"pipe", "news.yml"}, "a\n");
  CHECK(file.code == 2);
}

TEST_CASE("new keys replace none") {
  const Cluster cluster;
  CHECK(cluster.run({"keys", "new", "keys"}).code == 0);
  const std::string before = cluster.scene().read("keys/broker.key");
  CHECK(before.size() == 41);
  const Outcome again = cluster.run({"keys", "new", "keys"});
  CHECK(again.code == 2);
  CHECK(cluster.scene().read("keys/broker.key") == before);
}

TEST_CASE("every command has help with an example") {
  const Cluster cluster;
  const std::string command =
      GENERATE("pipe", "send", "recv", "deploy", "status", "scale", "pause", "resume", "drain",
               "remove", "logs", "broker", "node", "up", "keys", "lint");
  const Outcome found = cluster.run({command, "--help"});
  CHECK(found.code == 0);
  CHECK_THAT(found.output, Contains("Example: leat " + command));
}

}  // namespace leat::cli
