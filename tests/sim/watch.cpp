#include "tests/sim/watch.h"

#include <algorithm>

namespace leat::sim {

namespace {

std::string name_of(SegmentId segment, std::uint64_t epoch) {
  return "inlet " + std::to_string(segment.index) + " of epoch " + std::to_string(epoch);
}

}  // namespace

void Watch::credit_told(const InletKey& key, std::uint64_t leases_max) {
  std::uint64_t& told = told_[key];
  if (leases_max < told) {
    complain("the credit of " + name_of(key.first, key.second) + " shrank from " +
             std::to_string(told) + " to " + std::to_string(leases_max));
  }
  told = leases_max;
}

void Watch::node_sends(const wire::Message& message) {
  if (const auto* const report = std::get_if<wire::NodeReport>(&message)) {
    for (const wire::InletReport& inlet : report->inlets) {
      credit_told({inlet.segment, inlet.epoch}, inlet.leases_max);
    }
  }
  if (const auto* const credit = std::get_if<wire::InletCredit>(&message)) {
    credit_told({credit->segment, credit->epoch}, credit->leases_max);
  }
}

void Watch::broker_hears(const wire::Message& message) {
  const auto learn = [this](const InletKey& key, std::uint64_t leases_max) {
    known_[key] = std::max(known_[key], leases_max);
  };
  if (const auto* const report = std::get_if<wire::NodeReport>(&message)) {
    for (const wire::InletReport& inlet : report->inlets) {
      learn({inlet.segment, inlet.epoch}, inlet.leases_max);
    }
  }
  if (const auto* const credit = std::get_if<wire::InletCredit>(&message)) {
    learn({credit->segment, credit->epoch}, credit->leases_max);
  }
}

void Watch::broker_sends(const wire::Message& message) {
  if (const auto* const open = std::get_if<wire::OpenInlet>(&message)) {
    if (open->ordered) ordered_.insert({open->segment, open->epoch});
  }
  if (const auto* const deployed = std::get_if<wire::Deployed>(&message)) {
    pipelines_[deployed->deployment] = deployed->pipeline;
  }
  if (const auto* const status = std::get_if<wire::Status>(&message)) {
    for (const wire::PipelineStatus& pipeline : status->pipelines) {
      check_paused(pipeline);
    }
  }
  const auto* const state = std::get_if<wire::SessionState>(&message);
  if (state == nullptr) return;
  wire::SessionState& before = standings_[state->producer];
  const bool goes_back = state->epoch < before.epoch || state->bytes_max < before.bytes_max ||
                         state->next_sequence < before.next_sequence ||
                         state->deliveries < before.deliveries ||
                         (before.has_end && !state->has_end);
  if (goes_back) complain("a session's standing went back");
  before = *state;
}

void Watch::stage_paused(const std::string& pipeline, std::size_t stage) {
  paused_[pipeline].insert(stage);
}

void Watch::stage_resumed(const std::string& pipeline, std::size_t stage) {
  paused_[pipeline].erase(stage);
  if (paused_[pipeline].empty()) paused_.erase(pipeline);
}

void Watch::pipeline_removed(const std::string& pipeline) {
  paused_.erase(pipeline);
}

bool Watch::is_paused(const std::string& pipeline, std::size_t stage) const {
  const auto found = paused_.find(pipeline);
  return found != paused_.end() && found->second.contains(stage);
}

void Watch::check_paused(const wire::PipelineStatus& status) {
  for (std::size_t i = 0; i < status.stages.size(); ++i) {
    if (status.stages[i].paused == is_paused(status.name, i)) continue;
    complain("stage " + status.stages[i].name + " is told wrongly as paused or not");
  }
}

void Watch::lease_pushed(const wire::Lease& lease) {
  if (is_paused(pipelines_[lease.segment.deployment], lease.segment.index)) {
    complain("stage " + std::to_string(lease.segment.index) + " is paused, and got a lease");
  }
  const InletKey key{lease.segment, lease.epoch};
  const std::string name =
      "lease " + std::to_string(lease.number) + " of " + name_of(lease.segment, lease.epoch);
  if (lease.number != leased_[key] + 1) {
    complain(name + " came after " + std::to_string(leased_[key]));
  }
  leased_[key] = lease.number;
  if (lease.number > known_[key]) {
    complain(name + " is beyond the credit of " + std::to_string(known_[key]));
  }
  if (!ordered_.contains(key)) return;
  for (const Batch& slice : lease.slices) {
    const auto [last, is_first] =
        last_.try_emplace({key, slice.producer}, slice.runs.front().first);
    if (!is_first && slice.runs.front().first <= last->second) {
      complain(name + " is for a stage that takes records in order, and has " +
               to_string(slice.runs.front().first) + " after " + to_string(last->second));
    }
    last->second = slice.runs.back().first.plus(slice.runs.back().inputs - 1);
  }
}

void Watch::inlet_connected(NodeId node, SegmentId segment, std::uint64_t epoch) {
  std::set<NodeId>& nodes = connected_[segment];
  nodes.insert(node);
  if (nodes.size() > 1 && ordered_.contains({segment, epoch})) {
    complain(name_of(segment, epoch) + " takes records in order, and is on " +
             std::to_string(nodes.size()) + " nodes at a time");
  }
}

void Watch::inlet_disconnected(NodeId node, SegmentId segment) {
  connected_[segment].erase(node);
}

}  // namespace leat::sim
