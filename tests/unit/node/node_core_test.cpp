#include "node/node_core.h"

#include <random>
#include <set>

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
const std::string kSeveral = "pipeline: p\nstages: [{name: a, run: x, replicas: 2}]\n";
const SegmentId kSegment{{1, 1}, 0};

// A node whose broker and tools are played by hand.
class Scene {
 public:
  explicit Scene(const std::string& spec) {
    tick();
    welcome(1);
    open(spec, 1, 1);
  }

  // Nobody has welcomed it yet.
  Scene() { tick(); }

  void welcome(std::uint64_t incarnation) {
    from_broker(wire::NodeWelcome{
        .incarnation = incarnation, .node = {1, 1}, .results_address = "r", .beat_ms = 100});
  }

  void order(const std::string& spec, std::uint64_t epoch, std::uint32_t replicas) {
    from_broker(wire::OpenInlet{.segment = kSegment,
                                .epoch = epoch,
                                .spec_text = spec,
                                .directory = "/",
                                .replicas = replicas,
                                .ordered = spec.find("replicas") == std::string::npos});
  }

  void open(const std::string& spec, std::uint64_t epoch, std::uint32_t replicas) {
    order(spec, epoch, replicas);
    keep(core.step(InletBound{kSegment, epoch, "here"}, now));
  }

  // The next `seconds` beats, in silence.
  void pass(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      now = now + 1s;
      tick();
    }
  }

  void from_broker(wire::Message message) {
    keep(core.step(BrokerMessage{std::move(message)}, now));
  }

  void tick() { keep(core.tick(now)); }

  template <typename Event>
  void tell(const Event& event) {
    keep(core.step(event, now));
  }

  // It has started, and waits for input.
  void bring_up(ToolId tool) {
    tell(ToolStarted{tool});
    now = now + 1ms;
    tick();
    for (const LookAtTool& look : std::exchange(looks, {})) {
      tell(ToolLooked{look.tool, look.look, Rest::kAtRest});
    }
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
      if (const auto* const start = std::get_if<StartTool>(&effect)) {
        tools.push_back(start->tool);
        indices.push_back(start->env.at("LEAT_REPLICA"));
      }
      if (const auto* const send = std::get_if<SendToBroker>(&effect)) {
        sent.push_back(send->message);
      }
      if (const auto* const say = std::get_if<Say>(&effect)) said.push_back(say->text);
      if (const auto* const end = std::get_if<EndTool>(&effect)) ended.push_back(*end);
      reconnects += std::holds_alternative<ReconnectToBroker>(effect) ? 1 : 0;
      binds += std::holds_alternative<BindInlet>(effect) ? 1 : 0;
      unbinds += std::holds_alternative<UnbindInlet>(effect) ? 1 : 0;
      if (const auto* const look = std::get_if<LookAtTool>(&effect)) looks.push_back(*look);
      if (const auto* const push = std::get_if<PushResult>(&effect)) {
        results.push_back(push->result);
      }
    }
  }

  // The newest of this kind; the test fails without one.
  template <typename Message>
  Message last() const {
    for (auto at = sent.rbegin(); at != sent.rend(); ++at) {
      if (const auto* const message = std::get_if<Message>(&*at)) return *message;
    }
    FAIL("none was sent");
    return {};
  }

  template <typename Message>
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::count_if(
        sent.begin(), sent.end(),
        [](const wire::Message& message) { return std::holds_alternative<Message>(message); }));
  }

  [[nodiscard]] wire::InletReport report() {
    pass(1);
    const auto message = last<wire::NodeReport>();
    REQUIRE(message.inlets.size() == 1);
    return message.inlets.front();
  }

  NodeCore core{{.name = "n", .incarnation = 1, .broker = "tcp://b:1"}};
  Instant now{1s};
  std::vector<ToolId> tools;
  std::vector<LookAtTool> looks;
  std::vector<wire::LeaseResult> results;
  std::vector<std::string> indices;  // LEAT_REPLICA of each tool.
  std::vector<wire::Message> sent;
  std::vector<std::string> said;
  std::vector<EndTool> ended;
  int reconnects = 0;
  int binds = 0;
  int unbinds = 0;
};

}  // namespace

TEST_CASE("a node whose window tool had ended before its end is gone at once") {
  Scene scene(kWindow);
  REQUIRE(scene.tools.size() == 1);
  scene.bring_up(scene.tools[0]);
  scene.tell(ToolPrinted{scene.tools[0], "early\n"});
  scene.tell(ToolEnded{scene.tools[0], false, 0});
  scene.keep(scene.core.end(NodeCore::Ending::kGraceful, scene.now));
  CHECK(scene.core.is_gone());
}

TEST_CASE("a window tool that ended before its window has answered it with what it printed") {
  Scene scene(kWindow);
  scene.bring_up(scene.tools.at(0));
  scene.tell(ToolPrinted{scene.tools[0], "early\n"});
  scene.tell(ToolEnded{scene.tools[0], false, 0});
  scene.tell(InletMessage{Scene::lease_of(1, 1, true, 4)});
  REQUIRE(scene.results.size() == 1);
  CHECK(scene.results[0].outputs.records.count == 1);
}

TEST_CASE("an order for more replicas than a stage may have is refused, not followed") {
  const bool is_new = GENERATE(true, false);
  Scene scene(is_new ? kEach : kSeveral);
  scene.order(kSeveral, 2, 4'000'000'000U);
  CHECK(scene.tools.size() == 1);
  CHECK(scene.last<wire::StageFailed>().epoch == 2);
  CHECK(scene.last<wire::StageFailed>().reason.find("more replicas") != std::string::npos);
}

TEST_CASE("an ordered stage never has two replicas") {
  Scene scene(kEach);
  scene.order(kEach, 2, 2);
  CHECK(scene.tools.size() == 1);
  CHECK(scene.count<wire::StageFailed>() == 1);
}

TEST_CASE(
    "records that a client calls unterminated, though they are several, do not end the node") {
  Scene scene(kEach);
  scene.bring_up(scene.tools.at(0));
  wire::Lease lease = Scene::lease_of(1, 1, false, 4);
  lease.slices[0].records.attributes = {{0, 4, std::string(kUnterminated), ""}};
  scene.tell(InletMessage{lease});
  for (std::size_t i = 0; i < 20; ++i) {
    scene.now = scene.now + 100ms;
    scene.tell(ToolPrinted{scene.tools.back(), "a\n"});
    scene.tell(ToolEnded{scene.tools.back(), false, 0});
    scene.tick();
    scene.bring_up(scene.tools.back());
    if (!scene.looks.empty()) {
      scene.tell(ToolLooked{
          .tool = scene.looks.back().tool, .look = scene.looks.back().look, .rest = Rest::kAtRest});
    }
  }
  SUCCEED();
}

TEST_CASE("a result is sent again until the broker is done with it") {
  Scene scene(kWindow);
  scene.bring_up(scene.tools.at(0));
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

// ---- Other numbers of replicas.

TEST_CASE("an inlet grows in place, with the epoch and the address that it has") {
  Scene scene(kSeveral);
  scene.bring_up(scene.tools.at(0));
  scene.order(kSeveral, 1, 3);
  CHECK(scene.tools.size() == 3);
  CHECK(scene.indices == std::vector<std::string>{"0", "1", "2"});
  CHECK(scene.binds == 1);
  CHECK(scene.unbinds == 0);
  scene.bring_up(scene.tools[1]);
  scene.bring_up(scene.tools[2]);
  const wire::InletReport report = scene.report();
  CHECK(report.epoch == 1);
  CHECK(report.address == "here");
  CHECK(report.replicas == 3);
  CHECK(report.replicas_ready == 3);
  CHECK(scene.ended.empty());
}

TEST_CASE("an inlet that grows is reported again when all its replicas run") {
  Scene scene(kSeveral);
  scene.bring_up(scene.tools.at(0));
  scene.order(kSeveral, 1, 2);
  const std::size_t before = scene.count<wire::NodeReport>();
  scene.bring_up(scene.tools.at(1));
  CHECK(scene.count<wire::NodeReport>() == before + 1);
}

TEST_CASE("a surplus replica has its end-of-file and its grace, and is forgotten when gone") {
  Scene scene(kSeveral);
  scene.order(kSeveral, 1, 3);
  for (const ToolId tool : scene.tools) {
    scene.bring_up(tool);
  }
  scene.order(kSeveral, 1, 1);
  REQUIRE(scene.ended.size() == 2);
  for (const EndTool& end : scene.ended) {
    CHECK(end.tool != scene.tools[0]);
    CHECK_FALSE(end.kill);
    CHECK(end.grace == 5s);
  }
  CHECK(scene.report().replicas == 1);
  CHECK(scene.report().replicas_ready == 1);
  // While one is still ending its index is not given to another.
  scene.tell(ToolEnded{scene.tools[1], false, 0});
  scene.order(kSeveral, 1, 3);
  CHECK(scene.indices == std::vector<std::string>{"0", "1", "2", "1", "3"});
}

TEST_CASE("an order for as many replicas as there are changes nothing") {
  Scene scene(kSeveral);
  scene.bring_up(scene.tools.at(0));
  const std::size_t sent = scene.sent.size();
  scene.order(kSeveral, 1, 1);
  CHECK(scene.sent.size() == sent);
  CHECK(scene.tools.size() == 1);
  CHECK(scene.binds == 1);
  CHECK(scene.ended.empty());
}

TEST_CASE("a newer epoch with another number renews and resizes") {
  Scene scene(kSeveral);
  scene.bring_up(scene.tools.at(0));
  scene.order(kSeveral, 2, 2);
  CHECK(scene.tools.size() == 2);
  CHECK(scene.binds == 2);
  CHECK(scene.unbinds == 0);
  CHECK(scene.ended.empty());
}

// How many tools were killed by a signal.
std::uint64_t killed(const wire::InletReport& report) {
  for (const wire::NamedCount& named : report.restarts) {
    if (named.name == "signal") return named.count;
  }
  return 0;
}

void kill_tools(Scene& scene) {
  for (const ToolId tool : std::vector<ToolId>(scene.tools)) {
    scene.bring_up(tool);
    scene.tell(ToolEnded{tool, true, 9});
  }
}

TEST_CASE("a node that was missed and comes back as another begins its counts anew") {
  Scene scene(kSeveral);
  kill_tools(scene);
  scene.welcome(1);
  CHECK(killed(scene.report()) == 1);
  scene.from_broker(
      wire::NodeWelcome{.incarnation = 1, .node = {1, 7}, .results_address = "r", .beat_ms = 100});
  CHECK(killed(scene.report()) == 0);
}

TEST_CASE("counts outlive replicas and epochs") {
  Scene scene(kSeveral);
  scene.order(kSeveral, 1, 2);
  kill_tools(scene);
  CHECK(killed(scene.report()) == 2);
  scene.order(kSeveral, 1, 1);
  scene.open(kSeveral, 2, 1);
  CHECK(killed(scene.report()) == 2);
  CHECK(scene.report().restarts.size() == 7);
}

TEST_CASE("credit that the broker was told of does not shrink with the replicas") {
  Scene scene(kSeveral);
  scene.open(kSeveral, 1, 4);
  const std::uint64_t most = scene.report().leases_max;
  CHECK(most == 64);
  scene.order(kSeveral, 1, 1);
  CHECK(scene.report().leases_max == most);
}

TEST_CASE("another spec text or directory opens a new inlet, and the old tools end") {
  Scene scene(kSeveral);
  scene.bring_up(scene.tools.at(0));
  const bool is_other_text = GENERATE(true, false);
  scene.from_broker(wire::OpenInlet{.segment = kSegment,
                                    .epoch = 2,
                                    .spec_text = is_other_text ? kSeveral + "\n" : kSeveral,
                                    .directory = is_other_text ? "/" : "/tmp",
                                    .replicas = 1});
  REQUIRE(scene.ended.size() == 1);
  CHECK_FALSE(scene.ended.front().kill);
  CHECK(scene.tools.size() == 2);
  CHECK(scene.binds == 2);
  CHECK(scene.unbinds == 1);
}

TEST_CASE("without replicas an inlet still works off what it has, and what comes late") {
  Scene scene(kSeveral);
  scene.bring_up(scene.tools.at(0));
  scene.tell(InletMessage{Scene::lease_of(1, 1, false, 2)});
  scene.order(kSeveral, 1, 0);
  // One record is inside, one waits: nobody ends.
  CHECK(scene.ended.empty());
  CHECK(scene.report().replicas == 0);
  scene.tell(ToolEnded{scene.tools.at(0), true, 9});
  scene.pass(1);
  REQUIRE(scene.tools.size() == 2);
}

TEST_CASE("without replicas and work an inlet ends its tools, until something comes") {
  Scene scene(kEach);
  scene.bring_up(scene.tools.at(0));
  scene.order(kEach, 1, 0);
  CHECK(scene.ended.size() == 1);
  scene.tell(InletMessage{Scene::lease_of(1, 1, false, 2)});
  // In an ordered stage the next comes when the last is gone.
  CHECK(scene.tools.size() == 1);
  scene.tell(ToolEnded{scene.tools[0], false, 0});
  CHECK(scene.tools.size() == 2);
}

// ---- Failures.

TEST_CASE("of two replicas' failures the first is told, and stays") {
  Scene scene(kSeveral);
  scene.order(kSeveral, 1, 2);
  scene.tell(ToolStartFailed{scene.tools.at(1), "first"});
  scene.tell(ToolStartFailed{scene.tools.at(0), "second"});
  scene.pass(2);
  CHECK(scene.count<wire::StageFailed>() >= 2);
  CHECK(scene.last<wire::StageFailed>().reason == "first");
}

TEST_CASE("an inlet that cannot listen is the stage's failure, and is said") {
  Scene scene;
  scene.welcome(1);
  scene.order(kEach, 1, 1);
  scene.tell(InletBindFailed{kSegment, 1, "cannot listen: all ports are taken"});
  CHECK(scene.last<wire::StageFailed>().reason == "cannot listen: all ports are taken");
  CHECK(scene.last<wire::StageFailed>().stage == "a");
  CHECK(scene.said.back() == "cannot listen: all ports are taken");
  // The first word may have been lost.
  const std::size_t before = scene.count<wire::StageFailed>();
  scene.pass(1);
  CHECK(scene.count<wire::StageFailed>() == before + 1);
}

TEST_CASE("a stage that failed begins anew with the next epoch") {
  Scene scene(kEach);
  scene.tell(ToolStartFailed{scene.tools.at(0), "not found"});
  CHECK(scene.count<wire::StageFailed>() == 1);
  scene.order(kEach, 1, 1);
  CHECK(scene.tools.size() == 1);
  scene.open(kEach, 2, 1);
  CHECK(scene.tools.size() == 2);
  scene.bring_up(scene.tools[1]);
  CHECK(scene.count<wire::StageFailed>() == 1);
  CHECK(scene.report().replicas_ready == 1);
}

// ---- The broker.

TEST_CASE("a dismissed node ends its tools as gracefully as at a stop, and leaves") {
  Scene scene(kEach);
  scene.bring_up(scene.tools.at(0));
  CHECK_FALSE(scene.core.is_dismissed());
  scene.from_broker(wire::Dismissed{});
  CHECK(scene.core.is_dismissed());
  REQUIRE(scene.ended.size() == 1);
  CHECK_FALSE(scene.ended.front().kill);
  CHECK(scene.count<wire::NodeLeave>() == 1);
  CHECK_FALSE(scene.core.is_gone());
  scene.tell(ToolEnded{scene.tools[0], false, 0});
  CHECK(scene.core.is_gone());
  // It is deaf from then on.
  const std::size_t sent = scene.sent.size();
  scene.welcome(7);
  scene.open(kSeveral, 9, 2);
  scene.pass(20);
  CHECK(scene.sent.size() == sent);
  CHECK(scene.tools.size() == 1);
}

TEST_CASE("a node that is stopped twice leaves once") {
  Scene scene(kEach);
  scene.keep(scene.core.end(NodeCore::Ending::kGraceful, scene.now));
  scene.keep(scene.core.end(NodeCore::Ending::kKill, scene.now));
  CHECK(scene.count<wire::NodeLeave>() == 1);
}

TEST_CASE("a node tells what its tools said last on standard error") {
  Scene scene(kSeveral);
  scene.order(kSeveral, 1, 2);
  scene.bring_up(scene.tools.at(0));
  scene.tell(ToolComplained{scene.tools[0], "low on memory\n"});
  scene.tell(ToolEnded{scene.tools[0], true, 9});
  scene.tell(ToolComplained{scene.tools.at(1), "loading"});
  scene.from_broker(wire::LogsWanted{kSegment, "who asks"});
  const auto logs = scene.last<wire::NodeLogs>();
  CHECK(logs.reply_to == "who asks");
  CHECK(logs.pipeline == "p");
  CHECK(logs.stage == "a");
  REQUIRE(logs.lines.size() == 2);
  CHECK(logs.lines[0].replica == 0);
  CHECK(logs.lines[0].text == "low on memory");
  CHECK(logs.lines[1].replica == 1);
  CHECK(logs.lines[1].text == "loading");
}

TEST_CASE("what a tool says where its answers come another way is told like its standard error") {
  Scene scene(kSeveral);
  scene.order(kSeveral, 1, 2);
  scene.bring_up(scene.tools.at(0));
  scene.tell(ToolSaid{scene.tools[0], "loading\n"});
  scene.from_broker(wire::LogsWanted{kSegment, "who asks"});
  REQUIRE(scene.last<wire::NodeLogs>().lines.size() == 1);
  CHECK(scene.last<wire::NodeLogs>().lines.front().text == "loading");
}

TEST_CASE("a question for the words of an unknown segment is answered, with none") {
  Scene scene(kEach);
  scene.from_broker(wire::LogsWanted{{{1, 1}, 7}, "who asks"});
  CHECK(scene.last<wire::NodeLogs>().reply_to == "who asks");
  CHECK(scene.last<wire::NodeLogs>().lines.empty());
}

TEST_CASE("a refusal to join is said once, and the node asks again every few seconds") {
  Scene scene;
  std::size_t refused = 0;
  for (int i = 0; i < 60; ++i) {
    while (refused < scene.count<wire::NodeJoin>()) {
      ++refused;
      scene.from_broker(wire::Refused{"node-join", "a node named 'n' is already here"});
    }
    scene.pass(1);
  }
  CHECK(scene.count<wire::NodeJoin>() >= 15);
  CHECK(scene.count<wire::NodeJoin>() <= 30);
  REQUIRE(scene.said.size() == 1);
  CHECK(scene.said[0].find("a node named 'n' is already here") != std::string::npos);
  scene.from_broker(wire::Refused{"node-join", "another reason"});
  CHECK(scene.said.size() == 2);
  scene.welcome(1);
  CHECK(scene.said.back() == "joined broker at tcp://b:1");
}

TEST_CASE("a broker that does not answer is said once, with where and how long") {
  Scene scene;
  scene.pass(4);
  CHECK(scene.said.empty());
  scene.pass(60);
  REQUIRE(scene.said.size() == 1);
  CHECK(scene.said[0].find("tcp://b:1 for 5 s") != std::string::npos);
  CHECK(scene.said[0].find("keys") != std::string::npos);
  CHECK(scene.count<wire::NodeJoin>() == 65);
  // A connection that the broker refused is dead until it is made anew.
  CHECK(scene.reconnects == 12);
}

TEST_CASE("joining is tried quickly at first, then once a second") {
  Scene scene;
  for (int i = 0; i < 1000; ++i) {
    scene.now = scene.now + 1ms;
    scene.tick();
  }
  CHECK(scene.count<wire::NodeJoin>() == 5);
  scene.pass(10);
  CHECK(scene.count<wire::NodeJoin>() == 15);
}

TEST_CASE("of a broker in the same process nothing is said") {
  NodeCore core({.name = "n", .incarnation = 1});
  Instant now{1s};
  for (int i = 0; i < 60; ++i) {
    for (const Effect& effect : core.tick(now)) {
      CHECK_FALSE(std::holds_alternative<Say>(effect));
      CHECK_FALSE(std::holds_alternative<ReconnectToBroker>(effect));
    }
    now = now + 1s;
  }
}

TEST_CASE("while the broker is away the tools stay warm, and with it their results go on") {
  Scene scene(kWindow);
  scene.bring_up(scene.tools.at(0));
  scene.tell(InletMessage{Scene::lease_of(1, 1, true, 4)});
  scene.pass(20);
  CHECK(scene.said.back().find("no word from the broker at tcp://b:1") != std::string::npos);
  scene.tell(ToolEnded{scene.tools[0], false, 0});
  CHECK(scene.ended.empty());
  CHECK(scene.unbinds == 0);
  const std::size_t before = scene.results.size();
  scene.welcome(1);
  CHECK(scene.results.size() == before + 1);
  CHECK(scene.core.held_results() == 1);
  CHECK(scene.last<wire::NodeReport>().inlets.at(0).leases.size() == 1);
}

TEST_CASE("what is held for a broker that was started anew is dropped, and counted") {
  Scene scene(kWindow);
  scene.bring_up(scene.tools.at(0));
  scene.tell(InletMessage{Scene::lease_of(1, 1, true, 4)});
  scene.tell(InletMessage{Scene::lease_of(1, 2, true, 4)});
  scene.tell(ToolEnded{scene.tools[0], false, 0});
  scene.welcome(2);
  CHECK(scene.core.held_results() == 0);
  CHECK(scene.unbinds == 1);
  REQUIRE_FALSE(scene.said.empty());
  CHECK(scene.said.back().find("2 leases and 1 result") != std::string::npos);
}

TEST_CASE("a broker that does not know the node any more is said once, and joined anew") {
  Scene scene(kEach);
  const std::size_t before = scene.said.size();
  for (int i = 0; i < 5; ++i) {
    scene.from_broker(wire::Refused{"node-report", "this broker does not know the node"});
  }
  CHECK(scene.said.size() == before + 1);
  const std::size_t joins = scene.count<wire::NodeJoin>();
  scene.pass(1);
  CHECK(scene.count<wire::NodeJoin>() == joins + 1);
}

TEST_CASE("messages at an inlet that are no leases are said at most once a second") {
  Scene scene(kEach);
  const std::size_t before = scene.said.size();
  for (int i = 0; i < 10'000; ++i) {
    scene.now = scene.now + 100us;
    scene.tell(InletMessage{wire::NodeLeave{}});
  }
  scene.pass(2);
  CHECK(scene.said.size() <= before + 3);
  CHECK(scene.said.size() >= before + 2);
}

TEST_CASE("any messages and tool events at all leave the node alive") {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](std::uint64_t end) { return random() % end; };
    const bool window = seed % 2 == 0;
    Scene scene(window ? kWindow : kEach);
    AnyMessage any(seed);
    std::uint64_t epoch = 1;
    std::set<ToolId> started;  // Or failed to.
    for (int i = 0; i < 200; ++i) {
      scene.now = scene.now + std::chrono::milliseconds(below(60));
      const ToolId tool = scene.tools.empty() ? ToolId{1} : scene.tools.back();
      switch (below(15)) {
        case 0: {
          wire::Message message = any.make(below(std::variant_size_v<wire::Message>));
          // With it all is over.
          if (std::holds_alternative<wire::Dismissed>(message) && below(20) > 0) break;
          scene.from_broker(std::move(message));
          break;
        }
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
          started.insert(tool);
          scene.bring_up(tool);
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
        case 11:
          scene.order(window ? kWindow : kSeveral, epoch, static_cast<std::uint32_t>(below(4)));
          break;
        case 12:
          if (started.insert(tool).second) scene.tell(ToolStartFailed{tool, "no", below(4) > 0});
          break;
        default:
          scene.tick();
      }
    }
    scene.keep(scene.core.end(NodeCore::Ending::kKill, scene.now));
  }
  SUCCEED();
}
