#include "broker/members.h"

namespace leat::broker {

Result<NodeId> Members::join(const wire::NodeJoin& message, const std::string& peer, Instant now) {
  if (message.version != wire::kVersion) {
    return failure(Errc::kInvalidArgument, "node '" + message.name + "' speaks version " +
                                               std::to_string(message.version) +
                                               " of the protocol, and this broker version " +
                                               std::to_string(wire::kVersion));
  }
  if (message.name.empty()) {
    return failure(Errc::kInvalidArgument, "a node needs a name that no other node has");
  }
  std::optional<NodeId> id;
  for (const auto& [other_id, other] : members_) {
    if (other.name != message.name && other.peer == peer) {
      return failure(Errc::kInvalidArgument, "this connection is node '" + other.name +
                                                 "' already: node '" + message.name +
                                                 "' needs one of its own");
    }
    if (other.name != message.name) continue;
    if (other.incarnation != message.incarnation) {
      return failure(Errc::kUnavailable,
                     "a node named '" + message.name +
                         "' is already here: give this one another name, or wait until the "
                         "broker has missed the old one");
    }
    id = other_id;
  }
  if (!id && members_.size() >= count_max_) {
    return failure(Errc::kLimitExceeded, "there are " + std::to_string(count_max_) +
                                             " nodes already, which is the limit");
  }
  const bool was_draining = id && members_.at(*id).is_draining;
  if (!id) id = NodeId{broker_incarnation_, ++count_};
  members_[*id] = {.name = message.name,
                   .peer = peer,
                   .incarnation = message.incarnation,
                   .cores = message.cores,
                   .labels = message.labels,
                   .last_heard = now,
                   .is_draining = was_draining};
  return *id;
}

std::optional<NodeId> Members::heard(const std::string& peer, Instant now) {
  for (auto& [id, member] : members_) {
    if (member.peer != peer) continue;
    member.last_heard = now;
    return id;
  }
  return std::nullopt;
}

std::vector<NodeId> Members::silent(Instant now) const {
  std::vector<NodeId> nodes;
  for (const auto& [id, member] : members_) {
    if (now - member.last_heard >= silence_max_) nodes.push_back(id);
  }
  return nodes;
}

std::optional<Instant> Members::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& [id, member] : members_) {
    const Instant at = member.last_heard + silence_max_;
    if (!next || at < *next) next = at;
  }
  return next;
}

}  // namespace leat::broker
