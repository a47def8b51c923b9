// What clients and operators say to the broker, and what they hear.

#include <catch2/catch.hpp>

#include "tests/unit/broker/scene.h"

using namespace leat::broker;
using namespace leat::broker::testing;
namespace wire = leat::wire;

namespace {

using Texts = std::vector<std::string>;

wire::OpenSession opening(wire::SessionUse use, const std::string& name, std::uint64_t epoch = 1) {
  return {.pipeline = "p",
          .producer = name,
          .epoch = epoch,
          .use = use,
          .group = use == wire::SessionUse::kReceive ? "g" : ""};
}

// A pipeline that runs on one node.
Scene running(const std::string& spec = kEach, Settings settings = Scene::settings()) {
  Scene scene(std::move(settings));
  scene.deploy(spec);
  scene.join("n");
  scene.settle();
  return scene;
}

}  // namespace

// ---- Sessions.

TEST_CASE("a pipe gets its own results in its order, and the last one ends it") {
  Scene scene = running();
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 5));
  scene.end(client, 5);
  scene.settle();
  CHECK(scene.delivered("client") == Texts{"0", "1", "2", "3", "4"});
  CHECK(scene.is_told_the_end("client"));
  scene.take_all(client);
  CHECK(scene.status().sessions == 0);
  CHECK(scene.core.held_bytes() == 0);
  scene.take(client, 1);
  CHECK(scene.refusal("client").find("no such session") != std::string::npos);
}

TEST_CASE("what is not accepted is answered with where to go on") {
  Scene scene = running();
  const Opened client = scene.pipe("client");
  scene.submit(client, 7, numbered(0, 1));
  CHECK(std::get<wire::SessionState>(scene.last("client")).next_sequence == 0);
  scene.end(client, 7);
  CHECK_FALSE(std::get<wire::SessionState>(scene.last("client")).has_end);
}

TEST_CASE("of two clients with one name the second is refused") {
  Scene scene = running();
  const Opened first = scene.pipe("client");
  scene.from("other", opening(wire::SessionUse::kPipe, "client"));
  CHECK(scene.refusal("other").find("'client'") != std::string::npos);
  scene.submit(first, 0, numbered(0, 1));
  CHECK(scene.refusal("client").empty());
}

TEST_CASE("the later of two clients has the session, and the other is told") {
  Scene scene = running();
  const Opened first = scene.pipe("client");
  scene.from("other", opening(wire::SessionUse::kPipe, "client", 2));
  CHECK(std::holds_alternative<wire::SessionState>(scene.last("other")));
  scene.submit(first, 0, numbered(0, 1));
  CHECK(scene.refusal("client").find("taken over") != std::string::npos);
}

TEST_CASE("a session of another use is not taken up") {
  Scene scene = running();
  (void)scene.pipe("client");
  scene.from("client", opening(wire::SessionUse::kSend, "client", 2));
  CHECK_FALSE(scene.refusal("client").empty());
}

TEST_CASE("a name belongs to a producer or a consumer, not to both") {
  Scene scene = running();
  (void)scene.sender("x");
  scene.from("y", opening(wire::SessionUse::kReceive, "x"));
  CHECK(scene.refusal("y").find("'x'") != std::string::npos);
  (void)scene.consumer("z");
  scene.from("y", opening(wire::SessionUse::kPipe, "z"));
  CHECK(scene.refusal("y").find("'z'") != std::string::npos);
  CHECK(scene.status().producers == 1);
  CHECK(scene.status().consumers == 1);
}

TEST_CASE("a session without a name or with epoch 0 is refused") {
  Scene scene = running();
  for (const auto use :
       {wire::SessionUse::kPipe, wire::SessionUse::kSend, wire::SessionUse::kReceive}) {
    scene.from("client", opening(use, ""));
    CHECK_FALSE(scene.refusal("client").empty());
    scene.from("client", opening(use, "x", 0));
    CHECK(scene.refusal("client").find("epoch") != std::string::npos);
  }
  CHECK(scene.status().sessions + scene.status().producers + scene.status().consumers == 0);
}

TEST_CASE("a consumer needs a group, and nobody else may have one") {
  Scene scene = running();
  wire::OpenSession message = opening(wire::SessionUse::kReceive, "c");
  message.group = "";
  scene.from("client", message);
  CHECK(scene.refusal("client").find("group") != std::string::npos);
  message = opening(wire::SessionUse::kSend, "c");
  message.group = "g";
  scene.from("client", message);
  CHECK(scene.refusal("client").find("group") != std::string::npos);
  message.group = "";
  message.from = "x";
  scene.from("client", message);
  CHECK_FALSE(scene.refusal("client").empty());
}

TEST_CASE("a session that is not here any more is not begun anew in silence") {
  Scene scene = running();
  scene.from("client", opening(wire::SessionUse::kPipe, "client", 2));
  CHECK(scene.refusal("client").find("not here any more") != std::string::npos);
  wire::OpenSession message = opening(wire::SessionUse::kReceive, "c");
  message.taken = 1;
  scene.from("client", message);
  CHECK(scene.refusal("client").find("not here any more") != std::string::npos);
}

TEST_CASE("taken beyond what was made is refused, and takes nothing") {
  Scene scene = running();
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 1));
  scene.settle();
  scene.take(client, 2);
  CHECK(scene.refusal("client").find("1 made") != std::string::npos);
  CHECK(scene.status().records == 1);
  scene.take(client, 1);
  CHECK(scene.status().records == 0);
  const Opened consumer = scene.consumer("consumer");
  scene.take(consumer, 1);
  CHECK(scene.refusal("consumer").find("0 made") != std::string::npos);
}

TEST_CASE("the answer to a beat tells a sender of no deliveries") {
  Scene scene = running();
  const Opened sender = scene.sender("sender");
  scene.submit(sender, 0, numbered(0, 3));
  scene.settle();
  scene.from(sender, wire::Taken{sender.id, 1, 0, 9});
  const auto state = std::get<wire::SessionState>(scene.last("sender"));
  CHECK(state.beat == 9);
  CHECK(state.next_sequence == 3);
  CHECK(state.deliveries == 0);
}

TEST_CASE("a session is closed once, and the second time there is none") {
  Scene scene = running();
  const Opened pipe = scene.pipe("pipe");
  scene.close(pipe);
  CHECK(scene.refusal("pipe").empty());
  scene.close(pipe);
  CHECK(scene.refusal("pipe").find("no such session") != std::string::npos);
  const Opened consumer = scene.consumer("consumer");
  scene.close(consumer);
  CHECK(scene.refusal("consumer").empty());
  scene.close(consumer);
  CHECK(scene.refusal("consumer").find("no such session") != std::string::npos);
  const Opened sender = scene.sender("sender");
  scene.close(sender);
  scene.close(sender);
  CHECK(scene.status().sessions + scene.status().consumers == 0);
}

TEST_CASE("what a client submitted that closed its session is forgotten, even while it is leased") {
  Scene scene = running();
  const Opened client = scene.pipe("client");
  scene.submit(client, 0, numbered(0, 5));
  REQUIRE_FALSE(scene.nodes.at("n").leases.empty());
  scene.close(client);
  CHECK(scene.core.held_bytes() == 0);
  scene.settle();
  CHECK(scene.delivered("client").empty());
  const Opened next = scene.pipe("next");
  scene.submit(next, 0, numbered(0, 3));
  scene.settle();
  CHECK(scene.delivered("next").size() == 3);
}

TEST_CASE("a client that is silent for too long loses its session") {
  Scene scene = running();
  (void)scene.pipe("client");
  (void)scene.consumer("consumer");
  scene.forget("n");
  scene.wait(29s);
  CHECK(scene.status().sessions == 1);
  scene.wait(1s);
  CHECK(scene.status().sessions == 0);
  CHECK(scene.status().consumers == 0);
}

TEST_CASE("the broker wakes up for a client that goes silent") {
  Scene scene;
  scene.deploy(kEach);
  CHECK_FALSE(scene.core.next_deadline());
  const Opened client = scene.pipe("client");
  CHECK(scene.core.next_deadline() == scene.now + 30s);
  scene.now = scene.now + 10s;
  scene.take(client, 0);
  scene.now = scene.now + 20s;
  scene.tick();
  CHECK(scene.status().sessions == 1);
  REQUIRE(scene.core.next_deadline());
  CHECK(*scene.core.next_deadline() == scene.now + 10s);
  scene.wait(10s);
  CHECK(scene.status().sessions == 0);
  CHECK_FALSE(scene.core.next_deadline());
}

TEST_CASE("there are so many sessions and no more") {
  Settings settings = Scene::settings();
  settings.sessions_max = 2;
  Scene scene(settings);
  scene.deploy(kEach);
  const Opened first = scene.sender("first");
  (void)scene.consumer("second");
  scene.from("third", opening(wire::SessionUse::kPipe, "third"));
  CHECK(scene.refusal("third").find("limit") != std::string::npos);
  // What a sender leaves behind counts as long as it is there.
  scene.close(first);
  scene.from("third", opening(wire::SessionUse::kPipe, "third"));
  CHECK(scene.refusal("third").find("limit") != std::string::npos);
}

// ---- Producers and consumers.

TEST_CASE("what a sender left is worked off, waits, and ends its consumer") {
  Scene scene = running();
  const Opened sender = scene.sender("sender");
  scene.submit(sender, 0, numbered(0, 3));
  scene.end(sender, 3);
  scene.close(sender);
  scene.settle();
  CHECK(scene.status().results == 3);
  CHECK(scene.status().producers == 1);
  CHECK(scene.status().state.find("no consumer") != std::string::npos);
  const Opened consumer = scene.consumer("consumer", "g", "sender");
  CHECK(scene.delivered("consumer") == Texts{"0", "1", "2"});
  scene.take_all(consumer);
  CHECK(scene.is_told_the_end("consumer"));
  CHECK(scene.status().producers == 0);
  CHECK(scene.status().consumers == 0);
  CHECK(scene.core.held_bytes() == 0);
  scene.from("late", opening(wire::SessionUse::kReceive, "late"));
  CHECK(scene.refusal("late").empty());
  wire::OpenSession message = opening(wire::SessionUse::kReceive, "later");
  message.from = "sender";
  scene.from("later", message);
  CHECK(scene.refusal("later").find("is over") != std::string::npos);
}

TEST_CASE("a sender that goes without a word ends after what was accepted") {
  Scene scene = running();
  const Opened sender = scene.sender("sender");
  scene.submit(sender, 0, numbered(0, 2));
  for (int i = 0; i < 31; ++i) {
    scene.beat();
  }
  scene.settle();
  const Opened consumer = scene.consumer("consumer");
  CHECK(scene.delivered("consumer") == Texts{"0", "1"});
  scene.from("sender", opening(wire::SessionUse::kSend, "sender", 2));
  CHECK(scene.refusal("sender").find("2 records") != std::string::npos);
  scene.take_all(consumer);
  (void)scene.sender("sender");
}

TEST_CASE("a dead consumer's deliveries go to another of its group") {
  Scene scene = running();
  const Opened sender = scene.sender("sender");
  const Opened first = scene.consumer("first");
  scene.submit(sender, 0, numbered(0, 2));
  scene.settle();
  CHECK(scene.delivered("first").size() == 2);
  const Opened second = scene.consumer("second");
  CHECK(scene.delivered("second").empty());
  scene.close(first);
  CHECK(scene.delivered("second").size() == 2);
  scene.take_all(second);
  CHECK(scene.status().results == 0);
}

TEST_CASE("two groups get everything, and the slower one decides when it is done") {
  Scene scene = running();
  const Opened first = scene.consumer("first", "g");
  const Opened second = scene.consumer("second", "h");
  const Opened sender = scene.sender("sender");
  scene.submit(sender, 0, numbered(0, 2));
  scene.settle();
  CHECK(scene.delivered("first") == scene.delivered("second"));
  scene.take_all(first);
  CHECK(scene.status().results == 2);
  scene.take_all(second);
  CHECK(scene.status().results == 0);
}

TEST_CASE("an abandoned result holds its producer back, and nothing else") {
  Scene scene = running(
      "pipeline: p\nlimits: {record_bytes: 1KiB, queue_bytes: 16KiB, session_bytes: 4KiB}\n"
      "stages: [{name: a, run: x}]\n");
  const Opened sender = scene.sender("sender");
  std::uint64_t sequence = 0;
  for (int i = 0; i < 50; ++i) {
    scene.submit(sender, sequence, records_of({std::string(1000, 'x')}));
    scene.settle();
    scene.from(sender, wire::Taken{sender.id, 1, 0, 1});
    sequence = scene.sent<wire::SessionState>("sender").back().next_sequence;
  }
  CHECK(sequence < 10);
  CHECK(scene.core.held_bytes() < std::size_t{20} << 10);
  const Opened pipe = scene.pipe("pipe");
  scene.submit(pipe, 0, numbered(0, 1));
  scene.settle();
  CHECK(scene.delivered("pipe").size() == 1);
}

TEST_CASE("what waits for consumers is theirs after the pipeline has failed") {
  Scene scene = running(kEach, Scene::for_good());
  const Opened sender = scene.sender("sender");
  scene.submit(sender, 0, numbered(0, 2));
  scene.settle();
  const wire::OpenInlet inlet = scene.nodes.at("n").inlets.begin()->second;
  scene.from(
      "n",
      wire::StageFailed{
          .segment = inlet.segment, .epoch = inlet.epoch, .stage = "a", .reason = "it is broken"});
  CHECK(scene.status().state.find("it is broken") != std::string::npos);
  CHECK(scene.sent<wire::SessionFailed>("sender").size() == 1);
  const Opened consumer = scene.consumer("consumer");
  CHECK(scene.delivered("consumer") == Texts{"0", "1"});
  scene.take_all(consumer);
  CHECK(scene.status().results == 0);
}

// ---- Operators.

TEST_CASE("what is asked of a pipeline that is not there is refused with its name") {
  Scene scene;
  const std::vector<wire::Message> questions = {
      wire::Describe{"q"},        wire::Scale{"q", "a", 1}, wire::Remove{"q", true},
      wire::LogsRequest{"q", ""}, wire::StatusRequest{"q"}, opening(wire::SessionUse::kPipe, "c")};
  for (wire::Message question : questions) {
    if (auto* const open = std::get_if<wire::OpenSession>(&question)) open->pipeline = "q";
    scene.from("client", question);
    CHECK(scene.refusal("client").find("'q'") != std::string::npos);
  }
  CHECK(scene.history.size() == questions.size());
}

TEST_CASE("a pipeline is described as it was deployed") {
  Scene scene;
  scene.deploy(kEach);
  scene.from("client", wire::Describe{"p"});
  const auto description = std::get<wire::Description>(scene.last("client"));
  CHECK(description.spec_text == kEach);
  CHECK(description.file == "f");
  CHECK(description.directory == "/");
}

TEST_CASE("a stage cannot have no replicas, nor more than the limit") {
  Scene scene = running();
  for (const std::uint32_t replicas : {0U, 1025U, 4294967295U}) {
    scene.from("client", wire::Scale{"p", "a", replicas});
    CHECK(scene.refusal("client").find("1 to 1024") != std::string::npos);
  }
  scene.from("client", wire::Scale{"p", "b", 2});
  CHECK(scene.refusal("client").find("'b'") != std::string::npos);
  scene.deploy("pipeline: news\nstages: [{name: parse, run: x}]\n");
  scene.from("client", wire::Scale{"news", "prase", 2});
  CHECK(scene.refusal("client") == "pipeline 'news' has no stage 'prase'; did you mean 'parse'?");
  scene.from("client", wire::Scale{"new", "parse", 2});
  CHECK(scene.refusal("client").find("or did you mean 'news'?") != std::string::npos);
  scene.from("client", wire::Scale{"p", "a", 1024});
  CHECK(std::get<wire::Done>(scene.last("client")).what == "scale");
  // And one of the other.
  CHECK(scene.replicas("n") == 1025);
}

TEST_CASE("a stage whose tool answers at a fixed path stays one replica") {
  Scene scene = running(
      "pipeline: p\nstages: [{name: a, run: x, preset: {langpack: {pipe: /tmp/algoout}}}]\n");
  scene.from("client", wire::Scale{"p", "a", 2});
  CHECK(scene.refusal("client").find("named pipe /tmp/algoout") != std::string::npos);
  scene.from("client", wire::Scale{"p", "a", 1});
  CHECK(std::get<wire::Done>(scene.last("client")).what == "scale");
}

TEST_CASE("removing a pipeline with records in it needs the word") {
  Scene scene = running();
  const Opened client = scene.pipe("client");
  const Opened consumer = scene.consumer("consumer");
  scene.submit(client, 0, numbered(0, 4));
  scene.from("operator", wire::Remove{"p", false});
  CHECK(scene.refusal("operator").find("4 records") != std::string::npos);
  scene.from("operator", wire::Remove{"p", true});
  CHECK(std::get<wire::Done>(scene.last("operator")).count == 4);
  CHECK(scene.sent<wire::SessionFailed>("client").size() == 1);
  CHECK(scene.sent<wire::SessionFailed>("consumer").size() == 1);
  CHECK(scene.nodes.at("n").inlets.empty());
  CHECK(scene.core.held_bytes() == 0);
  scene.submit(client, 4, numbered(4, 1));
  CHECK(scene.refusal("client").find("no such session") != std::string::npos);
  CHECK(scene.work() == false);
  scene.deploy(kEach);
  scene.settle();
  CHECK(scene.replicas("n") == 1);
}

TEST_CASE("a removed pipeline is not started once more on its way out") {
  Scene scene = running();
  const std::size_t before = scene.sent<wire::OpenInlet>("n").size();
  scene.from("operator", wire::Remove{"p", false});
  CHECK(scene.sent<wire::OpenInlet>("n").size() == before);
  CHECK(scene.sent<wire::CloseInlet>("n").size() == 1);
}

TEST_CASE("a sender that closed its session without a record can be removed") {
  Scene scene = running();
  const Opened sender = scene.sender("sender");
  scene.close(sender);
  scene.settle();
  scene.from("operator", wire::Remove{"p", false});
  CHECK(scene.refusal("operator").empty());
}

TEST_CASE("logs are asked of every node that has the stage, and passed on to who asked") {
  Scene scene = running(kFour);
  scene.join("m");
  scene.settle();
  scene.from("operator", wire::LogsRequest{"p", ""});
  CHECK(std::get<wire::Done>(scene.last("operator")).count == 2);
  const auto wanted = scene.sent<wire::LogsWanted>("m");
  REQUIRE(wanted.size() == 1);
  scene.from("m", wire::NodeLogs{wanted.front().reply_to, "p", "a", {{.text = "hello"}}});
  const auto logs = std::get<wire::Logs>(scene.last("operator"));
  CHECK(logs.node == "m");
  REQUIRE(logs.lines.size() == 1);
  CHECK(logs.lines.front().text == "hello");
}

TEST_CASE("logs of a stage without a node are none, and of an unknown stage refused") {
  Scene scene;
  scene.deploy(kEach);
  scene.from("operator", wire::LogsRequest{"p", "a"});
  CHECK(std::get<wire::Done>(scene.last("operator")).count == 0);
  scene.from("operator", wire::LogsRequest{"p", "b"});
  CHECK(scene.refusal("operator").find("'b'") != std::string::npos);
}

TEST_CASE("logs for nobody, and logs from who is no node, do no harm") {
  Scene scene = running();
  scene.from("n", wire::NodeLogs{"nobody", "p", "a", {{.text = "hello"}}});
  scene.lose("nobody");
  CHECK(scene.core.status("", scene.now).nodes.front().state == "up");
  scene.from("stranger", wire::NodeLogs{"client", "p", "a", {{.text = "hello"}}});
  CHECK_FALSE(scene.refusal("stranger").empty());
  CHECK(scene.sent<wire::Logs>("client").empty());
}

TEST_CASE("a client of another version is refused with both versions") {
  Scene scene;
  scene.deploy(kEach);
  scene.from("client", wire::Deploy{.version = 7, .spec_text = kEach});
  CHECK(scene.refusal("client").find("version 7") != std::string::npos);
  wire::OpenSession message = opening(wire::SessionUse::kPipe, "c");
  message.version = 7;
  scene.from("client", message);
  CHECK(scene.refusal("client").find("version 7") != std::string::npos);
}

TEST_CASE("a message that only a broker sends is refused") {
  Scene scene;
  scene.from("client", wire::BrokerBeat{});
  CHECK_FALSE(scene.refusal("client").empty());
  scene.from("client", wire::Dismissed{});
  CHECK_FALSE(scene.refusal("client").empty());
}
