// The clients of the simulated world: pipes, producers and consumers by the client's own library.

#include <algorithm>
#include <chrono>
#include <string_view>

#include "tests/sim/world.h"
#include "tests/sim/world_parts.h"

namespace leat::sim {

namespace {

using namespace std::chrono_literals;

const char* name_of(wire::SessionUse use) {
  switch (use) {
    case wire::SessionUse::kPipe:
      return "pipe";
    case wire::SessionUse::kSend:
      return "send";
    case wire::SessionUse::kReceive:
      break;
  }
  return "recv";
}

}  // namespace

World::Client& World::add_client(wire::SessionUse use, std::size_t pipeline) {
  clients_.push_back(std::make_unique<Client>());
  Client& client = *clients_.back();
  client.life = schedule_.begin_life();
  client.use = use;
  client.pipeline = pipeline;
  client.peer = name_of(use) + std::to_string(clients_.size());
  if (use == wire::SessionUse::kPipe) {
    client.oracle = std::make_unique<Oracle>(pipelines_[pipeline].shape());
    client.left = chance_.below(chance_.one_in(4) ? 300 : 60);
  } else {
    client.stream = streams_.back().get();
    client.left = use == wire::SessionUse::kSend ? chance_.below(60) : 0;
  }
  if (trouble_ == Trouble::kToolMissingEverywhere) client.tolerated.emplace_back("not found");
  return client;
}

World::Client& World::add_consumer(const std::string& group, const std::string& from) {
  Client& client = add_client(wire::SessionUse::kReceive, 0);
  client.group = group;
  client.from = from;
  if (!from.empty()) client.tolerated.emplace_back("is over, and all its results were taken");
  client.stream->add_consumer(client.peer, group, from);
  return client;
}

void World::start(Client& client) {
  const Blueprint& blueprint = pipelines_[client.pipeline];
  client::Settings settings{.pipeline = blueprint.name,
                            .producer = client.peer,
                            .use = client.use,
                            .group = client.group,
                            .from = client.from,
                            .wants_stderr = wants_stderr(client),
                            .broker_silence_beats = 1000};
  if (is_deployed_by_clients_) {
    settings.deploy =
        wire::Deploy{.file = "sim.yml", .directory = "/", .spec_text = blueprint.text()};
  }
  client.core = std::make_unique<client::SessionCore>(std::move(settings));
  connect(client);
  later(client, chance_.up_to(2s), [this, &client] {
    if (client.is_leaving) return;
    carry_out(client, client.core->start(schedule_.now()));
    wake_client(client);
    if (client.use != wire::SessionUse::kReceive) produce(client);
  });
}

void World::connect(Client& client) {
  client.to_broker =
      std::make_unique<Link>(schedule_, chance_, census_, [this, &client](wire::Message message) {
        step_broker(broker::FrontMessage{client.peer, std::move(message)});
      });
  client.from_broker =
      std::make_unique<Link>(schedule_, chance_, census_, [this, &client](const auto& message) {
        if (!client.is_dead) hear(client, message);
      });
  if (chance_.one_in(2)) {
    client.to_broker->set_delay_max(30ms);
    client.from_broker->set_delay_max(30ms);
  }
  peers_[client.peer] =
      Peer{.link = client.from_broker.get(), .client = &client, .session = client.peer};
}

void World::hear(Client& client, const wire::Message& message) {
  carry_out(client, client.core->receive(message, schedule_.now()));
  if (client.use == wire::SessionUse::kSend) {
    client.stream->accepted(client.peer, client.core->accepted_count());
  }
  wake_client(client);
  if (!client.is_keeper || are_producers_started_) return;
  const bool are_keepers_here =
      std::all_of(clients_.begin(), clients_.end(), [&](const auto& other) {
        return !other->is_keeper || other->stream != client.stream || other->core->is_open();
      });
  if (are_keepers_here) start_producers();
}

void World::wake_client(Client& client) {
  const std::optional<Instant> next = client.core->next_deadline();
  if (!next || (client.wake && *client.wake <= *next)) return;
  client.wake = *next;
  later(client, std::max(*next - schedule_.now(), Duration(0)), [this, &client, at = *next] {
    if (client.wake != at) return;
    client.wake.reset();
    carry_out(client, client.core->tick(schedule_.now()));
    wake_client(client);
  });
}

// ---- What goes in.

std::string World::make_record(const std::string& name, std::uint64_t number) {
  // A bad mark is rare, so that no twenty come in a row.
  const char* const marks = habits_.drops ? "................KD" : "................KT";
  const std::size_t kinds = is_calm_ ? 1 : (is_rest_seen_ ? 18 : 17);
  const std::string mark(1, marks[chance_.below(kinds)]);
  const std::string padding(chance_.one_in(10) ? 150 : chance_.below(20), 'x');
  return name + ":" + std::to_string(number) + " " + mark + padding;
}

void World::produce(Client& client) {
  if (client.has_ended || client.core->is_over()) return;
  if (client.left == 0 && client.core->is_open()) {
    client.has_ended = true;
    carry_out(client, client.core->end(schedule_.now()));
    return;
  }
  if (client.core->may_submit() && client.left > 0) {
    RecordsBuilder records("\n");
    const std::uint64_t n = std::min<std::uint64_t>(client.left, chance_.between(1, 12));
    for (std::uint64_t i = 0; i < n; ++i) {
      const std::string record = make_record(client.peer, client.made++);
      if (client.oracle) client.oracle->submitted(record);
      if (client.stream != nullptr) client.stream->submitted(client.peer, record);
      records.add(record);
    }
    client.left -= n;
    carry_out(client, client.core->submit(records.take(), schedule_.now()));
  }
  if (chance_.one_in(20)) carry_out(client, client.core->ask_status(schedule_.now()));
  later(client, chance_.up_to(pace_), [this, &client] { produce(client); });
}

// ---- What comes out.

bool World::wants_stderr(const Client& client) {
  return client.use == wire::SessionUse::kPipe && client.peer.back() % 2 == 0;
}

// What tools say of a record comes to the client that sent it, and wants it; to nobody else.
void World::check_said(const Client& client, const wire::Delivery& delivery) {
  if (!delivery.said.empty() && !wants_stderr(client)) {
    complain(client.peer + " got what tools said, and had not asked for it");
  }
  for (const wire::StageSaid& one : delivery.said) {
    ++census_["client gets what a tool said"];
    for (std::string_view rest = one.said.text; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      // A window's last output is nobody's record.
      const bool is_named = line.starts_with("on ") && line.find(':') != std::string_view::npos;
      if (!is_named || line.starts_with("on " + client.peer + ":")) continue;
      complain(client.peer + " got what a tool said of another's record: " + std::string(line));
    }
  }
}

void World::consume(Client& client, const wire::Delivery& delivery) {
  check_said(client, delivery);
  if (client.stream != nullptr) client.stream->handed_over(client.peer, delivery);
  if (client.oracle) {
    RecordReader reader(delivery.outputs.records);
    while (!reader.is_done()) {
      client.oracle->result(std::string(reader.next()));
    }
  }
  for (const wire::DeadLetter& letter : delivery.dead_letters) {
    ++census_["client gets a dead letter"];
    if (client.oracle) client.oracle->dead_letters(letter);
  }
  const Duration most = client.stream != nullptr && chance_.one_in(10) ? 10s : 2s;
  const Duration delay = chance_.one_in(5) ? chance_.up_to(most) : chance_.up_to(1ms);
  later(client, delay, [this, &client, number = delivery.number] {
    carry_out(client, client.core->took(number, schedule_.now()));
  });
}

void World::carry_out(Client& client, const client::Effects& effects) {
  for (const client::Effect& effect : effects) {
    ++census_["client effect " + std::to_string(effect.index())];
    if (const auto* const send = std::get_if<client::SendToBroker>(&effect)) {
      client.to_broker->send(send->message);
    }
    if (const auto* const hand_over = std::get_if<client::HandOver>(&effect)) {
      consume(client, hand_over->delivery);
    }
    if (std::holds_alternative<client::Finish>(effect)) client_finished(client);
    if (const auto* const failed = std::get_if<client::Fail>(&effect)) {
      client_failed(client, failed->reason);
    }
  }
}

void World::client_finished(Client& client) {
  client.is_finished = true;
  if (client.use == wire::SessionUse::kSend) {
    client.stream->ended(client.peer, client.core->submitted_count());
  }
  if (client.use != wire::SessionUse::kReceive) return;
  client.stream->finished(client.peer);
  ++census_["a consumer of one producer ends with it"];
}

void World::client_failed(Client& client, const std::string& reason) {
  client.is_dead = true;
  ++census_["a client is told that its session is over"];
  if (!is_tolerated(client.tolerated, reason)) complain(client.peer + " failed: " + reason);
  if (client.use != wire::SessionUse::kReceive) return;
  client.stream->gone(client.peer);
  if (reason.find("is over, and all") != std::string::npos) client.stream->finished(client.peer);
}

void World::close(Client& client) {
  client.is_leaving = true;
  client.stream->gone(client.peer);
  carry_out(client, client.core->close(schedule_.now()));
  wake_client(client);
}

void World::kill_client(Client& client) {
  client.is_dead = true;
  schedule_.end_life(client.life);
  peers_.erase(client.peer);
  if (client.use == wire::SessionUse::kReceive) client.stream->gone(client.peer);
}

void World::tolerate(const std::string& reason) {
  for (const auto& client : clients_) {
    client->tolerated.push_back(reason);
  }
  for (const auto& returner : returners_) {
    returner->tolerated.push_back(reason);
  }
}

bool World::is_tolerated(const std::vector<std::string>& reasons, const std::string& reason) {
  return std::any_of(reasons.begin(), reasons.end(), [&](const std::string& tolerated) {
    return reason.find(tolerated) != std::string::npos;
  });
}

}  // namespace leat::sim
