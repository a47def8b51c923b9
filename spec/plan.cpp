#include "spec/plan.h"

namespace leat::spec {

namespace {

void connect(Plan& plan, std::size_t from, std::size_t to) {
  plan.vertices[from].to.push_back(to);
  plan.vertices[to].from.push_back(from);
}

}  // namespace

Plan plan(const Pipeline& pipeline) {
  Plan plan;
  plan.vertices.resize(pipeline.stages.size() + 2);
  plan.vertices.front().kind = VertexKind::kSource;
  plan.vertices.back().kind = VertexKind::kSink;
  for (std::size_t i = 0; i < pipeline.stages.size(); ++i) {
    const std::size_t vertex = i + 1;
    plan.vertices[vertex].stage = i;
    plan.vertices[vertex].segment = plan.segments.size();
    // One replica may keep state from record to record; several cannot, so they need no order.
    plan.vertices[vertex].is_ordered = pipeline.stages[i].replicas == 1;
    plan.segments.push_back({.stages = {i}, .vertex = vertex});
    connect(plan, pipeline.from[i] ? *pipeline.from[i] + 1 : plan.source(), vertex);
  }
  for (std::size_t vertex = 1; vertex < plan.sink(); ++vertex) {
    if (plan.vertices[vertex].to.empty()) connect(plan, vertex, plan.sink());
  }
  return plan;
}

}  // namespace leat::spec
