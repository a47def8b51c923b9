#include "broker/broker_core.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/unit/wire/any_message.h"
#include "wire/codec.h"

using leat::Duration;
using leat::Instant;
using leat::Position;
using leat::Records;
using leat::RecordsBuilder;
using leat::Run;
using leat::SegmentId;
using leat::wire::testing::AnyMessage;
using namespace leat::broker;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

const std::string kEach = "pipeline: p\nstages: [{name: a, run: x}]\n";
const std::string kWindow =
    "pipeline: p\nstages: [{name: a, run: x, mode: window, window: {records: 4}}]\n";

Records records_of(const std::vector<std::string>& texts, const std::string& separator = "\n") {
  RecordsBuilder builder(separator);
  for (const std::string& text : texts) {
    builder.add(text);
  }
  return builder.take();
}

// A broker with one client and one node, by hand.
class Scene {
 public:
  explicit Scene(const std::string& spec) {
    from("client", wire::Deploy{.file = "f", .directory = "/", .spec_text = spec});
    join("node");
    from("client", wire::OpenSession{.pipeline = "p", .producer = "c", .epoch = 1});
    const wire::Message opened = last("client");
    const auto* const refused = std::get_if<wire::Refused>(&opened);
    INFO((refused == nullptr ? "" : refused->reason));
    REQUIRE(refused == nullptr);
    producer = std::get<wire::SessionState>(opened).producer;
  }

  void join(const std::string& peer) {
    from(peer, wire::NodeJoin{.name = "n", .incarnation = 5, .cores = 1});
    node = std::get<wire::NodeWelcome>(last(peer)).node;
    from(peer, wire::NodeReport{.number = 1});
    report(peer, 1'000'000);
  }

  void report(const std::string& peer, std::uint64_t leases_max) {
    for (const Effect& effect : std::vector<Effect>(history.begin(), history.end())) {
      const auto* const send = std::get_if<Send>(&effect);
      if (send == nullptr || send->peer != peer) continue;
      if (const auto* const open = std::get_if<wire::OpenInlet>(&send->message)) {
        segment = open->segment;
        epoch = open->epoch;
      }
    }
    wire::NodeReport report{.number = 2};
    report.inlets.push_back(
        {.segment = segment, .epoch = epoch, .address = "here", .leases_max = leases_max});
    from(peer, report);
  }

  void from(const std::string& peer, wire::Message message) {
    keep(core.step(FrontMessage{peer, std::move(message)}, now));
  }

  void result(wire::LeaseResult message) {
    keep(core.step(ResultsMessage{std::move(message)}, now));
  }

  void tick() { keep(core.tick(now)); }

  void submit(std::uint64_t sequence, Records records) {
    from("client", wire::Submit{producer, 1, sequence, std::move(records)});
  }

  wire::Message last(const std::string& peer) const {
    for (auto effect = history.rbegin(); effect != history.rend(); ++effect) {
      const auto* const send = std::get_if<Send>(&*effect);
      if (send != nullptr && send->peer == peer) return send->message;
    }
    return {};
  }

  template <typename Kind>
  std::vector<Kind> sent(const std::string& peer) const {
    std::vector<Kind> all;
    for (const Effect& effect : history) {
      const auto* const send = std::get_if<Send>(&effect);
      if (send == nullptr || send->peer != peer) continue;
      if (const auto* const message = std::get_if<Kind>(&send->message)) all.push_back(*message);
    }
    return all;
  }

  std::vector<wire::Lease> leases() const {
    std::vector<wire::Lease> all;
    for (const Effect& effect : history) {
      if (const auto* const push = std::get_if<PushLease>(&effect)) all.push_back(push->lease);
    }
    return all;
  }

  // The failure, with the lease's inputs from `first` on, of `count` of them.
  wire::LeaseResult failed(const wire::Lease& lease, std::uint64_t first, std::uint32_t count) {
    wire::LeaseResult message = shell(lease);
    message.outputs.runs = {{Position(first), count, 0}};
    message.failures = {{.first = Position(first),
                         .inputs = count,
                         .kind = wire::FailureKind::kExit,
                         .status = 1,
                         .attempts = 3,
                         .reason = "the tool exited with status 1"}};
    return message;
  }

  wire::LeaseResult answered(const wire::Lease& lease, std::uint64_t first, std::uint32_t inputs,
                             const std::vector<std::string>& outputs) {
    wire::LeaseResult message = shell(lease);
    message.outputs.runs = {{Position(first), inputs, static_cast<std::uint32_t>(outputs.size())}};
    message.outputs.records = records_of(outputs);
    return message;
  }

  wire::LeaseResult shell(const wire::Lease& lease) {
    wire::LeaseResult message;
    message.node = node;
    message.segment = lease.segment;
    message.epoch = lease.epoch;
    message.lease = lease.number;
    message.number = ++results;
    message.outputs.producer = producer;
    message.busy_ns = 1000;
    return message;
  }

  void keep(const Effects& effects) {
    history.insert(history.end(), effects.begin(), effects.end());
  }

  BrokerCore core{{.incarnation = 1, .results_address = "r"}};
  Instant now{1s};
  std::vector<Effect> history;
  leat::ProducerId producer;
  leat::NodeId node;
  SegmentId segment;
  std::uint64_t epoch = 0;
  std::uint64_t results = 0;
};

}  // namespace

TEST_CASE("a window that is done late, while it waits for another node, leaves the broker well") {
  Scene scene(kWindow);
  scene.submit(0, records_of({"a", "b", "c", "d"}));
  REQUIRE(scene.leases().size() == 1);
  const wire::Lease lease = scene.leases().front();
  const std::uint64_t old_epoch = scene.epoch;
  scene.now = scene.now + 6s;
  scene.tick();
  scene.from("node", wire::NodeJoin{.name = "n", .incarnation = 5, .cores = 1});
  scene.node = std::get<wire::NodeWelcome>(scene.last("node")).node;
  scene.result(scene.answered(lease, 0, 4, {"abcd"}));
  scene.from("node", wire::NodeReport{.number = 1});
  scene.report("node", 100);
  CHECK(scene.epoch > old_epoch);
  scene.from("client", wire::EndOfInput{scene.producer, 1, 4});
  if (scene.leases().size() == 2) scene.result(scene.answered(scene.leases()[1], 0, 4, {"abcd"}));
  const auto deliveries = scene.sent<wire::Delivery>("client");
  REQUIRE(deliveries.size() >= 1);
  CHECK(deliveries.front().outputs.records.count == 1);
  CHECK(deliveries.back().is_last);
}

TEST_CASE("a result for a part of a window is discarded whole") {
  Scene scene(kWindow);
  scene.submit(0, records_of({"a", "b", "c", "d"}));
  const wire::Lease lease = scene.leases().at(0);
  scene.result(scene.failed(lease, 0, 2));
  scene.result(scene.answered(lease, 2, 2, {"cd"}));
  CHECK(scene.sent<wire::Delivery>("client").empty());
  scene.result(scene.answered(lease, 0, 4, {"abcd"}));
  CHECK(scene.sent<wire::Delivery>("client").at(0).outputs.records.count == 1);
}

TEST_CASE("a window of records with different separators can become a dead letter") {
  Scene scene(kWindow);
  scene.submit(0, records_of({"a", "b"}, "\n"));
  scene.submit(2, records_of({"c", "d"}, "|"));
  scene.from("client", wire::EndOfInput{scene.producer, 1, 4});
  scene.result(scene.failed(scene.leases().at(0), 0, 4));
  const auto deliveries = scene.sent<wire::Delivery>("client");
  REQUIRE(deliveries.size() >= 1);
  std::uint32_t lost = 0;
  for (const auto& delivery : deliveries) {
    for (const auto& letter : delivery.dead_letters) {
      CHECK(letter.records.check());
      lost += letter.records.count;
    }
  }
  CHECK(lost == 4);
}

TEST_CASE("a failure that is told twenty times is one failure") {
  Scene scene(kEach);
  scene.submit(0, records_of(std::vector<std::string>(100, "a")));
  const wire::LeaseResult failed = scene.failed(scene.leases().at(0), 0, 1);
  for (int i = 0; i < 25; ++i) {
    scene.result(failed);
  }
  CHECK(scene.sent<wire::SessionFailed>("client").empty());
}

TEST_CASE("a failed record does not stop the others where memory is short") {
  Scene scene(
      "pipeline: p\nlimits: {record_bytes: 1KiB, queue_bytes: 16KiB}\n"
      "stages: [{name: a, run: x}]\n");
  scene.submit(0, records_of(std::vector<std::string>(20, std::string(1000, 'x'))));
  scene.result(scene.failed(scene.leases().at(0), 0, 1));
  CHECK(scene.leases().size() > 1);
}

TEST_CASE("a window that closes by its age is waited for, where memory is short") {
  Scene scene(
      "pipeline: p\nlimits: {record_bytes: 1KiB, queue_bytes: 16KiB}\n"
      "stages: [{name: a, run: x, mode: window, window: {time: 1s}}]\n");
  scene.submit(0, records_of(std::vector<std::string>(20, std::string(1000, 'x'))));
  CHECK(scene.sent<wire::SessionFailed>("client").empty());
  scene.now = scene.now + 1s;
  scene.tick();
  CHECK(scene.leases().size() == 1);
}

TEST_CASE("any messages at all leave the broker alive") {
  for (std::uint32_t seed = 1; seed <= 150; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](std::size_t end) { return random() % end; };
    Scene scene(seed % 2 == 0 ? kEach : kWindow);
    AnyMessage any(seed);
    std::uint64_t sequence = 0;
    for (int i = 0; i < 150; ++i) {
      scene.now = scene.now + std::chrono::milliseconds(below(300));
      const std::string peer = std::vector<std::string>{"client", "node", "other"}[below(3)];
      const auto leases = scene.leases();
      switch (below(9)) {
        case 0: {
          std::vector<std::string> texts(1 + below(6), "x");
          const std::size_t count = texts.size();
          scene.submit(sequence, records_of(texts, below(2) == 0 ? "\n" : "|"));
          sequence += count;
          break;
        }
        case 1:
          scene.from("client", wire::Taken{scene.producer, 1, below(20), below(2)});
          break;
        case 2:
          scene.from(peer, any.make(below(std::variant_size_v<wire::Message>)));
          break;
        case 3:
          scene.result(
              std::get<wire::LeaseResult>(any.make(wire::Message(wire::LeaseResult{}).index())));
          break;
        case 4:
          scene.tick();
          break;
        case 5:
          scene.report("node", 1000);
          break;
        case 6:
          if (below(4) == 0) scene.from("client", wire::EndOfInput{scene.producer, 1, sequence});
          if (below(4) == 0) scene.from("node", wire::NodeJoin{.name = "n", .incarnation = 5});
          break;
        default: {
          if (leases.empty()) break;
          const wire::Lease& lease =
              leases[leases.size() - 1 - below(std::min<std::size_t>(leases.size(), 4))];
          const std::uint64_t first = below(sequence + 2);
          const auto count = static_cast<std::uint32_t>(1 + below(5));
          const Run& run = lease.slices[below(lease.slices.size())].runs.front();
          wire::LeaseResult result =
              below(2) == 0
                  ? scene.failed(lease, first, count)
                  : scene.answered(lease, first, count, std::vector<std::string>(below(4), "y"));
          if (below(2) == 0) result = scene.failed(lease, run.first.last(), run.inputs);
          result.busy_ns = random();
          scene.result(result);
        }
      }
    }
    CHECK(scene.core.held_bytes() < (std::size_t{1} << 30));
  }
}
