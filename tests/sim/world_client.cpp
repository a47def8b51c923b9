// The clients of the simulated world.

#include <algorithm>
#include <chrono>

#include "tests/sim/world.h"
#include "tests/sim/world_parts.h"

namespace leat::sim {

namespace {

using namespace std::chrono_literals;

}  // namespace

void World::start_client(std::size_t index) {
  Client& client = *clients_[index];
  client.index = index;
  client.life = schedule_.begin_life();
  client.peer = "client" + std::to_string(index);
  client.left = chance_.below(chance_.one_in(4) ? 300 : 60);
  client.oracle = std::make_unique<Oracle>(path_, has_window_);
  client.core = std::make_unique<client::SessionCore>(client::Settings{
      .deploy = wire::Deploy{.file = "sim.yml", .directory = "/", .spec_text = spec_},
      .pipeline = "sim",
      .producer = client.peer,
      .broker_silence_beats = 1000});
  client.to_broker =
      std::make_unique<Link>(schedule_, chance_, census_, [this, &client](wire::Message message) {
        step_broker(broker::FrontMessage{client.peer, std::move(message)});
      });
  client.from_broker =
      std::make_unique<Link>(schedule_, chance_, census_, [this, &client](wire::Message message) {
        if (client.is_dead) return;
        carry_out(client, client.core->receive(message, schedule_.now()));
        wake_client(client);
      });
  if (chance_.one_in(2)) {
    client.to_broker->set_delay_max(30ms);
    client.from_broker->set_delay_max(30ms);
  }
  peers_[client.peer] = client.from_broker.get();
  later(client, chance_.up_to(2s), [this, &client] {
    carry_out(client, client.core->start(schedule_.now()));
    wake_client(client);
    produce(client);
  });
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

void World::produce(Client& client) {
  if (client.has_ended || client.core->is_over()) return;
  if (client.left == 0 && client.core->is_open()) {
    client.has_ended = true;
    carry_out(client, client.core->end(schedule_.now()));
    return;
  }
  if (client.core->may_submit() && client.left > 0) {
    RecordsBuilder records("\n");
    const std::uint64_t n = std::min(client.left, chance_.between(1, 12));
    for (std::uint64_t i = 0; i < n; ++i) {
      // A bad mark is rare, so that no twenty come in a row.
      const std::string mark(
          1, (habits_.drops ? "................KD"
                            : "................KT")[chance_.below(is_rest_seen_ ? 18 : 17)]);
      const std::string padding(chance_.one_in(10) ? 150 : chance_.below(20), 'x');
      const std::string record =
          client.peer + ":" + std::to_string(client.made++) + " " + mark + padding;
      client.oracle->submitted(record);
      records.add(record);
    }
    client.left -= n;
    carry_out(client, client.core->submit(records.take(), schedule_.now()));
  }
  later(client, chance_.up_to(pace_), [this, &client] { produce(client); });
}

void World::consume(Client& client, const wire::Delivery& delivery) {
  RecordReader reader(delivery.outputs.records);
  while (!reader.is_done()) {
    client.oracle->result(std::string(reader.next()));
  }
  for (const wire::DeadLetter& letter : delivery.dead_letters) {
    ++census_["client gets a dead letter"];
    RecordReader dead(letter.records);
    while (!dead.is_done()) {
      client.oracle->dead_letter(std::string(dead.next()),
                                 letter.stage + ", " + letter.failure.reason);
    }
  }
  const Duration delay = chance_.one_in(5) ? chance_.up_to(2s) : chance_.up_to(1ms);
  later(client, delay, [this, &client, number = delivery.number] {
    carry_out(client, client.core->took(number, schedule_.now()));
  });
}

void World::carry_out(Client& client, const client::Effects& effects) {
  for (const client::Effect& effect : effects) {
    if (const auto* const send = std::get_if<client::SendToBroker>(&effect)) {
      ++census_[std::string("client sends ") + wire::kind_name(send->message)];
      client.to_broker->send(send->message);
    }
    if (const auto* const hand_over = std::get_if<client::HandOver>(&effect)) {
      consume(client, hand_over->delivery);
    }
    if (std::holds_alternative<client::Finish>(effect)) client.is_finished = true;
    if (const auto* const failed = std::get_if<client::Fail>(&effect)) {
      client.is_dead = true;
      ++census_["client is told that its session is gone"];
      if (!may_sessions_fail_) complaint_ = client.peer + " failed: " + failed->reason;
    }
  }
}

}  // namespace leat::sim
