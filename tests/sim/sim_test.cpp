// Goal: whatever nodes, connections, clients, tools and operators do, each record has one outcome
// (for each group of consumers), in order, within the limits, and when the world has healed
// everything finishes and nothing is left.
// Method: seeded worlds (tests/sim/world.h) with oracles that know nothing of the code. A failure
// prints its seed: LEAT_SIM_SEED=N repeats it, LEAT_SIM_SEEDS=N sets how many are tried.

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/sim/world.h"
#include "wire/codec.h"
#include "wire/kinds.h"

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
using Names = std::vector<std::string>;

const Names& in_any_world() {
  static const Names names = {"fault: a node dies",
                              "fault: a node is cut off",
                              "fault: a node leaves",
                              "fault: a data connection breaks",
                              "fault: a client's connection breaks",
                              "fault: a client dies",
                              "message lost on a dead connection",
                              "message lost under way",
                              "operator: scales up",
                              "operator: scales down",
                              "operator: scales across one",
                              "operator: pauses a stage",
                              "operator: pauses a pipeline",
                              "operator: resumes",
                              "operator: drains a node",
                              "operator: starts another node",
                              "operator: deploys a changed text",
                              "operator: deploys a failed pipeline again",
                              "operator: removes a pipeline with what is in it",
                              "tool: killed by a record",
                              "tool: never answers a record",
                              "tool: always answers twice",
                              "filter: drops a record",
                              "filter: makes two of a record",
                              "tagged: answers out of order",
                              "tagged: answers an id twice",
                              "tool: crashes",
                              "tool: exits with an error after its answer",
                              "tool: answers twice, once",
                              "tool: forgets an answer, once",
                              "tool: prints half an answer and crashes",
                              "tool: is missing",
                              "a tool that was missing everywhere is there again",
                              "tool: breaks down, whatever it is given",
                              "a stage that broke down on whatever it was given is well again",
                              "a stage that failed works again",
                              "tool: cannot be started for a while",
                              "node kills a tool",
                              "node ends a tool",
                              "node pushes a failure",
                              "broker is told that a peer is lost",
                              "client gets a dead letter",
                              "client gets what a tool said",
                              "a client is told that its session is over",
                              "a lost node is back with its results",
                              "a late node gets replicas",
                              "a drained node is dismissed",
                              "a stage that needs a label gets a node"};
  return names;
}

const Names& in_streams() {
  static const Names names = {"fault: a producer dies",
                              "fault: a producer dies and comes back",
                              "fault: a consumer dies",
                              "fault: a consumer leaves",
                              "fault: a consumer is cut off",
                              "a consumer of one producer ends with it",
                              "a consumer gets what another had not taken"};
  return names;
}

// The name of the message's kind number I, and of those after it.
template <std::size_t I = 0>
void add_kinds(Names& names) {
  if constexpr (I < std::variant_size_v<wire::Message>) {
    using Kind = std::variant_alternative_t<I, wire::Message>;
    names.push_back(std::string("message ") + wire::kKind<Kind>.name);
    add_kinds<I + 1>(names);
  }
}

template <typename Effect>
void add_effects(Names& names, const std::string& whose) {
  for (std::size_t i = 0; i < std::variant_size_v<Effect>; ++i) {
    names.push_back(whose + " effect " + std::to_string(i));
  }
}

Names every_message_and_effect() {
  Names names;
  add_kinds(names);
  add_effects<broker::Effect>(names, "broker");
  add_effects<node::Effect>(names, "node");
  // Only a broker that is away for long makes a node do it; node_core_test has that.
  const std::size_t reconnects = node::Effect(node::ReconnectToBroker{}).index();
  std::erase(names, "node effect " + std::to_string(reconnects));
  add_effects<client::Effect>(names, "client");
  // No process here takes up a session of another one; resumption_test has that.
  const std::size_t begins_anew = client::Effect(client::BeginAnew{}).index();
  std::erase(names, "client effect " + std::to_string(begins_anew));
  add_effects<client::RequestEffect>(names, "request");
  return names;
}

// What was wrong in that world, if anything.
std::optional<std::string> fault_of(std::uint64_t seed, World::Kind kind, Census& census) {
  try {
    return World(seed, kind, census).run();
  } catch (const std::exception& error) {
    return std::string("it threw: ") + error.what();
  }
}

// Lives through `otherwise` worlds, or in proportion to what is asked for instead of kSeeds; of so
// many something must come.
void live_through(World::Kind kind, std::uint64_t otherwise,
                  const std::vector<Names>& must_happen) {
  const std::uint64_t only = from_environment("LEAT_SIM_SEED", 0);
  const std::uint64_t first = only > 0 ? only : 1;
  const std::uint64_t asked = from_environment("LEAT_SIM_SEEDS", kSeeds) * otherwise / kSeeds;
  const std::uint64_t last = only > 0 ? only : std::max<std::uint64_t>(asked, 1);
  Census census;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const std::optional<std::string> wrong = fault_of(seed, kind, census);
    if (!wrong) continue;
    FAIL("seed " << seed << ": " << *wrong << "\nrepeat it: ./dev sim 1 " << seed);
  }
  if (last - first + 1 < otherwise) return;
  for (const Names& names : must_happen) {
    for (const std::string& name : names) {
      INFO(name);
      CHECK(census[name] > 0);
    }
  }
}

TEST_CASE("each record has one outcome, whatever dies, breaks, misbehaves or is moved", "[sim]") {
  live_through(World::Kind::kPipes, kSeeds, {in_any_world()});
}

TEST_CASE("each record has one outcome for each group of consumers, whatever happens", "[sim]") {
  live_through(World::Kind::kStreams, kSeeds,
               {in_any_world(), in_streams(), every_message_and_effect()});
}

TEST_CASE("a broker started anew has no session of the old one, says so, and works", "[sim]") {
  live_through(
      World::Kind::kNewBroker, kSeeds / 10,
      {{"fault: the broker is started anew", "a client is told that its session is over"}});
}

TEST_CASE("where nothing goes wrong no work is done twice, whoever comes and goes", "[sim]") {
  live_through(
      World::Kind::kCalm, kSeeds / 10,
      {{"operator: scales up", "operator: scales down", "operator: pauses a stage",
        "operator: drains a node", "a drained node is dismissed", "a late node gets replicas"}});
}

}  // namespace
}  // namespace leat::sim
