#include "broker/failings.h"

#include <algorithm>
#include <chrono>
#include <random>

#include "broker/reason.h"

namespace leat::broker {

namespace {

constexpr Duration kPauseMin = std::chrono::milliseconds(100);
constexpr Duration kPauseMax = std::chrono::seconds(30);
constexpr std::uint32_t kDoublingsMax = 9;  // More than to kPauseMax.
constexpr Duration kSteadyTime = std::chrono::seconds(5);

}  // namespace

Duration Failings::pause(const Key& key, std::uint32_t tries) const {
  const std::uint32_t doublings = std::min(tries - 1, kDoublingsMax);
  const Duration base = std::min<Duration>(kPauseMin * (1U << doublings), kPauseMax);
  // Many stages that failed together, as when a disk was gone, are not tried again together.
  std::seed_seq ids{deployment_.incarnation, deployment_.counter, std::uint64_t{key.first},
                    key.second.counter, std::uint64_t{tries}};
  std::mt19937_64 random(ids);
  return base * static_cast<Duration::rep>(75 + random() % 51) / 100;
}

void Failings::add(const Key& key, Why why, Instant now) {
  Entry& entry = entries_[key];
  ++entry.tries;
  why.reason = shortened(std::move(why.reason), kReasonBytesMax / 2);
  entry.why = std::move(why);
  entry.due = now + pause(key, entry.tries);
  ready_since_.erase(key);
  has_news_ = true;
}

void Failings::forget(const Key& key) {
  if (entries_.erase(key) > 0) is_any_proved_ = true;
  ready_since_.erase(key);
  if (failing_.erase(key.first) > 0) recovered_.push_back(key.first);
}

bool Failings::is_proved_by_running(std::size_t segment) const {
  return std::none_of(entries_.begin(), entries_.end(), [segment](const auto& entry) {
    return entry.first.first == segment && entry.second.why.proof == Proof::kResult;
  });
}

void Failings::seen_ready(const Key& key, Instant now) {
  const bool matters = has(key) || is_failing(key.first);
  if (!matters || !is_proved_by_running(key.first)) return;
  const Instant since = ready_since_.try_emplace(key, now).first->second;
  if (now - since >= kSteadyTime) forget(key);
}

void Failings::seen_busy(const Key& key) {
  ready_since_.erase(key);
}

void Failings::forget_node(NodeId node) {
  const auto is_there = [node](const auto& entry) { return entry.first.second == node; };
  std::erase_if(entries_, is_there);
  std::erase_if(ready_since_, is_there);
  std::erase_if(failing_, [this](std::size_t segment) { return !has_any(segment); });
}

void Failings::clear() {
  entries_.clear();
  ready_since_.clear();
  failing_.clear();
  recovered_.clear();
}

bool Failings::has_any(std::size_t segment) const {
  const auto first = entries_.lower_bound({segment, NodeId{}});
  return first != entries_.end() && first->first.first == segment;
}

bool Failings::bars(const Key& key) const {
  const auto found = entries_.find(key);
  return found != entries_.end() && found->second.due.has_value();
}

bool Failings::release_due(Instant now) {
  if (patience_ == Patience::kForGood) return false;
  bool was_any = false;
  for (auto& [key, entry] : entries_) {
    if (!entry.due || *entry.due > now) continue;
    entry.due.reset();
    was_any = true;
  }
  return was_any;
}

std::optional<Instant> Failings::next_deadline() const {
  std::optional<Instant> next;
  if (patience_ == Patience::kForGood) return next;
  for (const auto& [key, entry] : entries_) {
    if (entry.due && (!next || *entry.due < *next)) next = entry.due;
  }
  return next;
}

std::string Failings::outlook(const Entry& entry, Instant now) const {
  if (patience_ == Patience::kForGood) return "";
  if (!entry.due) return "; being tried again";
  const auto left = std::chrono::ceil<std::chrono::seconds>(*entry.due - now).count();
  return "; tried again in " + std::to_string(std::max<std::int64_t>(left, 1)) + " s";
}

std::string Failings::reasons(std::size_t segment, Instant now) const {
  std::string reasons;
  for (const auto& [key, entry] : entries_) {
    if (key.first != segment) continue;
    if (!reasons.empty()) reasons += "; ";
    const std::string& reason = entry.why.reason;
    // Behind its first line stands what the tool said.
    const std::size_t line = std::min(reason.find('\n'), reason.size());
    reasons += "node '" + entry.why.node_name + "': " + reason.substr(0, line) +
               outlook(entry, now) + reason.substr(line);
    if (reasons.size() > kReasonBytesMax) break;
  }
  return shortened(std::move(reasons));
}

}  // namespace leat::broker
