// The part of BrokerCore that has to do with stages that are paused: such a stage gets no leases.
// All else goes on: what is leased is finished, replicas stay where they are, or are moved.

#include <set>
#include <utility>

#include "broker/broker_core.h"
#include "broker/changes.h"

namespace leat::broker {

void BrokerCore::receive(const std::string& peer, const wire::Pause& message) {
  Deployment* const deployment = find_pipeline_for(peer, message.pipeline, "pause");
  if (deployment == nullptr) return;
  const spec::Pipeline& pipeline = deployment->pipeline();
  const bool is_known = find_stage(pipeline, message.stage) != pipeline.stages.end();
  if (!message.stage.empty() && !is_known) {
    return refuse(peer, "pause", no_stage(pipeline, message.stage));
  }
  const std::set<std::string> before = deployment->paused();
  for (const spec::Stage& stage : pipeline.stages) {
    if (!message.stage.empty() && stage.name != message.stage) continue;
    if (message.is_paused) {
      deployment->paused().insert(stage.name);
    } else {
      deployment->paused().erase(stage.name);
    }
  }
  effects_.push_back(Send{peer, wire::Done{"pause", 0}});
  if (deployment->paused() == before) return;
  const std::string which = message.stage.empty() ? "" : ": stage '" + message.stage + "'";
  effects_.push_back(Say{"pipeline '" + pipeline.name + "'" + which +
                         (message.is_paused ? " is paused" : " goes on")});
}

}  // namespace leat::broker
