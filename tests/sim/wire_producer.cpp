#include "tests/sim/wire_producer.h"

#include <algorithm>

namespace leat::sim {

namespace {

constexpr std::uint64_t kPortion = 7;

}  // namespace

wire::Message WireProducer::ask() {
  waits_ = true;
  return wire::Taken{*id_, opening_.epoch, 0, ++beats_};
}

std::vector<wire::Message> WireProducer::receive(const wire::Message& message) {
  if (is_over_) return {};
  if (const auto* const refused = std::get_if<wire::Refused>(&message)) refusal_ = refused->reason;
  if (const auto* const failed = std::get_if<wire::SessionFailed>(&message)) {
    refusal_ = failed->reason;
  }
  is_over_ = refusal_.has_value();
  const auto* const state = std::get_if<wire::SessionState>(&message);
  if (is_over_ || state == nullptr || state->epoch != opening_.epoch) return {};
  const bool is_news = !id_ || state->beat == beats_ || !waits_;
  id_ = state->producer;
  accepted_ = std::max(accepted_, state->next_sequence);
  if (!is_news) return {};
  waits_ = false;
  return go_on(*state);
}

std::vector<wire::Message> WireProducer::go_on(const wire::SessionState& state) {
  if (state.has_end) {
    is_over_ = true;
    return {wire::CloseSession{*id_, opening_.epoch}};
  }
  const std::uint64_t next = state.next_sequence;
  if (next == disk_.size()) return {wire::EndOfInput{*id_, opening_.epoch, next}, ask()};
  std::uint64_t cost = 0;
  RecordsBuilder portion("\n");
  for (std::uint64_t i = 0; i < disk_.size() && i < next + kPortion; ++i) {
    if (cost >= state.bytes_max) break;
    if (i >= next) portion.add(disk_[i]);
    cost += 4 + disk_[i].size() + 1;
  }
  if (portion.count() == 0) return {};  // More credit will be told.
  return {wire::Submit{*id_, opening_.epoch, next, portion.take()}, ask()};
}

std::vector<wire::Message> WireProducer::beat() {
  if (is_over_) return {};
  if (!id_) return {open()};
  return {ask()};
}

}  // namespace leat::sim
