#include "node/replicas.h"

#include <algorithm>
#include <utility>

namespace leat::node {

namespace {

// What all replicas can that keep their tool alive. REQUIRES: this one does.
template <typename Replica, typename Deed>
auto with_kept(Replica& replica, const Deed& deed) {
  auto* const tagged = std::get_if<TaggedReplica>(&replica);
  return tagged != nullptr ? deed(*tagged) : deed(std::get<KeptReplica>(replica));
}

}  // namespace

void Replicas::advance(Turn& turn, WindowQueue& windows, std::uint64_t& next_tool) {
  work(turn, windows, next_tool);
  // Who comes in the place of one that has gone begins at once.
  if (forget_the_gone()) work(turn, windows, next_tool);
}

void Replicas::work(Turn& turn, WindowQueue& windows, std::uint64_t& next_tool) {
  renew(turn.now);
  adjust(!turn.queue.is_empty() || !windows.is_empty());
  const auto advance_kept = [&](auto& r) { r.advance(turn, next_tool); };
  for (Place& place : places_) {
    auto* const window = std::get_if<WindowReplica>(&place.replica);
    if (window == nullptr) {
      with_kept(place.replica, advance_kept);
      continue;
    }
    if (std::optional<WindowWork> retry = window->take_retry()) {
      windows.push_front(std::move(*retry));
    }
    window->advance(turn, windows, next_tool);
  }
  find_failure();
}

void Replicas::keep(std::string_view bytes, const Place& place, StderrLog::Stream stream,
                    Instant now) {
  const auto inside = std::visit([](const auto& r) { return r.only_record(); }, place.replica);
  const auto tool = std::visit([](const auto& r) { return r.tool(); }, place.replica);
  log_.add({place.index, *tool, inside, now, stream}, bytes);
}

void Replicas::adjust(bool has_work) {
  std::uint32_t staying = 0;
  for (Place& place : places_) {
    if (place.is_retired || place.is_spare) continue;
    const bool is_surplus = staying >= plan_.wanted && (plan_.wanted > 0 || !has_work);
    if (!is_surplus) {
      ++staying;
      continue;
    }
    place.is_retired = true;
    std::visit([](auto& r) { r.retire(); }, place.replica);
  }
  const std::uint32_t wanted = std::max(plan_.wanted, has_work ? 1U : 0U);
  for (; staying < wanted && (!plan_.is_ordered || places_.empty()); ++staying) {
    (void)add();
  }
}

Replicas::Place& Replicas::add() {
  Post post = post_;
  const auto is_taken = [&post](const Place& place) { return place.index == post.index; };
  while (std::any_of(places_.begin(), places_.end(), is_taken)) {
    ++post.index;
  }
  const std::uint32_t index = post.index;
  const std::uint64_t seed = plan_.seed + count_++;
  if (post.stage.mode == spec::Mode::kWindow) {
    return places_.emplace_back(
        Place{.index = index, .replica = WindowReplica(std::move(post), seed)});
  }
  if (post.stage.mode == spec::Mode::kTagged) {
    return places_.emplace_back(
        Place{.index = index, .replica = TaggedReplica(std::move(post), seed)});
  }
  return places_.emplace_back(Place{.index = index, .replica = KeptReplica(std::move(post), seed)});
}

void Replicas::renew(Instant now) {
  if (!post_.stage.records_max && !post_.stage.age_max) return;
  std::vector<std::uint32_t> due;
  for (const Place& place : places_) {
    const bool is_worn = with_kept(place.replica, [now](auto& r) { return r.is_worn(now); });
    const bool has_successor = std::any_of(places_.begin(), places_.end(), [&](const Place& other) {
      return other.successor_of == place.index;
    });
    const bool is_due = !place.is_retired && !place.successor_of && is_worn;
    if (is_due && !has_successor) due.push_back(place.index);
  }
  for (const std::uint32_t index : due) {
    Place& spare = add();
    spare.is_spare = true;
    spare.successor_of = index;
    with_kept(spare.replica, [](auto& r) { r.hold(); });
  }
  for (Place& place : places_) {
    if (place.successor_of) let_in(place);
  }
}

void Replicas::let_in(Place& successor) {
  const auto before = std::find_if(places_.begin(), places_.end(), [&](const Place& place) {
    return place.index == *successor.successor_of;
  });
  const auto is_gone = [](const auto& r) { return r.is_gone(); };
  const auto is_idle = [](const auto& r) { return r.is_idle(); };
  const auto is_ready = [](const auto& r) { return r.is_ready(); };
  const auto retire = [](auto& r) { r.retire(); };
  bool is_free = before == places_.end();
  if (!is_free) {
    if (std::visit(is_ready, successor.replica) || std::visit(is_gone, before->replica)) {
      before->is_retired = true;
      std::visit(retire, before->replica);
    }
    const bool may_overlap = !plan_.is_ordered || std::visit(is_idle, before->replica);
    is_free = before->is_retired && may_overlap;
    successor.is_spare = !before->is_retired;
  }
  if (!is_free) return;
  successor.is_spare = false;
  successor.successor_of.reset();
  with_kept(successor.replica, [](auto& r) { r.release(); });
}

bool Replicas::forget_the_gone() {
  const auto gone = std::erase_if(places_, [](const Place& place) {
    const auto is_over = [](const auto& r) {
      return r.is_gone() && (r.is_idle() || r.stage_failure());
    };
    return place.is_retired && std::visit(is_over, place.replica);
  });
  return gone > 0;
}

void Replicas::find_failure() {
  for (const Place& place : places_) {
    if (failure_) return;
    const auto find = [this](const auto& r) {
      if (r.stage_failure()) failure_ = {*r.stage_failure(), r.stderr_tail()};
    };
    std::visit(find, place.replica);
  }
}

void Replicas::end(Turn& turn, bool kill) {
  for (Place& place : places_) {
    std::visit([&](auto& r) { r.end(turn, kill); }, place.replica);
  }
}

std::uint32_t Replicas::ready() const {
  return static_cast<std::uint32_t>(
      std::count_if(places_.begin(), places_.end(), [](const Place& place) {
        const auto is_ready = [](const auto& r) { return r.is_ready(); };
        return !place.is_retired && !place.is_spare && std::visit(is_ready, place.replica);
      }));
}

bool Replicas::are_gone() const {
  return std::all_of(places_.begin(), places_.end(), [](const Place& place) {
    return std::visit([](const auto& r) { return r.is_gone(); }, place.replica);
  });
}

std::optional<Instant> Replicas::next_deadline(const WorkQueue& queue, const WindowQueue& windows,
                                               Instant now) const {
  std::optional<Instant> next;
  for (const Place& place : places_) {
    const auto* const window = std::get_if<WindowReplica>(&place.replica);
    const std::optional<Instant> at =
        window != nullptr
            ? window->next_deadline(windows)
            : with_kept(place.replica, [&](const auto& r) { return r.next_deadline(queue, now); });
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

}  // namespace leat::node
