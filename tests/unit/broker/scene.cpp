#include "tests/unit/broker/scene.h"

#include <algorithm>

#include <catch2/catch.hpp>

namespace leat::broker::testing {

Records records_of(const std::vector<std::string>& texts, const std::string& separator) {
  RecordsBuilder builder(separator);
  for (const std::string& text : texts) {
    builder.add(text);
  }
  return builder.take();
}

Records numbered(std::uint64_t first, std::uint64_t count) {
  RecordsBuilder builder("\n");
  for (std::uint64_t i = 0; i < count; ++i) {
    builder.add(std::to_string(first + i));
  }
  return builder.take();
}

std::vector<std::string> texts_of(const Records& records) {
  std::vector<std::string> texts;
  RecordReader reader(records);
  while (!reader.is_done()) {
    texts.emplace_back(reader.next());
  }
  return texts;
}

namespace {

// Of all nodes as of now, for who makes more of them or less while it goes through them.
std::vector<std::string> names_of(const std::map<std::string, Scene::Node>& nodes) {
  std::vector<std::string> names;
  names.reserve(nodes.size());
  for (const auto& [name, node] : nodes) {
    names.push_back(name);
  }
  return names;
}

}  // namespace

// ---- What happens.

void Scene::from(const std::string& peer, wire::Message message) {
  keep(core.step(FrontMessage{peer, std::move(message)}, now));
}

void Scene::result(wire::LeaseResult message) {
  keep(core.step(ResultsMessage{std::move(message)}, now));
}

void Scene::wait(Duration time) {
  now = now + time;
  tick();
}

void Scene::keep(const Effects& effects) {
  history.insert(history.end(), effects.begin(), effects.end());
  for (const Effect& effect : effects) {
    if (const auto* const send = std::get_if<Send>(&effect)) {
      const auto node = nodes.find(send->peer);
      if (node != nodes.end()) obey(node->second, send->message);
    }
    const auto* const push = std::get_if<PushLease>(&effect);
    if (push == nullptr) continue;
    for (auto& [name, node] : nodes) {
      if (node.id == push->node) node.leases.push_back(push->lease);
    }
  }
}

// ---- Nodes.

void Scene::join(const std::string& node, const std::map<std::string, std::string>& labels,
                 std::uint32_t cores) {
  nodes[node] = {};
  from(node, wire::NodeJoin{.name = node, .incarnation = 5, .cores = cores, .labels = labels});
  report(node);
}

void Scene::obey(Node& node, const wire::Message& message) {
  if (const auto* const welcome = std::get_if<wire::NodeWelcome>(&message)) {
    node.id = welcome->node;
  } else if (const auto* const open = std::get_if<wire::OpenInlet>(&message)) {
    node.inlets[open->segment] = *open;
  } else if (const auto* const close = std::get_if<wire::CloseInlet>(&message)) {
    node.inlets.erase(close->segment);
    std::erase_if(node.leases,
                  [&](const wire::Lease& lease) { return lease.segment == close->segment; });
  } else if (std::holds_alternative<wire::Dismissed>(message)) {
    node.is_dismissed = true;
  }
}

wire::NodeReport Scene::report_of(const std::string& node) {
  Node& reporter = nodes.at(node);
  wire::NodeReport report{.number = ++reporter.reports};
  for (const auto& [segment, inlet] : reporter.inlets) {
    report.inlets.push_back({.segment = segment,
                             .epoch = inlet.epoch,
                             .address = "inlet of " + node,
                             .leases_max = 1'000'000,
                             .replicas = inlet.replicas,
                             .replicas_ready = inlet.replicas});
    for (const wire::Lease& lease : reporter.leases) {
      const bool is_here = lease.segment == segment && lease.epoch == inlet.epoch;
      if (is_here) report.inlets.back().leases.push_back({lease.number, 1});
    }
  }
  return report;
}

void Scene::report(const std::string& node) {
  from(node, report_of(node));
}

void Scene::beat(int times) {
  for (int i = 0; i < times; ++i) {
    now = now + 1s;
    for (const std::string& name : names_of(nodes)) {
      report(name);
    }
    tick();
  }
}

wire::LeaseResult Scene::shell(const std::string& node, const wire::Lease& lease) {
  Node& sender = nodes.at(node);
  wire::LeaseResult message;
  message.node = sender.id;
  message.segment = lease.segment;
  message.epoch = lease.epoch;
  message.lease = lease.number;
  message.number = ++sender.results;
  message.outputs.producer = lease.slices.front().producer;
  message.busy_ns = 1000;
  return message;
}

wire::LeaseResult Scene::failed(const std::string& node, const wire::Lease& lease,
                                std::uint64_t first, std::uint32_t count) {
  wire::LeaseResult message = shell(node, lease);
  message.outputs.runs = {{Position(first), count, 0}};
  message.failures = {{.first = Position(first),
                       .inputs = count,
                       .kind = wire::FailureKind::kExit,
                       .status = 1,
                       .attempts = 3,
                       .reason = "the tool exited with status 1"}};
  return message;
}

wire::LeaseResult Scene::answered(const std::string& node, const wire::Lease& lease,
                                  std::uint64_t first, std::uint32_t inputs,
                                  const std::vector<std::string>& outputs) {
  wire::LeaseResult message = shell(node, lease);
  message.outputs.runs = {{Position(first), inputs, static_cast<std::uint32_t>(outputs.size())}};
  message.outputs.records = records_of(outputs);
  return message;
}

void Scene::answer(const std::string& name, const wire::Lease& lease) {
  wire::LeaseResult message = shell(name, lease);
  std::vector<Records> parts;
  // A window is answered whole, whatever its records were ended by.
  if (lease.window) {
    RecordsBuilder builder("\n");
    for (const Batch& slice : lease.slices) {
      message.outputs.runs.insert(message.outputs.runs.end(), slice.runs.begin(), slice.runs.end());
      for (RecordReader reader(slice.records); !reader.is_done();) {
        builder.add(reader.next());
      }
    }
    message.outputs.records = builder.take();
    return result(std::move(message));
  }
  for (const Batch& slice : lease.slices) {
    const bool is_other = !parts.empty() && slice.records.separator != parts.front().separator;
    if (is_other) {
      message.outputs.records = leat::join(std::exchange(parts, {}));
      result(std::exchange(message, shell(name, lease)));
    }
    message.outputs.runs.insert(message.outputs.runs.end(), slice.runs.begin(), slice.runs.end());
    parts.push_back(slice.records);
  }
  message.outputs.records = leat::join(parts);
  result(std::move(message));
}

bool Scene::work() {
  bool has_worked = false;
  for (const std::string& name : names_of(nodes)) {
    const std::vector<wire::Lease> leases = std::exchange(nodes.at(name).leases, {});
    for (const wire::Lease& lease : leases) {
      answer(name, lease);
      has_worked = true;
    }
  }
  return has_worked;
}

void Scene::deploy_on_two(const std::string& yaml) {
  deploy(yaml);
  join("m");
  join("n");
  settle();
}

void Scene::settle() {
  for (int i = 0; i < 1000; ++i) {
    beat();
    if (!work() && i > 3) return;
  }
  FAIL("it never comes to rest");
}

std::uint32_t Scene::replicas(const std::string& node) const {
  std::uint32_t sum = 0;
  for (const auto& [segment, inlet] : nodes.at(node).inlets) {
    sum += inlet.replicas;
  }
  return sum;
}

// ---- Clients.

Opened Scene::open(const std::string& peer, wire::OpenSession message) {
  from(peer, message);
  std::optional<ProducerId> id;
  for (const auto& state : sent<wire::SessionState>(peer)) {
    id = state.producer;
  }
  INFO(refusal(peer));
  REQUIRE(id);
  return {peer, *id, message.epoch};
}

Opened Scene::pipe(const std::string& peer) {
  return open(peer, {.pipeline = "p", .producer = peer, .epoch = 1});
}

Opened Scene::sender(const std::string& peer) {
  return open(peer,
              {.pipeline = "p", .producer = peer, .epoch = 1, .use = wire::SessionUse::kSend});
}

Opened Scene::consumer(const std::string& peer, const std::string& group,
                       const std::string& producer) {
  return open(peer, {.pipeline = "p",
                     .producer = peer,
                     .epoch = 1,
                     .use = wire::SessionUse::kReceive,
                     .group = group,
                     .from = producer});
}

void Scene::submit(const Opened& client, std::uint64_t sequence, Records records) {
  from(client, wire::Submit{client.id, client.epoch, sequence, std::move(records)});
}

void Scene::end(const Opened& client, std::uint64_t total) {
  from(client, wire::EndOfInput{client.id, client.epoch, total});
}

void Scene::take(const Opened& client, std::uint64_t delivery) {
  from(client, wire::Taken{client.id, client.epoch, delivery, 0});
}

void Scene::close(const Opened& client) {
  from(client, wire::CloseSession{client.id, client.epoch});
}

void Scene::take_all(const Opened& client) {
  std::uint64_t taken = 0;
  while (true) {
    std::uint64_t made = 0;
    for (const wire::Delivery& delivery : sent<wire::Delivery>(client.peer)) {
      if (delivery.producer == client.id) made = std::max(made, delivery.number);
    }
    if (made == taken) return;
    taken = made;
    take(client, made);
  }
}

// ---- What was ordered.

wire::Message Scene::last(const std::string& peer) const {
  for (auto effect = history.rbegin(); effect != history.rend(); ++effect) {
    const auto* const send = std::get_if<Send>(&*effect);
    if (send != nullptr && send->peer == peer) return send->message;
  }
  return {};
}

std::string Scene::refusal(const std::string& peer) {
  const auto refusals = sent<wire::Refused>(peer);
  const std::size_t seen = std::exchange(refusals_seen_[peer], refusals.size());
  return refusals.size() > seen ? refusals.back().reason : "";
}

std::vector<wire::Lease> Scene::leases() const {
  std::vector<wire::Lease> all;
  for (const PushLease& push : ordered<PushLease>()) {
    all.push_back(push.lease);
  }
  return all;
}

std::vector<std::string> Scene::delivered(const std::string& peer) const {
  std::vector<std::string> texts;
  std::set<std::pair<ProducerId, std::uint64_t>> seen;
  for (const wire::Delivery& delivery : sent<wire::Delivery>(peer)) {
    if (!seen.emplace(delivery.producer, delivery.number).second) continue;
    for (std::string& text : texts_of(delivery.outputs.records)) {
      texts.push_back(std::move(text));
    }
  }
  return texts;
}

bool Scene::is_told_the_end(const std::string& peer) const {
  const auto deliveries = sent<wire::Delivery>(peer);
  return std::any_of(deliveries.begin(), deliveries.end(),
                     [](const wire::Delivery& delivery) { return delivery.is_last; });
}

wire::PipelineStatus Scene::status(const std::string& pipeline) const {
  const wire::Status all = core.status(pipeline, now);
  REQUIRE(all.pipelines.size() == 1);
  return all.pipelines.front();
}

}  // namespace leat::broker::testing
