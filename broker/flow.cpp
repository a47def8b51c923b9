#include "broker/flow.h"

#include <algorithm>
#include <utility>

#include "core/ensure.h"

namespace leat::broker {

namespace {

// Joins the range with the last where it follows it.
void append(std::vector<Range>& ranges, const Range& range) {
  const bool follows =
      !ranges.empty() && ranges.back().first.plus(ranges.back().count) == range.first;
  if (follows) {
    ranges.back().count += range.count;
  } else {
    ranges.push_back(range);
  }
}

}  // namespace

Flow::Flow(const spec::Pipeline& pipeline, const spec::Plan& plan)
    : pipeline_(pipeline), plan_(plan), places_(plan.vertices.size()) {}

bool Flow::is_window_stage(std::size_t vertex) const {
  const spec::Vertex& v = plan_.vertices[vertex];
  return v.kind == spec::VertexKind::kStage &&
         pipeline_.stages[v.stage].mode == spec::Mode::kWindow;
}

const spec::Window& Flow::window_of(std::size_t vertex) const {
  return pipeline_.stages[plan_.vertices[vertex].stage].window;
}

void Flow::submit(const Records& records, Instant now) {
  ENSURE(!has_end_);
  const Position first{next_sequence_};
  const std::uint32_t count = records.count;
  for (const std::size_t to : plan_.vertices[plan_.source()].to) {
    places_[to].ledger.add(first, records, now);
  }
  next_sequence_ += count;
  places_[plan_.source()].settled.insert(first, count);
  for (const std::size_t to : plan_.vertices[plan_.source()].to) {
    settle(to, first, count);
  }
  form_all_windows(now);
}

void Flow::end(Instant now) {
  has_end_ = true;
  const Position end{next_sequence_};
  places_[plan_.source()].settled.insert(end, 1);
  for (const std::size_t to : plan_.vertices[plan_.source()].to) {
    settle(to, end, 1);
  }
  form_all_windows(now);
}

bool Flow::is_open(std::size_t vertex, const std::vector<Run>& runs) const {
  const Position* last = nullptr;
  for (const Run& run : runs) {
    if (run.inputs == 0 || !places_[vertex].ledger.is_open({run.first, run.inputs})) return false;
    // Ascending and apart, so that no input is named twice.
    if (last != nullptr && run.first <= *last) return false;
    last = &run.first;
  }
  for (std::size_t i = 1; i < runs.size(); ++i) {
    if (runs[i].first < runs[i - 1].first.plus(runs[i - 1].inputs)) return false;
  }
  return true;
}

bool Flow::is_undecided(std::size_t vertex, const std::vector<Run>& runs) const {
  return is_open(vertex, runs) && std::none_of(runs.begin(), runs.end(), [&](const Run& run) {
           return places_[vertex].ledger.is_any_set_aside({run.first, run.inputs});
         });
}

bool Flow::is_window(std::size_t vertex, const std::vector<Run>& runs) const {
  std::vector<Range> inputs;
  for (const Run& run : runs) {
    append(inputs, {run.first, run.inputs});
  }
  const auto window = inputs.empty() ? places_[vertex].fixed.end()
                                     : places_[vertex].fixed.find(inputs.front().first);
  if (window == places_[vertex].fixed.end()) return false;
  std::vector<Range> fixed;
  for (const Range& range : window->second) {
    append(fixed, range);
  }
  return inputs == fixed;
}

std::map<LeaseKey, std::uint32_t> Flow::commit(std::size_t vertex, const Batch& outputs,
                                               Instant now) {
  std::map<LeaseKey, std::uint32_t> holders;
  // A window may have been given back when its first node's word comes after all.
  if (!outputs.runs.empty()) {
    places_[vertex].formed.erase(outputs.runs.front().first);
    places_[vertex].fixed.erase(outputs.runs.front().first);
  }
  Ledger& ledger = places_[vertex].ledger;
  Records rest = outputs.records;
  for (const Run& run : outputs.runs) {
    for (const auto& [key, count] : ledger.close({run.first, run.inputs})) {
      holders[key] += count;
    }
    if (run.outputs == 0) continue;
    const Records part = rest.slice(0, run.outputs);
    rest = rest.slice(run.outputs, rest.count - run.outputs);
    for (const std::size_t to : plan_.vertices[vertex].to) {
      places_[to].ledger.add(run.origin(0), part, now);
    }
  }
  for (const Run& run : outputs.runs) {
    settle(vertex, run.first, run.inputs);
  }
  form_all_windows(now);
  return holders;
}

std::map<LeaseKey, std::uint32_t> Flow::set_aside(std::size_t vertex,
                                                  const std::vector<Run>& runs) {
  std::map<LeaseKey, std::uint32_t> holders;
  places_[vertex].formed.erase(runs.front().first);
  for (const Run& run : runs) {
    for (const auto& [key, count] : places_[vertex].ledger.set_aside({run.first, run.inputs})) {
      holders[key] += count;
    }
  }
  return holders;
}

void Flow::take_back_aside(std::size_t vertex, const std::vector<Run>& runs) {
  Place& place = places_[vertex];
  if (is_window_stage(vertex)) {
    const auto fixed = place.fixed.find(runs.front().first);
    if (fixed != place.fixed.end()) return_window(vertex, {.ranges = fixed->second}, LeaseKey{});
    return;
  }
  for (const Run& run : runs) {
    place.ledger.give_back({run.first, run.inputs}, LeaseKey{}, Ledger::Cause::kReturned);
  }
}

std::uint64_t Flow::arrived_from(std::size_t vertex, const Position& first,
                                 std::uint64_t count) const {
  for (const std::size_t from : plan_.vertices[vertex].from) {
    count = std::min(count, places_[from].settled.covered_from(first, count));
  }
  return count;
}

bool Flow::has_all_before(std::size_t vertex, const Position& position) const {
  const auto& from = plan_.vertices[vertex].from;
  return std::all_of(from.begin(), from.end(),
                     [&](std::size_t v) { return places_[v].settled.covers_all_before(position); });
}

void Flow::settle(std::size_t vertex, const Position& first, std::uint64_t count) {
  settle_siblings(vertex, first, count);
  std::optional<Position> parent = first.parent();
  while (parent) {
    settle_siblings(vertex, *parent, 1);
    parent = parent->parent();
  }
}

void Flow::settle_siblings(std::size_t vertex, const Position& first, std::uint64_t count) {
  Place& place = places_[vertex];
  const bool end_waits = is_window_stage(vertex) && has_end_ && !place.is_end_passed;
  if (end_waits && first.above().empty()) {
    count = std::min(count, next_sequence_ - std::min(next_sequence_, first.last()));
  }
  std::uint64_t at = 0;
  while (at < count) {
    const auto [skip, closed] = place.ledger.closed_part(first.plus(at), count - at);
    if (closed == 0) return;
    at += skip;
    const std::uint64_t arrived = arrived_from(vertex, first.plus(at), closed);
    if (arrived == 0) {
      ++at;
      continue;
    }
    note_settled(vertex, first.plus(at), arrived);
    at += arrived;
  }
}

void Flow::note_settled(std::size_t vertex, const Position& first, std::uint64_t count) {
  Coverage& settled = places_[vertex].settled;
  if (settled.covered_from(first, count) == count) return;
  settled.insert(first, count);
  for (const std::size_t to : plan_.vertices[vertex].to) {
    settle(to, first, count);
  }
}

std::optional<Flow::Ready> Flow::next_ready(std::size_t vertex) const {
  const auto head = places_[vertex].ledger.first_waiting();
  if (!head) return std::nullopt;
  if (plan_.vertices[vertex].is_ordered && !has_all_before(vertex, head->first)) {
    return std::nullopt;
  }
  return Ready{head->first, head->second};
}

void Flow::form_all_windows(Instant now) {
  for (std::size_t vertex = 1; vertex < plan_.sink(); ++vertex) {
    if (is_window_stage(vertex)) form_windows(vertex, now);
  }
}

void Flow::form_windows(std::size_t vertex, Instant now) {
  Place& place = places_[vertex];
  while (grow_window(vertex, now)) {
  }
  const std::optional<Duration> time = window_of(vertex).time;
  if (time && place.forming.records > 0 && now - place.forming_since >= *time) {
    close_window(vertex);
  }
  if (has_end_ && !place.is_end_passed && has_all_arrived(vertex)) pass_end(vertex, now);
}

bool Flow::grow_window(std::size_t vertex, Instant now) {
  Place& place = places_[vertex];
  const auto head = place.ledger.first_waiting();
  if (!head || !has_all_before(vertex, head->first)) return false;
  const spec::Window& window = window_of(vertex);
  const Records& records = head->second->records;
  std::uint64_t n = records.count;
  if (window.bytes) {
    const std::uint64_t left = *window.bytes - std::min(*window.bytes, place.forming.bytes);
    const std::uint32_t fit = records.fit(left);
    const bool is_full = place.forming.records > 0 && records.blob_bytes(fit) > left;
    if (is_full) {
      close_window(vertex);
      return true;
    }
    n = std::min<std::uint64_t>(n, fit);
  }
  if (window.records) n = std::min(n, *window.records - place.forming.records);
  const Range range{head->first, static_cast<std::uint32_t>(n)};
  if (place.forming.records == 0) place.forming_since = now;
  const Records held = place.ledger.hold_for_window(range.first, range.count);
  place.forming.bytes += held.blob.size();
  place.forming.cost += held.bytes();
  place.forming.records += n;
  place.forming.ranges.push_back(range);
  const bool is_full = (window.records && place.forming.records >= *window.records) ||
                       (window.bytes && place.forming.bytes >= *window.bytes);
  if (is_full) close_window(vertex);
  return true;
}

void Flow::close_window(std::size_t vertex) {
  Place& place = places_[vertex];
  const Position first = place.forming.ranges.front().first;
  place.fixed.emplace(first, place.forming.ranges);
  place.formed.emplace(first, std::exchange(place.forming, {}));
  place.has_formed_any = true;
}

void Flow::pass_end(std::size_t vertex, Instant now) {
  Place& place = places_[vertex];
  if (place.forming.records > 0) close_window(vertex);
  const Position end{next_sequence_};
  // Like the shell's: a tool that gets nothing still runs once.
  if (window_of(vertex).all && !place.has_formed_any) {
    place.ledger.add_end(end, now);
    place.ledger.hold_for_window(end, 1);
    place.fixed.emplace(end, std::vector<Range>{{end, 1}});
    place.formed.emplace(end, FormedWindow{.ranges = {{end, 1}}});
    place.has_formed_any = true;
  }
  place.is_end_passed = true;
  settle(vertex, end, 1);
}

const FormedWindow* Flow::next_window(std::size_t vertex) const {
  const auto& formed = places_[vertex].formed;
  return formed.empty() ? nullptr : &formed.begin()->second;
}

FormedWindow Flow::lease_window(std::size_t vertex, const LeaseKey& key) {
  Place& place = places_[vertex];
  ENSURE(!place.formed.empty());
  FormedWindow window = std::move(place.formed.begin()->second);
  place.formed.erase(place.formed.begin());
  for (const Range& range : window.ranges) {
    place.ledger.lease_window(range, key);
  }
  return window;
}

void Flow::return_window(std::size_t vertex, FormedWindow window, const LeaseKey& key) {
  Place& place = places_[vertex];
  for (const Range& range : window.ranges) {
    if (!place.ledger.is_open(range)) return;  // Windows end whole.
    place.ledger.return_window(range, key);
  }
  const Position first = window.ranges.front().first;
  place.formed.emplace(first, std::move(window));
}

std::optional<Instant> Flow::next_deadline() const {
  std::optional<Instant> next;
  for (std::size_t vertex = 1; vertex < plan_.sink(); ++vertex) {
    const Place& place = places_[vertex];
    if (place.forming.records == 0 || !window_of(vertex).time) continue;
    const Instant at = place.forming_since + *window_of(vertex).time;
    if (!next || at < *next) next = at;
  }
  return next;
}

void Flow::tick(Instant now) {
  form_all_windows(now);
}

bool Flow::has_all_arrived(std::size_t vertex) const {
  return has_end_ && has_all_before(vertex, Position{next_sequence_ + 1});
}

std::uint64_t Flow::settled_count() const {
  return std::min(next_sequence_,
                  places_[plan_.sink()].settled.covered_from(Position{0}, next_sequence_ + 1));
}

std::uint64_t Flow::idle_count() const {
  std::uint64_t count = settled_count();
  for (std::size_t vertex = plan_.sink(); vertex-- > 1;) {
    const Place& place = places_[vertex];
    const bool has_come_to_wait = place.forming.records > 0 && place.fixed.empty() &&
                                  place.forming.ranges.front().first.sequence() <= count;
    if (has_come_to_wait) count += arrived_from(vertex, Position{count}, next_sequence_ - count);
  }
  return count;
}

std::optional<std::uint64_t> Flow::oldest_open() const {
  std::optional<std::uint64_t> oldest;
  for (const Place& place : places_) {
    const std::optional<Position> open = place.ledger.first_movable();
    if (open && (!oldest || open->sequence() < *oldest)) oldest = open->sequence();
  }
  return oldest;
}

std::size_t Flow::forming_bytes() const {
  std::size_t bytes = 0;
  for (const Place& place : places_) {
    bytes += place.forming.cost;
  }
  return bytes;
}

std::size_t Flow::bytes() const {
  std::size_t bytes = 0;
  for (const Place& place : places_) {
    bytes += place.ledger.bytes();
  }
  return bytes;
}

}  // namespace leat::broker
