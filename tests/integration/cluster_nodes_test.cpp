// Nodes that come, go and die while records are on their way, as real processes. Whatever happens
// to them, what comes out is what a shell's pipe would print.

#include <chrono>
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

using Catch::Contains;
using tests::Cluster;
using tests::Daemon;
using tests::difference;
using tests::finish;
using tests::numbered_lines;
using tests::Outcome;
using tests::RunningTool;
using Json = nlohmann::json;

// Half a millisecond for each record, so that there is always something under way.
constexpr std::string_view kSlow = R"(
- {name: slow, run: "perl -ne 'BEGIN { $| = 1 } select undef, undef, undef, 0.0005; print uc'", replicas: 2})";

// A broker, or `up`, and the nodes of these names.
class Nodes {
 public:
  explicit Nodes(const std::vector<std::string>& names, const std::string& command = "broker")
      : broker(cluster.start_broker(command)) {
    REQUIRE(broker != nullptr);
    for (const std::string& name : names) {
      add(name);
    }
  }

  Daemon& add(const std::string& name, std::vector<std::string> more = {}) {
    nodes.push_back(cluster.start_node(name, std::move(more)));
    REQUIRE(nodes.back() != nullptr);
    return *nodes.back();
  }

  void deploy(std::string_view stages) const {
    const Outcome deployed = cluster.deploy(stages);
    INFO(deployed.errors);
    REQUIRE(deployed.code == 0);
  }

  // A number of the only stage at the node, as the status has it.
  [[nodiscard]] std::uint64_t at_node(const std::string& node, const std::string& key) const {
    const Json status = Json::parse(cluster.status(), nullptr, false);
    if (status.is_discarded() || status["pipelines"].empty()) return 0;
    for (const Json& there : status["pipelines"][0]["stages"][0]["nodes"]) {
      if (there["node"] == node) return there[key];
    }
    return 0;
  }

  // Whether it comes to be that, before the deadline.
  [[nodiscard]] bool shows(const std::string& node, const std::string& key,
                           std::uint64_t at_least) const {
    return tests::wait_until([&] { return at_node(node, key) >= at_least; });
  }

  [[nodiscard]] std::string upper(const std::string& input) const {
    return cluster.scene().shell("tr a-z A-Z", input).output;
  }

  Cluster cluster;
  std::unique_ptr<Daemon> broker;
  std::vector<std::unique_ptr<Daemon>> nodes;
};

}  // namespace

TEST_CASE("two nodes both work, and the order stays") {
  const Nodes nodes({"a", "b"});
  nodes.deploy(kSlow);
  const std::string input = numbered_lines(3000, "record ");
  const Outcome found = nodes.cluster.run({"pipe", "scene"}, input);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, nodes.upper(input)) == "");
  CHECK(nodes.at_node("a", "records_in") > 0);
  CHECK(nodes.at_node("b", "records_in") > 0);
  CHECK(nodes.at_node("a", "records_in") + nodes.at_node("b", "records_in") == 3000);
}

TEST_CASE("a node that joins `leat up` works beside the one in it") {
  const Nodes nodes({"far"}, "up");
  nodes.deploy(kSlow);
  const std::string input = numbered_lines(2000, "record ");
  const Outcome found = nodes.cluster.run({"pipe", "scene"}, input);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, nodes.upper(input)) == "");
  CHECK(nodes.at_node("far", "records_in") > 0);
  CHECK(nodes.at_node("far", "records_in") < 2000);
}

TEST_CASE("a replica that had an unterminated record is back by itself") {
  const Nodes nodes({"a"});
  nodes.deploy("- {name: cat, run: cat}");
  const Outcome found = nodes.cluster.run({"pipe", "scene"}, "no newline");
  CHECK(found.output == "no newline");
  CHECK(nodes.shows("a", "replicas_ready", 1));
  CHECK(nodes.cluster.run({"deploy", "spec.yml", "--timeout", "20s"}).code == 0);
}

TEST_CASE("the broker of `leat up` serves on when its node was drained") {
  const Nodes nodes({}, "up");
  CHECK(nodes.cluster.run({"drain", "local"}).code == 0);
  CHECK_THAT(nodes.cluster.status(), Contains("\"nodes\":[]"));
  CHECK(nodes.broker->end(SIGTERM).code == 0);
}

TEST_CASE("kill -9 of a node in the middle loses nothing and repeats nothing") {
  const Nodes nodes({"a", "b"});
  nodes.deploy(kSlow);
  const std::string input = numbered_lines(6000, "record ");
  RunningTool pipe(nodes.cluster.leat({"pipe", "scene"}));
  REQUIRE(pipe.feed(input));
  REQUIRE(nodes.shows("a", "records_in", 1));
  CHECK(nodes.nodes.front()->end(SIGKILL).code == 128 + SIGKILL);
  const Outcome found = finish(pipe);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, nodes.upper(input)) == "");
  // Its tools died with it, and its replica runs elsewhere.
  CHECK(nodes.shows("b", "replicas_ready", 2));
  CHECK(nodes.cluster.scene().processes("LEAT_STAGE=slow").size() == 2);
}

TEST_CASE("a node that is stopped for a while and comes back repeats nothing") {
  const Nodes nodes({"a", "b"});
  nodes.deploy(kSlow);
  const std::string input = numbered_lines(6000, "record ");
  RunningTool pipe(nodes.cluster.leat({"pipe", "scene"}));
  REQUIRE(pipe.feed(input));
  REQUIRE(nodes.shows("a", "records_in", 1));
  nodes.nodes.front()->signal(SIGSTOP);
  CHECK(nodes.broker->says("node 'a' was not heard for too long"));
  nodes.nodes.front()->signal(SIGCONT);
  const Outcome found = finish(pipe);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, nodes.upper(input)) == "");
}

TEST_CASE("a node that joins later takes its share") {
  Nodes nodes({"a"});
  nodes.deploy(kSlow);
  CHECK(nodes.at_node("a", "replicas_ready") == 2);
  const std::string input = numbered_lines(6000, "record ");
  RunningTool pipe(nodes.cluster.leat({"pipe", "scene"}));
  REQUIRE(pipe.feed(input));
  REQUIRE(nodes.shows("a", "records_in", 1));
  nodes.add("b");
  CHECK(nodes.shows("b", "records_in", 1));
  const Outcome found = finish(pipe);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, nodes.upper(input)) == "");
}

TEST_CASE("a node that is drained in the middle finishes, leaves and ends") {
  const Nodes nodes({"a", "b"});
  nodes.deploy(kSlow);
  const std::string input = numbered_lines(6000, "record ");
  RunningTool pipe(nodes.cluster.leat({"pipe", "scene"}));
  REQUIRE(pipe.feed(input));
  REQUIRE(nodes.shows("a", "records_in", 1));
  const Outcome drained = nodes.cluster.run({"drain", "a"});
  CHECK(drained.code == 0);
  CHECK_THAT(drained.output, Contains("node a has left"));
  CHECK(nodes.nodes.front()->end().code == 0);
  const Outcome found = finish(pipe);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, nodes.upper(input)) == "");
  CHECK_THAT(nodes.cluster.run({"drain", "a"}).errors, Contains("no node 'a'"));
}

TEST_CASE("a stage that is scaled gets more replicas, and fewer, while records flow") {
  const Nodes nodes({"a", "b"});
  nodes.deploy(kSlow);
  const std::string input = numbered_lines(6000, "record ");
  RunningTool pipe(nodes.cluster.leat({"pipe", "scene"}));
  REQUIRE(pipe.feed(input));
  CHECK(nodes.cluster.run({"scale", "scene", "slow", "4"}).code == 0);
  CHECK(nodes.shows("a", "replicas_ready", 2));
  CHECK(nodes.shows("b", "replicas_ready", 2));
  CHECK(nodes.cluster.run({"scale", "scene", "slow", "1"}).code == 0);
  CHECK(tests::wait_until(
      [&] { return nodes.cluster.scene().processes("LEAT_STAGE=slow").size() == 1; }));
  const Outcome found = finish(pipe);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, nodes.upper(input)) == "");
}

TEST_CASE("a second node of one name is refused, and says so") {
  const Nodes nodes({"a"});
  const auto second = nodes.cluster.start({"node", "--name", "a"});
  CHECK(second->says("'a'"));
  CHECK(second->said().find("joined") == std::string::npos);
  CHECK(second->end(SIGTERM).code == 0);
}

TEST_CASE("a node may be started before its broker") {
  const Cluster cluster;
  const auto node = cluster.start({"node", "--name", "early"});
  CHECK(node->says("no word from the broker at " + cluster.address()));
  const auto broker = cluster.start_broker();
  REQUIRE(broker != nullptr);
  CHECK(node->says("joined broker at " + cluster.address()));
}

TEST_CASE("a stage runs only where its labels are") {
  Nodes nodes({"plain"});
  nodes.add("special", {"--label", "gpu=true", "--label", "zone=x"});
  nodes.deploy("- {name: slow, run: cat, replicas: 2, nodes: {gpu: \"true\"}}");
  CHECK(nodes.at_node("special", "replicas_ready") == 2);
  CHECK(nodes.at_node("plain", "replicas") == 0);
  CHECK_THAT(nodes.cluster.run({"status"}).output, Contains("gpu=true,zone=x"));
}

TEST_CASE("broker, node and clients meet over tcp") {
  Cluster cluster;
  std::vector<std::string> keys;
  SECTION("with keys") {
    REQUIRE(cluster.run({"keys", "new", "keys"}).code == 0);
    keys = {"--keys", "keys"};
  }
  SECTION("without") {
    keys = {"--insecure"};
  }
  const auto with_keys = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), keys.begin(), keys.end());
    return arguments;
  };
  const auto broker = cluster.start(with_keys({"broker", "--listen", "tcp://127.0.0.1:*"}));
  REQUIRE(broker->says("listening at tcp://127.0.0.1:"));
  REQUIRE(broker->says("\n"));
  const std::string& said = broker->said();
  const std::size_t at = said.find("tcp://");
  cluster.set_address(said.substr(at, said.find('\n', at) - at));
  const auto node = cluster.start(with_keys({"node", "--name", "far"}));
  REQUIRE(node->says("joined broker at " + cluster.address()));
  cluster.scene().set_pipeline("- {name: same, run: cat}");
  const std::vector<std::string> client = keys.size() == 2 ? keys : std::vector<std::string>();
  const auto run = [&](std::vector<std::string> arguments, std::string_view input = {}) {
    arguments.insert(arguments.end(), client.begin(), client.end());
    return cluster.run(std::move(arguments), input);
  };
  const Outcome deployed = run({"deploy", "spec.yml"});
  INFO(deployed.errors);
  REQUIRE(deployed.code == 0);
  const std::string input = numbered_lines(50'000, "record ");
  const Outcome found = run({"pipe", "scene"}, input);
  INFO(found.errors);
  CHECK(found.code == 0);
  CHECK(difference(found.output, input) == "");
  if (keys.size() < 2) return;
  // A stranger hears nothing, and is told what that may mean.
  const Outcome stranger = cluster.run({"status", "--timeout", "1s"});
  CHECK(stranger.code == 3);
  CHECK_THAT(stranger.errors, Contains("keys") && Contains(cluster.address()));
  REQUIRE(cluster.run({"keys", "new", "others"}).code == 0);
  const Outcome other = cluster.run({"status", "--timeout", "1s", "--keys", "others"});
  CHECK(other.code == 3);
  CHECK_THAT(other.errors, Contains("keys in others"));
}

}  // namespace leat::cli
