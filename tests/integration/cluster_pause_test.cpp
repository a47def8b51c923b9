// Stages that are paused and resumed, as real processes.

#include <memory>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "tests/support/cluster.h"

namespace leat::cli {

namespace {

using namespace std::chrono_literals;
using Catch::Contains;
using tests::Cluster;
using tests::Daemon;
using tests::Outcome;

constexpr std::string_view kTwo = "- {name: first, run: cat}\n- {name: second, run: cat}";

class Up {
 public:
  Up() : daemon(cluster.start_broker("up")) { REQUIRE(daemon != nullptr); }

  Cluster cluster;
  std::unique_ptr<Daemon> daemon;
};

}  // namespace

TEST_CASE("records wait before a paused stage, everybody knows why, and they go on with it") {
  const Up up;
  REQUIRE(up.cluster.deploy(kTwo).code == 0);
  const Outcome paused = up.cluster.run({"pause", "scene", "second"});
  CHECK(paused.code == 0);
  CHECK(paused.output == "stage second of pipeline scene is paused\n");
  CHECK(up.cluster.run({"pause", "scene", "second"}).code == 0);
  const auto pipe = up.cluster.start_shell("printf 'a\\nb\\n' | \"$LEAT\" pipe scene");
  REQUIRE(up.cluster.run({"send", "scene"}, "c\nd\n").code == 0);
  CHECK(up.cluster.shows("\"waiting\":4"));
  CHECK_THAT(up.cluster.status(), Contains("\"state\":\"paused: stage 'second'\"") &&
                                      Contains("\"paused\":true") && Contains("\"paused\":false"));
  CHECK_THAT(up.cluster.run({"status"}).output,
             Contains("stage second: paused; leat resume scene second"));
  CHECK(pipe->says("pipeline 'scene': paused: stage 'second'; leat resume scene"));
  CHECK(up.daemon->says("pipeline 'scene': stage 'second' is paused"));
  CHECK(up.cluster.run({"resume", "scene", "second"}).output ==
        "stage second of pipeline scene goes on\n");
  const Outcome done = pipe->end();
  CHECK(done.code == 0);
  CHECK(done.output == "a\nb\n");
  CHECK(up.cluster.shows("\"results\":2"));
  CHECK(up.daemon->says("pipeline 'scene': stage 'second' goes on"));
  const std::string& log = up.daemon->said();
  CHECK(log.find("is paused") == log.rfind("is paused"));
}

TEST_CASE("a paused pipeline stays so when it is deployed again, which says so and ends") {
  const Up up;
  REQUIRE(up.cluster.deploy(kTwo).code == 0);
  CHECK(up.cluster.run({"pause", "scene"}).output == "pipeline scene is paused\n");
  const Outcome deployed =
      up.cluster.deploy("- {name: first, run: cat, replicas: 2}\n- {name: second, run: cat}");
  CHECK(deployed.code == 0);
  CHECK_THAT(deployed.output, Contains("stage first: 2 replicas ready") &&
                                  Contains("pipeline scene is paused; leat resume scene\n"));
  REQUIRE(up.cluster.run({"send", "scene"}, "a\n").code == 0);
  CHECK_THAT(up.cluster.status(), Contains("\"state\":\"paused\"") && Contains("\"records\":1,"));
  CHECK(up.cluster.run({"resume", "scene"}).output == "pipeline scene goes on\n");
  CHECK(up.cluster.shows("\"results\":1"));
}

TEST_CASE("who pauses what there is not is told so, with the nearest name") {
  const Up up;
  REQUIRE(up.cluster.deploy(kTwo).code == 0);
  const Outcome stage = up.cluster.run({"pause", "scene", "secnd"});
  CHECK(stage.code == 3);
  CHECK_THAT(stage.errors, Contains("'secnd'") && Contains("did you mean 'second'?"));
  const Outcome pipeline = up.cluster.run({"resume", "scenes"});
  CHECK(pipeline.code == 3);
  CHECK_THAT(pipeline.errors, Contains("'scenes'") && Contains("did you mean 'scene'?"));
}

}  // namespace leat::cli
