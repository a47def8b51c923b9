#include "broker/tally.h"

#include <algorithm>

namespace leat::broker {

namespace {

// A count that began anew, as of a tool that was started again, is all new.
std::uint64_t growth(std::uint64_t before, std::uint64_t now) {
  return now >= before ? now - before : now;
}

std::uint64_t count_of(const std::vector<wire::NamedCount>& counts, const std::string& name) {
  const auto found = std::find_if(counts.begin(), counts.end(), [&](const wire::NamedCount& named) {
    return named.name == name;
  });
  return found == counts.end() ? 0 : found->count;
}

wire::StageOnNode status_of(const std::string& node, const Tally::OnNode& counts) {
  wire::StageOnNode status;
  status.node = node;
  status.records_in = counts.records_in;
  status.records_out = counts.records_out;
  status.bytes_in = counts.bytes_in;
  status.bytes_out = counts.bytes_out;
  for (std::size_t kind = 0; kind < counts.failed.size(); ++kind) {
    status.failed.push_back(
        {wire::name_of(static_cast<wire::FailureKind>(kind)), counts.failed.at(kind)});
  }
  for (const auto& [cause, count] : counts.restarts) {
    status.restarts.push_back({cause, count});
  }
  status.retried = counts.retried;
  status.dead_letters = counts.dead_letters;
  status.dropped = counts.dropped;
  status.busy_ns = counts.busy_ns;
  status.service = counts.service.counts();
  return status;
}

}  // namespace

void Tally::add_report(std::size_t stage, const std::string& node, const wire::InletReport& before,
                       const wire::InletReport& report) {
  OnNode& counts = at(stage, node);
  counts.retried += growth(before.retried, report.retried);
  for (const wire::NamedCount& restarts : report.restarts) {
    entry(counts.restarts, restarts.name, kCausesMax) +=
        growth(count_of(before.restarts, restarts.name), restarts.count);
  }
}

wire::StageStatus Tally::status(std::size_t stage) const {
  const OfStage& counts = stages_[stage];
  wire::StageStatus status;
  status.wait = counts.wait.counts();
  status.held_back_ns = static_cast<std::uint64_t>(counts.held_back.total().count());
  for (const auto& [node, on_node] : counts.nodes) {
    status.nodes.push_back(status_of(node, on_node));
  }
  return status;
}

}  // namespace leat::broker
