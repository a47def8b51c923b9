// Watch sees what goes over the wire, and complains of what may not be at any moment, whatever
// comes of it:
//  (1) Credit never shrinks, and no lease is beyond it.
//  (2) The leases of an inlet are numbered from 1 on without gaps.
//  (3) A stage that takes records in order is connected on one node at a time, and is given each
//      producer's records in order.
//  (4) What a session was told of its standing never goes back.
//  (5) A stage that is paused is given no lease, and is told as paused.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "core/ids.h"
#include "core/position.h"
#include "wire/messages.h"

namespace leat::sim {

class Watch {
 public:
  void node_sends(const wire::Message& message);
  void broker_hears(const wire::Message& message);
  void broker_sends(const wire::Message& message);
  void lease_pushed(const wire::Lease& lease);
  void inlet_connected(NodeId node, SegmentId segment, std::uint64_t epoch);
  void inlet_disconnected(NodeId node, SegmentId segment);

  // The broker has processed an operator's word on a stage, the stage'th of its pipeline.
  void stage_paused(const std::string& pipeline, std::size_t stage);
  void stage_resumed(const std::string& pipeline, std::size_t stage);
  void pipeline_removed(const std::string& pipeline);

  // By pipeline.
  [[nodiscard]] const std::map<std::string, std::set<std::size_t>>& paused() const {
    return paused_;
  }

  // The broker is another one: it knows nothing of the old one's connections.
  void broker_died() {
    connected_.clear();
    paused_.clear();
  }

  // The first thing that was wrong.
  [[nodiscard]] const std::optional<std::string>& complaint() const { return complaint_; }

 private:
  using InletKey = std::pair<SegmentId, std::uint64_t>;  // With its epoch.

  void complain(std::string what) {
    if (!complaint_) complaint_ = std::move(what);
  }

  void check_paused(const wire::PipelineStatus& status);
  [[nodiscard]] bool is_paused(const std::string& pipeline, std::size_t stage) const;
  void credit_told(const InletKey& key, std::uint64_t leases_max);

  std::map<InletKey, std::uint64_t> told_;   // Credit, as the node last said.
  std::map<InletKey, std::uint64_t> known_;  // And as the broker heard.
  std::map<InletKey, std::uint64_t> leased_;
  std::set<InletKey> ordered_;
  std::map<std::pair<InletKey, ProducerId>, Position> last_;  // Leased to an ordered stage.
  std::map<SegmentId, std::set<NodeId>> connected_;
  std::map<ProducerId, wire::SessionState> standings_;
  std::map<DeploymentId, std::string> pipelines_;  // As deployed.
  std::map<std::string, std::set<std::size_t>> paused_;
  std::optional<std::string> complaint_;
};

}  // namespace leat::sim
