// Producers of the simulated world that die and come back, with the next epoch.

#include <algorithm>
#include <chrono>

#include "tests/sim/world.h"
#include "tests/sim/world_parts.h"

namespace leat::sim {

namespace {

using namespace std::chrono_literals;

// What the broker says to who comes back after it was given up; the count stands behind it.
constexpr std::string_view kEndedAfter = "input ended after the ";

}  // namespace

void World::start_returner() {
  returners_.push_back(std::make_unique<Returner>());
  Returner& returner = *returners_.back();
  returner.name = "back" + std::to_string(returners_.size());
  returner.stream = streams_.back().get();
  returner.tolerated = {std::string(kEndedAfter), "is not here any more",
                        "there is no such session"};
  if (trouble_ == Trouble::kToolMissingEverywhere) returner.tolerated.emplace_back("not found");
  const std::uint64_t count = chance_.below(60);
  for (std::uint64_t i = 0; i < count; ++i) {
    returner.disk.push_back(make_record(returner.name, i));
    returner.stream->submitted(returner.name, returner.disk.back());
  }
  producers_.push_back(returner.name);
  schedule_.after(chance_.up_to(2s), [this, &returner] { returner_comes(returner); });
}

void World::returner_comes(Returner& returner) {
  if (returner.is_over) return;
  returner.life = schedule_.begin_life();
  ++returner.epoch;
  returner.peer = returner.name + "." + std::to_string(returner.epoch);
  returner.process = std::make_unique<WireProducer>(
      WireProducer::Opening{pipelines_[0].name, returner.name, returner.epoch}, returner.disk);
  returner.to_broker =
      std::make_unique<Link>(schedule_, chance_, census_, [this, &returner](wire::Message message) {
        step_broker(broker::FrontMessage{returner.peer, std::move(message)});
      });
  returner.from_broker =
      std::make_unique<Link>(schedule_, chance_, census_, [this, &returner](const auto& message) {
        if (returner.process) hear(returner, message);
      });
  peers_[returner.peer] = Peer{.link = returner.from_broker.get(), .session = returner.name};
  returner.to_broker->send(returner.process->open());
  later(returner, 1s, [this, &returner] { beat(returner); });
}

void World::beat(Returner& returner) {
  for (const wire::Message& message : returner.process->beat()) {
    returner.to_broker->send(message);
  }
  if (!returner.is_over) later(returner, 1s, [this, &returner] { beat(returner); });
}

void World::hear(Returner& returner, const wire::Message& message) {
  WireProducer& process = *returner.process;
  const std::vector<wire::Message> answers = process.receive(message);
  returner.stream->accepted(returner.name, process.accepted());
  // It works at its own pace.
  later(returner, chance_.up_to(pace_), [&returner, answers] {
    for (const wire::Message& answer : answers) {
      returner.to_broker->send(answer);
    }
  });
  if (!process.is_over() || returner.is_over) return;
  returner.is_over = true;
  const std::optional<std::string>& refusal = process.refusal();
  if (!refusal) {
    if (returner.epoch > 1) ++census_["a producer that came back finishes"];
    return returner.stream->ended(returner.name, process.accepted());
  }
  if (!is_tolerated(returner.tolerated, *refusal)) complain(returner.name + ": " + *refusal);
  const std::size_t at = refusal->find(kEndedAfter);
  if (at == std::string::npos) return;
  ++census_["a producer that came back is told what was accepted"];
  returner.stream->ended(returner.name, std::stoull(refusal->substr(at + kEndedAfter.size())));
}

void World::returner_dies(Returner& returner) {
  ++census_["fault: a producer dies and comes back"];
  schedule_.end_life(returner.life);
  peers_.erase(returner.peer);
  returner.process.reset();
  schedule_.after(chance_.up_to(30s), [this, &returner] { returner_comes(returner); });
}

}  // namespace leat::sim
