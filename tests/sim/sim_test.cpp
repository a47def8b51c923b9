// Goal: whatever nodes, connections, clients and tools do, each record has one outcome, in order,
// within the limits, and when the world has healed everything finishes.
// Method: seeded worlds (tests/sim/world.h) with an oracle that knows nothing of the code. A
// failure prints its seed: LEAT_SIM_SEED=N repeats it, LEAT_SIM_SEEDS=N sets how many are tried.

#include <cstdlib>
#include <string>

#include <catch2/catch.hpp>

#include "tests/sim/world.h"

namespace leat::sim {
namespace {

// Sanitizers make it a dozen times slower.
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kSeeds = 600;
#else
constexpr std::uint64_t kSeeds = 2000;
#endif

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// What a run of many seeds must have seen, or it has tested too little.
const std::vector<std::string>& must_happen() {
  static const std::vector<std::string> names = {"fault: a node dies",
                                                 "fault: a node is cut off",
                                                 "fault: a data connection breaks",
                                                 "fault: a client's connection breaks",
                                                 "fault: a client dies",
                                                 "message lost on a dead connection",
                                                 "message lost under way",
                                                 "tool: killed by a record",
                                                 "tool: never answers a record",
                                                 "tool: always answers twice",
                                                 "tool: crashes",
                                                 "tool: exits with an error after its answer",
                                                 "tool: answers twice, once",
                                                 "tool: forgets an answer, once",
                                                 "tool: prints half an answer and crashes",
                                                 "broker sends node-welcome",
                                                 "broker sends open-inlet",
                                                 "broker sends results-done",
                                                 "broker sends broker-beat",
                                                 "broker sends deployed",
                                                 "broker sends session-state",
                                                 "broker sends delivery",
                                                 "broker sends refused",
                                                 "broker pushes a lease",
                                                 "broker connects an inlet",
                                                 "broker disconnects an inlet",
                                                 "broker says something",
                                                 "broker is told that a peer is lost",
                                                 "node starts a tool",
                                                 "node feeds a tool",
                                                 "node closes a tool's input",
                                                 "node looks at a tool",
                                                 "node kills a tool",
                                                 "node pushes a result",
                                                 "node pushes a failure",
                                                 "node sends node-join",
                                                 "node sends node-report",
                                                 "node sends inlet-credit",
                                                 "node connects for results",
                                                 "node binds an inlet",
                                                 "client sends deploy",
                                                 "client sends open-session",
                                                 "client sends submit",
                                                 "client sends end-of-input",
                                                 "client sends taken",
                                                 "client gets a dead letter"};
  return names;
}

struct Seeds {
  std::uint64_t first;
  std::uint64_t last;
};

Seeds seeds(std::uint64_t otherwise) {
  const std::uint64_t only = from_environment("LEAT_SIM_SEED", 0);
  if (only > 0) return {only, only};
  return {1, from_environment("LEAT_SIM_SEEDS", otherwise)};
}

void judge(std::uint64_t seed, const std::optional<std::string>& wrong) {
  if (!wrong) return;
  FAIL("seed " << seed << ": " << *wrong << "\nrepeat it: ./dev sim 1 " << seed);
}

TEST_CASE("each record has one outcome, whatever dies, breaks or misbehaves", "[sim]") {
  Census census;
  const Seeds all = seeds(kSeeds);
  for (std::uint64_t seed = all.first; seed <= all.last; ++seed) {
    World world(seed, census);
    judge(seed, world.run());
  }
  if (all.last - all.first + 1 < kSeeds) return;
  for (const std::string& name : must_happen()) {
    INFO(name);
    CHECK(census[name] > 0);
  }
}

TEST_CASE("a broker started anew has no session of the old one, and says so", "[sim]") {
  Census census;
  const Seeds all = seeds(kSeeds / 10);
  for (std::uint64_t seed = all.first; seed <= all.last; ++seed) {
    World world(seed, census);
    judge(seed, world.run_with_a_new_broker());
  }
  if (all.last - all.first + 1 < kSeeds / 10) return;
  for (const char* const name :
       {"fault: the broker is started anew", "client is told that its session is gone",
        "broker sends refused", "node ends a tool", "node unbinds an inlet"}) {
    INFO(name);
    CHECK(census[name] > 0);
  }
}

}  // namespace
}  // namespace leat::sim
