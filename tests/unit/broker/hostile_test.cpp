// Peers that say anything at all, in any order: the broker lives, holds no more than it may, says
// nothing that a peer could not read, refuses a message once, and works for who is honest.

#include <algorithm>
#include <limits>
#include <random>

#include <catch2/catch.hpp>

#include "tests/unit/broker/scene.h"
#include "tests/unit/wire/any_message.h"
#include "wire/codec.h"

using leat::Instant;
using leat::ProducerId;
using leat::Run;
using leat::wire::testing::AnyMessage;
using namespace leat::broker;
using namespace leat::broker::testing;
namespace wire = leat::wire;

namespace {

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

const std::string kNarrow = "pipeline: r\nlimits: {record_bytes: 1KiB, queue_bytes: 16KiB}\n";

// Versions of three pipelines: alike, not alike, and of every kind of stage.
const std::vector<std::string> kSpecs = {
    "pipeline: p\nstages: [{name: a, run: x}]\n",
    "pipeline: p\nstages: [{name: a, run: y, replicas: 4}]\n",
    "pipeline: p\nstages: [{name: a, run: x}, {name: b, run: x, replicas: 2}]\n",
    "pipeline: p\nstages: [{name: a, run: x, nodes: {gpu: 'true'}}]\n",
    "pipeline: q\nstages: [{name: a, run: x, mode: window, window: {records: 3}}]\n",
    "pipeline: q\nstages: [{name: a, run: x, mode: window, window: all, replicas: 2}]\n",
    "pipeline: q\nstages: [{name: a, run: x, mode: window, window: {time: 1s}}]\n",
    kNarrow + "stages: [{name: a, run: x, on_error: drop, replicas: 3}, {name: b, run: x}]\n",
    kNarrow + "stages: [{name: a, run: x, on_error: stop}, {name: b, run: x}]\n",
    "pipeline: r\nstages: []\n",
    "no yaml: [",
};

// What came to pass, so that nobody believes in a storm that was none.
using Census = std::map<std::string, std::size_t>;

class Storm {
 public:
  Storm(std::uint32_t seed, Census& census)
      : census_(census), random_(seed), any_(seed), scene(settings(seed)) {
    scene.deploy(kSpecs[0]);
    scene.deploy(kSpecs[4]);
    scene.deploy(kSpecs[7]);
    for (const char* const node : {"n1", "n2", "n3"}) {
      scene.join(node);
    }
  }

  static Settings settings(std::uint32_t seed) {
    return {.incarnation = 1,
            .results_address = "r",
            .nodes_max = 5,
            .deployments_max = 3,
            .sessions_max = 6,
            .fails_for_good = seed % 2 == 0};
  }

  // Something happens; what is ordered is looked at.
  void strike() {
    const std::size_t before = scene.history.size();
    scene.now = scene.now + std::chrono::milliseconds(below(100));
    if (scene.now >= next_beat_) live_on();
    const std::size_t struck = scene.history.size();
    strike_once();
    look(before, struck);
    if (below(20) == 0) look_at_status();
  }

  // After all of that an honest client gets what it should.
  void heal() {
    for (const char* const name : {"p", "q", "r"}) {
      scene.from("operator", wire::Remove{name, true});
    }
    for (int i = 0; i < 7; ++i) {
      scene.wait(1s);
    }
    CHECK(scene.core.held_bytes() == 0);
    CHECK(scene.core.status("", scene.now).nodes.empty());
    CHECK(scene.core.status("", scene.now).pipelines.empty());
    CHECK_FALSE(scene.core.next_deadline());
    scene.nodes.clear();
    scene.history.clear();
    scene.deploy(kSpecs[1]);
    scene.join("fresh");
    const Opened client = scene.pipe("honest");
    scene.submit(client, 0, numbered(0, 20));
    scene.end(client, 20);
    scene.settle();
    CHECK(scene.delivered("honest") == texts_of(numbered(0, 20)));
    CHECK(scene.is_told_the_end("honest"));
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }

  template <typename T>
  T one_of(const std::vector<T>& choices) {
    return choices[below(choices.size())];
  }

  std::string peer() { return one_of<std::string>({"c1", "c2", "c3", "n1", "n2", "n3", "x", ""}); }

  std::string pipeline() { return one_of<std::string>({"p", "q", "r", "r", "none", ""}); }

  std::string name() { return one_of<std::string>({"c1", "c2", "c3", "n1", "", long_name()}); }

  std::uint64_t count() { return one_of<std::uint64_t>({0, 1, 2, 3, 9, kHuge >> 1, kHuge}); }

  static std::string long_name() { return std::string(1024, 'n'); }

  // What goes on in spite of all: nodes report, or join, and what is not there is deployed.
  void live_on() {
    next_beat_ = scene.now + 1s;
    for (const char* const node : {"n1", "n2", "n3"}) {
      if (below(20) == 0) continue;
      scene.report(node);
      const bool is_refused = std::holds_alternative<wire::Refused>(scene.last(node));
      if (is_refused) scene.join(node, {{"gpu", below(2) == 0 ? "true" : "false"}}, 1 + below32(8));
    }
    for (const std::size_t first : {0U, 4U, 7U}) {
      if (below(4) == 0) scene.deploy(kSpecs[first + below(3)]);
    }
    scene.tick();
  }

  std::uint32_t below32(std::uint32_t end) { return static_cast<std::uint32_t>(below(end)); }

  // One of the sessions that were opened lately; its state as it was told last.
  wire::SessionState session() {
    if (recent_.empty()) return {};
    const std::size_t i = recent_.size() - 1 - below(std::min<std::size_t>(recent_.size(), 5));
    return sessions_.at(recent_[i]).second;
  }

  std::string owner_of(const ProducerId& id) {
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? "c1" : found->second.first;
  }

  void keep(const std::string& peer, const wire::SessionState& state) {
    if (!sessions_.contains(state.producer)) recent_.push_back(state.producer);
    sessions_[state.producer] = {peer, state};
  }

  wire::Message from_operator() {
    switch (below(8)) {
      case 0:
      case 1:
        return wire::Deploy{.file = "f", .directory = "/", .spec_text = one_of(kSpecs)};
      case 2:
        return wire::Scale{pipeline(), one_of<std::string>({"a", "b", "", "zz"}),
                           one_of<std::uint32_t>({0, 1, 1, 2, 4, 1024, 1025, 4294967295U})};
      case 3:
        return below(8) == 0
                   ? wire::Message(wire::Drain{one_of<std::string>({"n1", "n2", "n3", "", "zz"})})
                   : wire::Message(wire::Describe{pipeline()});
      case 4:
        return below(10) == 0 ? wire::Message(wire::Remove{pipeline(), below(2) == 0})
                              : wire::Message(wire::StatusRequest{pipeline()});
      case 5:
        return wire::LogsRequest{pipeline(), one_of<std::string>({"a", "b", "", "zz"})};
      default:
        return any_.make(below(std::variant_size_v<wire::Message>));
    }
  }

  void strike_client() {
    if (below(8) == 0 || recent_.empty()) {
      const std::string client = one_of<std::string>({"c1", "c2", "c3"});
      wire::OpenSession open{.pipeline = pipeline(),
                             .producer = below(6) == 0 ? name() : client,
                             .epoch = below(4) == 0 ? count() : 1,
                             .taken = below(8) == 0 ? count() : 0,
                             .use = static_cast<wire::SessionUse>(below(3)),
                             .group = below(8) == 0 ? name() : "",
                             .from = below(8) == 0 ? name() : ""};
      if (open.use == wire::SessionUse::kReceive) {
        open.producer = "recv " + open.producer;
        open.group = one_of<std::string>({"g", "g", "h", "", long_name()});
      }
      scene.from(client, open);
      return;
    }
    wire::SessionState state = session();
    const std::string who = below(20) == 0 ? peer() : owner_of(state.producer);
    if (below(20) == 0) state.epoch = count();
    switch (below(8)) {
      case 0:
      case 1:
      case 2: {
        const std::uint64_t sequence = below(10) == 0 ? count() >> 1 : state.next_sequence;
        scene.from(who, wire::Submit{state.producer, state.epoch, sequence,
                                     records_of(std::vector<std::string>(
                                                    below(6), std::string(below(2000), 'x')),
                                                below(2) == 0 ? "\n" : "|")});
        break;
      }
      case 3:
      case 4:
      case 5:
        scene.from(who, wire::Taken{state.producer, state.epoch,
                                    below(5) == 0 ? count() : state.deliveries, 1});
        break;
      case 6:
        if (below(4) != 0) return;
        scene.from(who, wire::EndOfInput{state.producer, state.epoch,
                                         below(3) == 0 ? count() : state.next_sequence});
        break;
      default:
        if (below(6) == 0) scene.from(who, wire::CloseSession{state.producer, state.epoch});
    }
  }

  void strike_node() {
    const std::string node = one_of<std::string>({"n1", "n2", "n3"});
    wire::NodeReport report = scene.report_of(node);
    switch (below(9)) {
      case 0:
      case 1:
      case 2:
        break;
      case 3:
        scene.from(below(2) == 0 ? node : peer(),
                   wire::NodeJoin{.name = below(3) == 0 ? name() : node,
                                  .incarnation = below(4) == 0 ? 6U : 5U,
                                  .cores = one_of<std::uint32_t>({0, 1, 4, 4294967295U}),
                                  .labels = {{"gpu", below(2) == 0 ? "true" : "false"}}});
        return;
      case 4:
        if (report.inlets.empty() || below(10) != 0) return;
        scene.from(node, wire::StageFailed{.segment = one_of(report.inlets).segment,
                                           .epoch = one_of(report.inlets).epoch,
                                           .stage = "a",
                                           .reason = std::string(below(2) * 65536, 'r'),
                                           .stderr_tail = std::string(below(2) << 20, 't')});
        return;
      case 5:
        if (below(20) == 0) scene.from(node, wire::NodeLeave{});
        return;
      case 6:
        scene.from(node,
                   wire::NodeLogs{peer(), "p", "a", {{.text = std::string(below(2) << 20, 't')}}});
        return;
      case 7:
        if (report.inlets.empty()) return;
        scene.from(node, wire::InletCredit{one_of(report.inlets).segment,
                                           one_of(report.inlets).epoch, count()});
        return;
      default:
        if (below(4) == 0) corrupt(report);
    }
    scene.from(node, report);
  }

  void corrupt(wire::NodeReport& report) {
    report.number = count();
    for (wire::InletReport& inlet : report.inlets) {
      switch (below(6)) {
        case 0:
          inlet.segment.index += static_cast<std::uint32_t>(below(3));
          break;
        case 1:
          inlet.epoch = count();
          break;
        case 2:
          inlet.replicas = static_cast<std::uint32_t>(count());
          inlet.replicas_ready = static_cast<std::uint32_t>(count());
          break;
        case 3:
          inlet.address = one_of<std::string>({"", "elsewhere", long_name()});
          break;
        case 4:
          inlet.leases = {{1 + below(3), kHuge >> 2}};
          inlet.leases_max = count();
          break;
        default:
          inlet.leases.clear();
          inlet.restarts = {{name(), count()}, {name(), count()}};
          inlet.retried = count();
      }
    }
    if (!report.inlets.empty() && below(2) == 0) report.inlets.push_back(report.inlets.front());
    if (!report.inlets.empty() && below(3) == 0) report.inlets.pop_back();
  }

  void strike_result() {
    if (below(6) == 0) {
      const std::size_t kind = wire::Message(wire::LeaseResult{}).index();
      scene.result(std::get<wire::LeaseResult>(any_.make(kind)));
      return;
    }
    const std::vector<wire::Lease> leases = scene.leases();
    if (leases.empty()) return;
    const std::size_t back = below(std::min<std::size_t>(leases.size(), 6));
    const wire::Lease& lease = leases[leases.size() - 1 - back];
    const Run run = one_of(lease.slices).runs.front();
    const std::string node = one_of<std::string>({"n1", "n2", "n3"});
    const std::uint64_t first = below(3) == 0 ? below(30) : run.first.last();
    const auto inputs = static_cast<std::uint32_t>(below(3) == 0 ? 1 + below(5) : run.inputs);
    wire::LeaseResult result =
        below(2) == 0
            ? scene.failed(node, lease, first, inputs)
            : scene.answered(node, lease, first, inputs, std::vector<std::string>(below(4), "y"));
    if (below(3) == 0) {
      result = scene.shell(node, lease);
      for (const wire::Lease& whole : leases) {
        if (whole.number != lease.number || whole.epoch != lease.epoch) continue;
        for (const auto& slice : whole.slices) {
          result.outputs.runs.insert(result.outputs.runs.end(), slice.runs.begin(),
                                     slice.runs.end());
        }
        break;
      }
      for (Run& each : result.outputs.runs) {
        each.outputs = 0;
      }
    }
    result.busy_ns = count();
    if (below(5) == 0) result.epoch = count();
    if (below(5) == 0) result.lease = count();
    scene.result(result);
  }

  void strike_once() {
    switch (below(16)) {
      case 0:
        scene.from(peer(), from_operator());
        break;
      case 1:
        if (below(2) == 0) scene.lose(peer());
        break;
      case 2:
        scene.tick();
        if (below(100) == 0) scene.wait(10s);
        break;
      case 3:
      case 4:
      case 5:
        scene.work();
        break;
      case 6:
        strike_node();
        break;
      case 7:
      case 8:
      case 9:
      case 10:
      case 11:
      case 12:
        strike_client();
        break;
      default:
        strike_result();
    }
  }

  // `struck`: where the effects of the last strike begin.
  void look(std::size_t before, std::size_t struck) {
    std::map<std::string, std::size_t> refusals;
    for (std::size_t i = before; i < scene.history.size(); ++i) {
      if (std::holds_alternative<PushLease>(scene.history[i])) ++census_["lease"];
      const auto* const send = std::get_if<Send>(&scene.history[i]);
      if (send == nullptr) continue;
      ++census_[wire::kind_name(send->message)];
      if (const auto* const state = std::get_if<wire::SessionState>(&send->message)) {
        keep(send->peer, *state);
      }
      if (const auto* const delivery = std::get_if<wire::Delivery>(&send->message)) {
        census_["dead letters"] += delivery->dead_letters.size();
        census_["dropped"] += delivery->dropped;
        census_["from"] += delivery->from.empty() ? 0U : 1U;
        census_["last"] += delivery->is_last ? 1U : 0U;
      }
      const auto decoded = wire::decode(wire::encode(send->message));
      INFO((decoded ? "" : decoded.error().message));
      REQUIRE(decoded);
      const auto* const refused = std::get_if<wire::Refused>(&send->message);
      if (refused == nullptr) continue;
      REQUIRE_FALSE(refused->what.empty());
      REQUIRE_FALSE(refused->reason.empty());
      if (i >= struck) ++refusals[send->peer];
    }
    for (const auto& [who, times] : refusals) {
      REQUIRE(times == 1);
    }
    REQUIRE(scene.core.held_bytes() < (std::size_t{64} << 20));
    // What was said long ago is not looked at again.
    if (scene.history.size() > 3000) {
      scene.history.erase(scene.history.begin(), scene.history.begin() + 1500);
    }
  }

  void look_at_status() {
    const auto decoded = wire::decode(wire::encode(scene.core.status("", scene.now)));
    INFO((decoded ? "" : decoded.error().message));
    REQUIRE(decoded);
  }

  Census& census_;
  std::mt19937 random_;
  AnyMessage any_;
  Instant next_beat_;
  std::map<ProducerId, std::pair<std::string, wire::SessionState>> sessions_;  // With their peers.
  std::vector<ProducerId> recent_;

 public:
  Scene scene;
};

}  // namespace

TEST_CASE("after any messages at all the broker works for an honest client") {
  Census census;
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    Storm storm(seed, census);
    for (int i = 0; i < 400; ++i) {
      storm.strike();
    }
    storm.heal();
  }
  for (const char* const what : {"lease", "delivery", "last", "from", "deployed", "dismissed",
                                 "logs", "refused", "session-failed"}) {
    INFO(what);
    CHECK(census[what] > 0);
  }
}

TEST_CASE("every kind of message from everybody, twice, is answered without harm") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    Census census;
    Storm storm(seed, census);
    AnyMessage any(seed);
    for (std::size_t kind = 0; kind < std::variant_size_v<wire::Message>; ++kind) {
      for (const char* const peer : {"c1", "n1", "stranger"}) {
        const wire::Message message = any.make(kind);
        storm.scene.from(peer, message);
        storm.scene.from(peer, message);
      }
    }
    storm.heal();
  }
}
