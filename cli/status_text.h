// The broker's status as a person reads it, and as programs do. Pure.

#pragma once

#include <cstdint>
#include <string>

#include "core/histogram.h"
#include "core/time.h"
#include "wire/messages.h"

namespace leat::cli {

// What a stage did and does on all nodes together.
struct StageTotals {
  std::uint64_t records_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t leased = 0;
  std::uint64_t retried = 0;
  std::uint64_t dead_letters = 0;
  std::uint64_t dropped = 0;
  std::uint64_t restarts = 0;
  std::uint32_t replicas_ready = 0;
  Histogram service;
};

[[nodiscard]] StageTotals sum_over_nodes(const wire::StageStatus& stage);

// Whether results wait and nobody comes for them.
[[nodiscard]] bool is_held_back_by_sink(const wire::PipelineStatus& pipeline);

// Whether an operator has paused stages of it, and nothing worse is known.
[[nodiscard]] bool is_paused(const wire::PipelineStatus& pipeline);

// How many records have had their outcome, at all stages together.
[[nodiscard]] std::uint64_t finished_count(const wire::PipelineStatus& pipeline);

// Why nothing moves, when nothing does; empty when that cannot be told.
[[nodiscard]] std::string waiting_state(const wire::PipelineStatus& pipeline);

// What was done in that time: stage, records in and out, records/s, p50 and p99 of the service
// time, failed, restarts, replicas.
[[nodiscard]] std::string summary_table(const wire::PipelineStatus& pipeline, Duration elapsed);

// Pipelines with their stages, then the nodes; several lines.
[[nodiscard]] std::string status_text(const wire::Status& status);

// One JSON object on one line; its keys stay (docs/operations.md), further ones may come.
[[nodiscard]] std::string status_json(const wire::Status& status);

}  // namespace leat::cli
