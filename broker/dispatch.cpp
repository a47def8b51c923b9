// The part of Deployment that moves records: leases to inlets, deliveries and credit to sessions.

#include <algorithm>
#include <string>
#include <utility>

#include "broker/deployment.h"
#include "core/ensure.h"

namespace leat::broker {

namespace {

constexpr std::size_t kSlicesMax = 64;

}  // namespace

void Deployment::advance(Effects& effects, Instant now) {
  now_ = now;
  charge_idle(now);
  if (failure_) close_inlets(effects, now);
  close_retired(effects, now);
  tell_recovered(effects);
  finish_taken(now);
  bytes_ = held_bytes();
  letter_bytes_ = 0;
  for (const auto& [id, session] : sessions_) {
    letter_bytes_ += session.dead_letter_bytes();
  }
  // What has come to the sink is delivered whatever becomes of the stages.
  deliver(effects);
  if (failure_) return end_holding();
  dispatch(effects);
  update_credits(effects);
  note_back_pressure();
  find_standstill(now);
}

void Deployment::end_holding() {
  for (std::size_t stage = 0; stage < pipeline_.stages.size(); ++stage) {
    tally_.stage(stage).held_back.set(false, now_);
  }
  back_pressure_.set(false, now_);
}

void Deployment::note_back_pressure() {
  const bool is_there = std::any_of(sessions_.begin(), sessions_.end(), [](const auto& entry) {
    return entry.second.is_out_of_credit();
  });
  back_pressure_.set(is_there, now_);
}

void Deployment::dispatch(Effects& effects) {
  // The last stages first: what is nearest to its end frees space soonest.
  for (std::size_t vertex = plan_.sink(); vertex-- > 1;) {
    const bool may_work = !is_paused(plan_.vertices[vertex].segment);
    while (may_work && dispatch_one(vertex, effects)) {
    }
    const bool is_full = bytes_ >= pipeline_.limits.queue_bytes_max;
    tally_.stage(plan_.vertices[vertex].stage)
        .held_back.set(may_work && is_full && waiting_at(vertex) > 0, now_);
  }
}

std::uint64_t Deployment::waiting_at(std::size_t vertex) const {
  std::uint64_t waiting = 0;
  for (const auto& [id, session] : sessions_) {
    waiting += session.flow().ledger(vertex).waiting_count();
  }
  return waiting;
}

Inlet* Deployment::best_inlet(std::size_t segment, std::uint32_t& records, NodeId& node) {
  const std::uint64_t waiting = waiting_at(plan_.segments[segment].vertex);
  if (waiting == 0) return nullptr;
  Inlet* best = nullptr;
  Duration best_finish{};
  for (auto& [key, inlet] : inlets_) {
    if (key.first != segment || !inlet.has_room()) continue;
    const std::uint32_t n = inlet.lease_records(waiting);
    const Duration finish = inlet.expected_finish(n);
    if (best != nullptr && finish >= best_finish) continue;
    best = &inlet;
    best_finish = finish;
    records = n;
    node = key.second;
  }
  return best;
}

bool Deployment::dispatch_one(std::size_t vertex, Effects& effects) {
  std::uint32_t records = 0;
  NodeId node;
  Inlet* const to = best_inlet(plan_.vertices[vertex].segment, records, node);
  if (to == nullptr) return false;
  auto at = sessions_.upper_bound(last_served_[vertex]);
  for (std::size_t i = 0; i < sessions_.size(); ++i, ++at) {
    if (at == sessions_.end()) at = sessions_.begin();
    if (lease_to(vertex, at->second, {node, to}, records, effects)) {
      last_served_[vertex] = at->first;
      return true;
    }
    // It is kept free for this one: others go elsewhere.
    if (!to->has_room()) return true;
  }
  return false;
}

bool Deployment::must_empty(const LeaseKey& key) {
  Inlet& there = *inlet(key.segment, key.node);
  if (there.leases().empty()) return false;
  const bool is_one_reserved = std::any_of(inlets_.begin(), inlets_.end(), [&](const auto& entry) {
    return entry.first.first == key.segment.index && entry.second.is_reserved();
  });
  if (!is_one_reserved) there.reserve();
  return true;
}

bool Deployment::lease_to(std::size_t vertex, Session& session, std::pair<NodeId, Inlet*> to,
                          std::uint32_t records, Effects& effects) {
  const auto& [node, inlet] = to;
  wire::Lease lease;
  lease.segment = {id_, static_cast<std::uint32_t>(plan_.vertices[vertex].segment)};
  lease.epoch = inlet->epoch();
  lease.number = inlet->next_number();
  Leased leased;
  leased.producer = session.opening().id;
  leased.vertex = vertex;
  leased.since = now_;
  const LeaseKey key{lease.segment, node, lease.epoch, lease.number};
  const spec::Stage& stage = pipeline_.stages[plan_.vertices[vertex].stage];
  const bool is_filled = stage.mode == spec::Mode::kWindow
                             ? fill_window(lease, leased, session, key)
                             : fill(lease, leased, session, key, records);
  if (!is_filled) return false;
  for (const Range& range : leased.ranges) {
    leased.open += range.count;
  }
  lease.alone = leased.is_alone;
  lease.wants_stderr = session.opening().wants_stderr;
  inlet->lease(std::move(leased));
  effects.push_back(PushLease{node, std::move(lease)});
  return true;
}

bool Deployment::may_lease(const Session& session, const Position& first) const {
  if (bytes_ < pipeline_.limits.queue_bytes_max) return true;
  // A dead letter is larger than its record: when there are many, who takes them makes room.
  const bool are_many = letter_bytes_ >= pipeline_.limits.queue_bytes_max / 4;
  if (are_many && session.dead_letter_count() > 0) return false;
  // A window is not among them before it is leased.
  const std::optional<std::uint64_t> oldest = session.flow().oldest_open();
  return !oldest || *oldest >= first.sequence();
}

std::vector<std::pair<SegmentId, NodeId>> Deployment::recalls() const {
  std::vector<std::pair<SegmentId, NodeId>> recalls;
  // Answers may be much larger than what they answer to; a tool that is slow to show it has got
  // more than there is space for.
  const bool is_too_much = bytes_ / 5 >= pipeline_.limits.queue_bytes_max / 4;
  if (failure_) return recalls;
  for (const auto& [key, inlet] : inlets_) {
    const SegmentId segment{id_, static_cast<std::uint32_t>(key.first)};
    if (inlet.is_frozen()) recalls.emplace_back(segment, key.second);
    if (inlet.is_frozen() || !is_too_much) continue;
    const bool has_others =
        std::any_of(inlet.leases().begin(), inlet.leases().end(),
                    [this](const auto& entry) { return may_wait(entry.second); });
    if (has_others) recalls.emplace_back(segment, key.second);
  }
  return recalls;
}

bool Deployment::may_wait(const Leased& leased) const {
  const auto session = sessions_.find(leased.producer);
  if (session == sessions_.end()) return true;
  const std::optional<std::uint64_t> oldest = session->second.flow().oldest_open();
  if (leased.window) return leased.ranges.front().first.sequence() != oldest;
  return std::any_of(leased.ranges.begin(), leased.ranges.end(), [&](const Range& range) {
    return range.first.sequence() != oldest || (range.first.above().empty() && range.count > 1);
  });
}

bool Deployment::fill(wire::Lease& lease, Leased& leased, Session& session, const LeaseKey& key,
                      std::uint32_t records) {
  std::size_t room = pipeline_.limits.lease_bytes_max;
  records = std::min(records, inlet(key.segment, key.node)->fit(room));
  while (records > 0 && lease.slices.size() < kSlicesMax) {
    const auto ready = session.flow().next_ready(leased.vertex);
    if (!ready || !may_lease(session, ready->first)) break;
    std::uint32_t n = std::min(records, ready->entry->records.fit(room));
    const bool is_tight = bytes_ >= pipeline_.limits.queue_bytes_max;
    if (is_tight && ready->first.above().empty()) n = 1;
    const bool is_killer = ready->entry->kills >= kKillsAlone;
    if (is_killer) n = 1;
    const Position first = ready->first;
    const Instant since = ready->entry->since;
    const bool fits = lease.slices.empty() || ready->entry->records.blob_bytes(n) <= room;
    const bool may_join = lease.slices.empty() || !(is_killer || leased.is_alone || is_tight);
    if (!fits || !may_join) break;
    if (is_killer && must_empty(key)) return false;
    Batch slice;
    slice.producer = leased.producer;
    slice.runs = {{first, n, n}};
    slice.records = session.flow().ledger(leased.vertex).lease(first, n, key);
    tally_.stage(plan_.vertices[leased.vertex].stage).wait.add(now_ - since, n);
    room -= std::min(room, slice.records.blob.size());
    records -= n;
    leased.is_alone = is_killer;
    leased.ranges.push_back({first, n});
    lease.slices.push_back(std::move(slice));
  }
  return !lease.slices.empty();
}

bool Deployment::fill_window(wire::Lease& lease, Leased& leased, Session& session,
                             const LeaseKey& key) {
  const FormedWindow* const next = session.flow().next_window(leased.vertex);
  if (next == nullptr) return false;
  if (!may_lease(session, next->ranges.front().first)) return false;
  leased.is_alone = next->kills >= kKillsAlone;
  if (leased.is_alone && must_empty(key)) return false;
  lease.window = true;
  leased.window = session.flow().lease_window(leased.vertex, key);
  leased.ranges = leased.window->ranges;
  for (const Range& range : leased.ranges) {
    Position first = range.first;
    for (Records& records : session.flow().ledger(leased.vertex).records_of(range)) {
      Batch slice;
      slice.producer = leased.producer;
      slice.runs = {{first, records.count, records.count}};
      const Instant since = session.flow().ledger(leased.vertex).entry_of(first).since;
      tally_.stage(plan_.vertices[leased.vertex].stage).wait.add(now_ - since, records.count);
      first = first.plus(records.count);
      slice.records = std::move(records);
      lease.slices.push_back(std::move(slice));
    }
  }
  // The window of a producer that ended without a record: its end stands for it.
  if (lease.slices.empty()) {
    Batch slice;
    slice.producer = leased.producer;
    slice.runs = {{leased.ranges.front().first, 1, 0}};
    lease.slices.push_back(std::move(slice));
  }
  return true;
}

bool Deployment::are_stages_up() {
  for (const auto& [key, inlet] : inlets_) {
    Conduct& conduct = conducts_[key.first];
    conduct.has_started = conduct.has_started || inlet.last_report().replicas_ready > 0;
  }
  return std::all_of(conducts_.begin(), conducts_.end(),
                     [](const Conduct& conduct) { return conduct.has_started; });
}

void Deployment::deliver(Effects& effects) {
  const auto stages = are_stages_up() ? Session::Stages::kUp : Session::Stages::kStarting;
  const auto hand_over = [&](const Session& from, wire::Delivery delivery) {
    if (from.only_sends()) return outlet_.offer(std::move(delivery));
    effects.push_back(Send{from.opening().peer, std::move(delivery)});
  };
  for (auto& [id, session] : sessions_) {
    while (std::optional<wire::Delivery> delivery = session.next_delivery(stages)) {
      hand_over(session, std::move(*delivery));
    }
  }
  for (auto& [peer, delivery] : outlet_.advance()) {
    effects.push_back(Send{peer, std::move(delivery)});
  }
}

void Deployment::update_credits(Effects& effects) {
  const Limits& limits = pipeline_.limits;
  // At the limit nothing new is admitted; what was granted stays granted.
  if (bytes_ >= limits.queue_bytes_max) return;
  const std::size_t count = std::max<std::size_t>(sessions_.size(), 1);
  for (auto& [id, session] : sessions_) {
    // What waits for company in a window does not use up the producer's share, but space.
    const std::size_t fair = std::min(limits.session_bytes_max, limits.queue_bytes_max / 2 / count);
    const std::size_t forming = std::min(session.flow().forming_bytes(), limits.queue_bytes_max);
    const std::size_t share =
        std::max<std::size_t>(std::min(fair, limits.queue_bytes_max - forming), 1);
    if (session.update_credit(share) && !session.is_detached()) {
      effects.push_back(Send{session.opening().peer, session.state()});
    }
  }
}

bool Deployment::is_at_a_standstill() const {
  if (bytes_ < pipeline_.limits.queue_bytes_max || !paused_.empty()) return false;
  for (std::size_t i = 0; i < plan_.segments.size(); ++i) {
    if (!has_inlet(i)) return false;
  }
  for (const auto& [key, inlet] : inlets_) {
    if (!inlet.leases().empty() || !inlet.is_open()) return false;
  }
  return std::any_of(sessions_.begin(), sessions_.end(), [](const auto& entry) {
    const Session& session = entry.second;
    return session.untaken_bytes() == 0 && !session.flow().has_end() &&
           session.flow().forming_bytes() > 0 && !session.flow().next_deadline();
  });
}

void Deployment::find_standstill(Instant now) {
  if (!is_at_a_standstill()) {
    standstill_since_.reset();
    return;
  }
  if (!standstill_since_) standstill_since_ = now;
  // One of several producers may be dead, and its part of the space be free soon.
  if (sessions_.size() > 1 && now - *standstill_since_ < kStandstillTime) return;
  fail("a window needs more than limits.queue_bytes (" +
       std::to_string(pipeline_.limits.queue_bytes_max) +
       " bytes): give it more, or make the window smaller");
}

}  // namespace leat::broker
