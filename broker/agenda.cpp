#include "broker/agenda.h"

namespace leat::broker {

void Agenda::set_deadline(DeploymentId id, std::optional<Instant> at) {
  const auto known = deadlines_.find(id);
  if (known != deadlines_.end()) {
    if (at == known->second) return;
    in_order_.erase({known->second, id});
    deadlines_.erase(known);
  }
  if (!at) return;
  deadlines_.emplace(id, *at);
  in_order_.emplace(*at, id);
}

void Agenda::forget(DeploymentId id) {
  touched_.erase(id);
  set_deadline(id, std::nullopt);
}

std::vector<DeploymentId> Agenda::take_due(Instant now) {
  std::vector<DeploymentId> due;
  while (!in_order_.empty() && in_order_.begin()->first <= now) {
    due.push_back(in_order_.begin()->second);
    set_deadline(due.back(), std::nullopt);
  }
  return due;
}

std::optional<Instant> Agenda::next_deadline() const {
  return in_order_.empty() ? std::nullopt : std::optional(in_order_.begin()->first);
}

}  // namespace leat::broker
