// tests/protocol/client.py, written from docs/protocol.md alone, against the real broker: the
// document is enough to send records to a pipeline and to take their results.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/leat_process.h"

namespace leat {
namespace {

using tests::difference;
using tests::finish;
using tests::numbered_lines;
using tests::Outcome;
using tests::RunningTool;
using tests::Scene;

// Answers each line, in capitals; dies of those that say so.
constexpr const char* kStages = R"(
  - name: shout
    run: [sed, -u, 's/[a-z]/\U&/g; /DIE/Q7']
    replicas: 2
    retry: {attempts: 1}
)";

// Broker and node in one process, with the scene's pipeline deployed.
class Cluster {
 public:
  explicit Cluster(std::string_view above = "")
      : up_(scene_.command({LEAT_PROGRAM, "up", "--listen", address()})) {
    scene_.set_pipeline(kStages, above);
    REQUIRE(scene_.sees_file("broker"));
    const Outcome deployed = scene_.shell("\"$LEAT\" deploy --broker " + address() + " spec.yml");
    INFO(deployed.errors);
    REQUIRE(deployed.code == 0);
  }

  [[nodiscard]] const Scene& scene() const { return scene_; }

  // For a RunningTool. `what`: "send" or "recv"; its standard output goes to this file.
  [[nodiscard]] io::SpawnOptions client(const std::string& what, const std::string& producer,
                                        const std::string& output,
                                        const std::string& pipeline = "scene") const {
    const std::filesystem::path source(LEAT_SOURCE);
    return scene_.command({"/bin/sh", "-c", "exec /usr/bin/python3 \"$@\" > " + output, "sh",
                           source / "tests/protocol/client.py", what, address(), pipeline,
                           producer});
  }

  [[nodiscard]] Outcome run(const std::string& what, const std::string& producer,
                            std::string_view input = {}) const {
    RunningTool client(this->client(what, producer, what + ".out"));
    return finish(client, input);
  }

 private:
  [[nodiscard]] std::string address() const { return "ipc://" + scene_.path("broker"); }

  Scene scene_;
  RunningTool up_;
};

TEST_CASE("a client made of the protocol's document sends beyond its credit and receives it all") {
  const Cluster cluster("limits: {session_bytes: 64KiB}\n");
  RunningTool receiver(cluster.client("recv", "one", "recv.out"));
  const Outcome sent = cluster.run("send", "one", numbered_lines(30'000, "line ") + "the last");
  INFO(sent.errors);
  CHECK(sent.code == 0);
  const Outcome received = finish(receiver);
  INFO(received.errors);
  CHECK(received.code == 0);
  const std::string wrong =
      difference(cluster.scene().read("recv.out"), numbered_lines(30'000, "LINE ") + "THE LAST\n");
  INFO(wrong);
  CHECK(wrong.empty());
}

TEST_CASE("what a client of the document sent waits until one takes it") {
  const Cluster cluster;
  const Outcome sent = cluster.run("send", "early", numbered_lines(100, "line "));
  INFO(sent.errors);
  REQUIRE(sent.code == 0);
  const Outcome received = cluster.run("recv", "early");
  INFO(received.errors);
  CHECK(received.code == 0);
  const std::string wrong =
      difference(cluster.scene().read("recv.out"), numbered_lines(100, "LINE "));
  INFO(wrong);
  CHECK(wrong.empty());
}

TEST_CASE("a client of the document takes the results of the producer that it names alone") {
  const Cluster cluster;
  REQUIRE(cluster.run("send", "one", "of one\n").code == 0);
  REQUIRE(cluster.run("send", "other", "of the other\n").code == 0);
  CHECK(cluster.run("recv", "other").code == 0);
  CHECK(cluster.scene().read("recv.out") == "OF THE OTHER\n");
  CHECK(cluster.run("recv", "one").code == 0);
  CHECK(cluster.scene().read("recv.out") == "OF ONE\n");
}

TEST_CASE("a client of the document is told of records that failed") {
  const Cluster cluster;
  REQUIRE(cluster.run("send", "one", "first\ndie\nlast\n").code == 0);
  const Outcome received = cluster.run("recv", "one");
  CHECK(received.code == 0);
  CHECK(cluster.scene().read("recv.out") == "FIRST\nLAST\n");
  INFO(received.errors);
  CHECK(received.errors.starts_with("shout: "));
}

TEST_CASE("a client of the document is told that there is no such pipeline") {
  const Cluster cluster;
  RunningTool client(cluster.client("send", "one", "send.out", "absent"));
  const Outcome sent = finish(client);
  CHECK(sent.code == 1);
  INFO(sent.errors);
  CHECK(sent.errors.find("there is no pipeline 'absent'") != std::string::npos);
}

}  // namespace
}  // namespace leat
