#include "node/node_core.h"

#include <random>

#include <catch2/catch.hpp>

#include "tests/unit/wire/any_message.h"

using leat::Duration;
using leat::Instant;
using leat::kUnterminated;
using leat::Position;
using leat::RecordsBuilder;
using leat::SegmentId;
using leat::wire::testing::AnyMessage;
using namespace leat::node;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

const std::string kEach = "pipeline: p\nstages: [{name: a, run: x}]\n";
const std::string kWindow =
    "pipeline: p\nstages: [{name: a, run: x, mode: window, window: {records: 4}}]\n";
const SegmentId kSegment{{1, 1}, 0};

// A node whose broker and tools are played by hand.
class Scene {
 public:
  explicit Scene(const std::string& spec) {
    tick();
    from_broker(wire::NodeWelcome{
        .incarnation = 1, .node = {1, 1}, .results_address = "r", .beat_ms = 100});
    open(spec, 1, 1);
  }

  void open(const std::string& spec, std::uint64_t epoch, std::uint32_t replicas) {
    from_broker(wire::OpenInlet{.segment = kSegment,
                                .epoch = epoch,
                                .spec_text = spec,
                                .directory = "/",
                                .replicas = replicas});
    keep(core.step(InletBound{kSegment, epoch, "here"}, now));
  }

  void from_broker(wire::Message message) {
    keep(core.step(BrokerMessage{std::move(message)}, now));
  }

  void tick() { keep(core.tick(now)); }

  template <typename Event>
  void tell(const Event& event) {
    keep(core.step(event, now));
  }

  static wire::Lease lease_of(std::uint64_t epoch, std::uint64_t number, bool window,
                              std::uint32_t count) {
    RecordsBuilder builder("\n");
    for (std::uint32_t i = 0; i < count; ++i) {
      builder.add("r");
    }
    wire::Lease lease{.segment = kSegment, .epoch = epoch, .number = number, .window = window};
    lease.slices = {{{1, 2}, {{Position(number * 10), count, count}}, builder.take()}};
    return lease;
  }

  void keep(const Effects& effects) {
    for (const Effect& effect : effects) {
      if (const auto* const start = std::get_if<StartTool>(&effect)) tools.push_back(start->tool);
      if (const auto* const look = std::get_if<LookAtTool>(&effect)) looks.push_back(*look);
      if (const auto* const push = std::get_if<PushResult>(&effect)) {
        results.push_back(push->result);
      }
    }
  }

  NodeCore core{{.name = "n", .incarnation = 1}};
  Instant now{1s};
  std::vector<ToolId> tools;
  std::vector<LookAtTool> looks;
  std::vector<wire::LeaseResult> results;
};

}  // namespace

TEST_CASE("a node whose window tool had ended before its end is gone at once") {
  Scene scene(kWindow);
  REQUIRE(scene.tools.size() == 1);
  scene.tell(ToolStarted{scene.tools[0]});
  scene.tell(ToolPrinted{scene.tools[0], "early\n"});
  scene.tell(ToolEnded{scene.tools[0], false, 0});
  scene.keep(scene.core.end(NodeCore::Ending::kGraceful, scene.now));
  CHECK(scene.core.is_gone());
}

TEST_CASE("a window tool that ended before its window has answered it with what it printed") {
  Scene scene(kWindow);
  scene.tell(ToolStarted{scene.tools.at(0)});
  scene.tell(ToolPrinted{scene.tools[0], "early\n"});
  scene.tell(ToolEnded{scene.tools[0], false, 0});
  scene.tell(InletMessage{Scene::lease_of(1, 1, true, 4)});
  REQUIRE(scene.results.size() == 1);
  CHECK(scene.results[0].outputs.records.count == 1);
}

TEST_CASE("an order for more replicas than the spec has is refused, not followed") {
  Scene scene(kEach);
  scene.open("pipeline: q\nstages: [{name: b, run: y}]\n", 2, 4'000'000'000U);
  CHECK(scene.tools.size() <= 2);
}

TEST_CASE(
    "records that a client calls unterminated, though they are several, do not end the node") {
  Scene scene(kEach);
  scene.tell(ToolStarted{scene.tools.at(0)});
  wire::Lease lease = Scene::lease_of(1, 1, false, 4);
  lease.slices[0].records.attributes = {{0, 4, std::string(kUnterminated), ""}};
  scene.tell(InletMessage{lease});
  for (std::size_t i = 0; i < 20; ++i) {
    scene.now = scene.now + 100ms;
    scene.tell(ToolPrinted{scene.tools.back(), "a\n"});
    scene.tell(ToolEnded{scene.tools.back(), false, 0});
    scene.tick();
    scene.tell(ToolStarted{scene.tools.back()});
    if (!scene.looks.empty()) {
      scene.tell(ToolLooked{
          .tool = scene.looks.back().tool, .look = scene.looks.back().look, .rest = Rest::kAtRest});
    }
  }
  SUCCEED();
}

TEST_CASE("a result is sent again until the broker is done with it") {
  Scene scene(kWindow);
  scene.tell(ToolStarted{scene.tools.at(0)});
  scene.tell(InletMessage{Scene::lease_of(1, 1, true, 4)});
  scene.tell(ToolEnded{scene.tools[0], false, 0});
  CHECK(scene.core.held_results() == 1);
  const std::uint64_t number = scene.results.at(0).number;
  for (int i = 0; i < 4; ++i) {
    scene.now = scene.now + 1s;
    scene.from_broker(wire::BrokerBeat{});
    scene.tick();
  }
  CHECK(scene.results.size() > 1);
  scene.from_broker(wire::ResultsDone{{{number, 1}}});
  CHECK(scene.core.held_results() == 0);
}

TEST_CASE("any messages and tool events at all leave the node alive") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](std::uint64_t end) { return random() % end; };
    const bool window = seed % 2 == 0;
    Scene scene(window ? kWindow : kEach);
    AnyMessage any(seed);
    std::uint64_t epoch = 1;
    for (int i = 0; i < 200; ++i) {
      scene.now = scene.now + std::chrono::milliseconds(below(60));
      const ToolId tool = scene.tools.empty() ? ToolId{1} : scene.tools.back();
      switch (below(13)) {
        case 0:
          scene.from_broker(any.make(below(std::variant_size_v<wire::Message>)));
          break;
        case 1:
          scene.tell(InletMessage{any.make(below(std::variant_size_v<wire::Message>))});
          break;
        case 2:
        case 3:
          scene.tell(InletMessage{Scene::lease_of(epoch, 1 + below(9), window,
                                                  static_cast<std::uint32_t>(1 + below(5)))});
          break;
        case 4:
          if (below(4) > 0) break;
          scene.from_broker(wire::CloseInlet{kSegment});
          scene.open(window ? kWindow : kEach, epoch, 1);
          break;
        case 5:
          if (below(4) == 0) scene.open(window ? kWindow : kEach, ++epoch, 1);
          break;
        case 6:
          scene.from_broker(wire::ResultsDone{{{1 + below(30), 1 + below(5)}}});
          break;
        case 7:
          if (below(3) == 0) scene.tell(ToolEnded{tool, below(2) == 0, static_cast<int>(below(3))});
          break;
        case 8:
          scene.tell(ToolStarted{tool});
          break;
        case 9:
          scene.tell(ToolPrinted{tool, std::string_view("a\na\nb").substr(0, below(6))});
          break;
        case 10:
          if (scene.looks.empty()) break;
          scene.tell(ToolLooked{.tool = scene.looks.back().tool,
                                .look = scene.looks.back().look,
                                .rest = static_cast<Rest>(below(3))});
          break;
        default:
          scene.tick();
      }
    }
    scene.keep(scene.core.end(NodeCore::Ending::kKill, scene.now));
  }
  SUCCEED();
}
