// Agenda knows which deployments have something to do, so that idle ones cost nothing: those that
// were touched, and those whose time has come.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/ids.h"
#include "core/time.h"

namespace leat::broker {

class Agenda {
 public:
  // It is to be looked after before the step is over.
  void touch(DeploymentId id) { touched_.insert(id); }

  // The touched ones, each once.
  [[nodiscard]] std::set<DeploymentId> take_touched() { return std::exchange(touched_, {}); }

  // When it has something to do without being touched; nothing takes back what was said before.
  void set_deadline(DeploymentId id, std::optional<Instant> at);

  // It is gone.
  void forget(DeploymentId id);

  // Those whose time has come; their deadlines are over.
  [[nodiscard]] std::vector<DeploymentId> take_due(Instant now);

  [[nodiscard]] std::optional<Instant> next_deadline() const;

 private:
  std::set<DeploymentId> touched_;
  std::map<DeploymentId, Instant> deadlines_;
  std::set<std::pair<Instant, DeploymentId>> in_order_;  // The same.
};

}  // namespace leat::broker
