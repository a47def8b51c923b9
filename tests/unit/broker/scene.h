// A broker by hand: peers say things, and what it orders is kept. The nodes in it are good ones:
// they report what they were told to run, and answer their leases when the test says so.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "broker/broker_core.h"

namespace leat::broker::testing {

using namespace std::chrono_literals;

inline const std::string kEach = "pipeline: p\nstages: [{name: a, run: x}]\n";
inline const std::string kFour = "pipeline: p\nstages: [{name: a, run: x, replicas: 4}]\n";

Records records_of(const std::vector<std::string>& texts, const std::string& separator = "\n");

// So many records, each of its number.
Records numbered(std::uint64_t first, std::uint64_t count);

std::vector<std::string> texts_of(const Records& records);

// What sends, or takes results.
struct Opened {
  std::string peer;
  ProducerId id;
  std::uint64_t epoch = 1;
};

class Scene {
 public:
  static Settings settings() { return {.incarnation = 1, .results_address = "r"}; }

  // Of a broker whose pipelines fail for good.
  static Settings for_good() {
    Settings settings = Scene::settings();
    settings.fails_for_good = true;
    return settings;
  }

  explicit Scene(Settings settings = Scene::settings()) : core(std::move(settings)) {}

  // ---- What happens.

  void from(const std::string& peer, wire::Message message);

  void from(const Opened& client, wire::Message message) { from(client.peer, std::move(message)); }

  void result(wire::LeaseResult message);

  void lose(const std::string& peer) { keep(core.step(PeerLost{peer}, now)); }

  void tick() { keep(core.tick(now)); }

  void wait(Duration time);

  // ---- Nodes. Each is its own peer.

  // Joins, and reports.
  void join(const std::string& node, const std::map<std::string, std::string>& labels = {},
            std::uint32_t cores = 1);
  void report(const std::string& node);
  [[nodiscard]] wire::NodeReport report_of(const std::string& node);

  // Nodes m and n join, and have their replicas.
  void deploy_on_two(const std::string& yaml);

  // Joins no more, reports no more.
  void forget(const std::string& node) { nodes.erase(node); }

  // Every node reports, so often.
  void beat(int times = 1);
  // All nodes answer all that they have: each record with itself. Whether there was anything.
  bool work();
  // Reports and answers until nothing moves.
  void settle();
  // A result without anything in it.
  [[nodiscard]] wire::LeaseResult shell(const std::string& node, const wire::Lease& lease);
  // The failure of `count` of the lease's inputs, from `first` on.
  [[nodiscard]] wire::LeaseResult failed(const std::string& node, const wire::Lease& lease,
                                         std::uint64_t first, std::uint32_t count);
  [[nodiscard]] wire::LeaseResult answered(const std::string& node, const wire::Lease& lease,
                                           std::uint64_t first, std::uint32_t inputs,
                                           const std::vector<std::string>& outputs);
  // How many replicas the node was told to run, of the segment or of all.
  [[nodiscard]] std::uint32_t replicas(const std::string& node) const;

  // ---- Clients.

  void deploy(const std::string& text) {
    from("client", wire::Deploy{.file = "f", .directory = "/", .spec_text = text});
  }

  [[nodiscard]] Opened open(const std::string& peer, wire::OpenSession message);
  // Sessions of "p", named as their peers.
  [[nodiscard]] Opened pipe(const std::string& peer);
  [[nodiscard]] Opened sender(const std::string& peer);
  [[nodiscard]] Opened consumer(const std::string& peer, const std::string& group = "g",
                                const std::string& producer = "");
  void submit(const Opened& client, std::uint64_t sequence, Records records);
  void end(const Opened& client, std::uint64_t total);
  void take(const Opened& client, std::uint64_t delivery);
  void close(const Opened& client);
  // Takes all that was delivered.
  void take_all(const Opened& client);

  // ---- What was ordered.

  template <typename Kind>
  [[nodiscard]] std::vector<Kind> sent(const std::string& peer) const {
    std::vector<Kind> all;
    for (const Effect& effect : history) {
      const auto* const send = std::get_if<Send>(&effect);
      if (send == nullptr || send->peer != peer) continue;
      if (const auto* const message = std::get_if<Kind>(&send->message)) all.push_back(*message);
    }
    return all;
  }

  template <typename Kind>
  [[nodiscard]] std::vector<Kind> ordered() const {
    std::vector<Kind> all;
    for (const Effect& effect : history) {
      if (const auto* const order = std::get_if<Kind>(&effect)) all.push_back(*order);
    }
    return all;
  }

  [[nodiscard]] wire::Message last(const std::string& peer) const;
  // The reason of the last refusal that the peer got since the last call; else empty.
  [[nodiscard]] std::string refusal(const std::string& peer);
  [[nodiscard]] std::vector<wire::Lease> leases() const;
  // The records of all deliveries to the peer, each delivery once.
  [[nodiscard]] std::vector<std::string> delivered(const std::string& peer) const;
  [[nodiscard]] bool is_told_the_end(const std::string& peer) const;
  [[nodiscard]] wire::PipelineStatus status(const std::string& pipeline = "p") const;

  struct Node {
    NodeId id;
    std::uint64_t reports = 0;
    std::uint64_t results = 0;
    std::map<SegmentId, wire::OpenInlet> inlets;
    std::vector<wire::Lease> leases;  // Without an answer.
    bool is_dismissed = false;
  };

  BrokerCore core;
  Instant now{1s};
  std::vector<Effect> history;
  std::map<std::string, Node> nodes;

 private:
  void keep(const Effects& effects);
  void obey(Node& node, const wire::Message& message);
  void answer(const std::string& name, const wire::Lease& lease);

  std::map<std::string, std::size_t> refusals_seen_;  // By peer.
};

}  // namespace leat::broker::testing
