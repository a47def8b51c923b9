// Tally counts what happened in a deployment: per stage and node, and per stage. Counts only grow.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "broker/stopwatch.h"
#include "core/histogram.h"
#include "core/time.h"
#include "wire/messages.h"

namespace leat::broker {

class Tally {
 public:
  // So many nodes of a stage, and causes of a node, are told apart; what comes after is counted
  // together, as kOthers.
  static constexpr std::size_t kNodesMax = 1000;
  static constexpr std::size_t kCausesMax = 32;
  static constexpr const char* kOthers = "others";

  struct OnNode {
    std::uint64_t records_in = 0;
    std::uint64_t records_out = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::array<std::uint64_t, wire::kFailureKinds> failed{};  // Records, by kind.
    std::map<std::string, std::uint64_t> restarts;            // By cause.
    std::uint64_t retried = 0;
    std::uint64_t dead_letters = 0;
    std::uint64_t dropped = 0;
    std::uint64_t busy_ns = 0;
    Histogram service;
  };

  struct OfStage {
    std::map<std::string, OnNode> nodes;  // By name.
    Histogram wait;
    Stopwatch held_back;
  };

  explicit Tally(std::size_t stages) : stages_(stages) {}

  // Begins anew for so many stages.
  void reset(std::size_t stages) { stages_.assign(stages, {}); }

  [[nodiscard]] OfStage& stage(std::size_t stage) { return stages_[stage]; }

  [[nodiscard]] const OfStage& stage(std::size_t stage) const { return stages_[stage]; }

  [[nodiscard]] OnNode& at(std::size_t stage, const std::string& node) {
    return entry(stages_[stage].nodes, node, kNodesMax);
  }

  // What a node says since its last word on the same inlet.
  void add_report(std::size_t stage, const std::string& node, const wire::InletReport& before,
                  const wire::InletReport& report);

  // The counts as the status tells them; what is only known now is left at 0.
  [[nodiscard]] wire::StageStatus status(std::size_t stage) const;

 private:
  // The entry of this name; that of kOthers when it would be one too many.
  template <typename Value>
  static Value& entry(std::map<std::string, Value>& entries, const std::string& name,
                      std::size_t count_max) {
    const bool has_room = entries.size() < count_max || entries.contains(name);
    return entries[has_room ? name : kOthers];
  }

  std::vector<OfStage> stages_;
};

}  // namespace leat::broker
