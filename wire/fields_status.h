// The fields of what the broker tells of pipelines and nodes. wire/fields.h tells how to read them.

#pragma once

#include "wire/fields.h"

namespace leat::wire {

template <>
struct Fields<StageOnNode> {
  static void list(auto& archive, auto& stage) {
    archive.text("node", stage.node, kNameBytesMax);
    archive.number("records_in", stage.records_in);
    archive.number("records_out", stage.records_out);
    archive.number("bytes_in", stage.bytes_in);
    archive.number("bytes_out", stage.bytes_out);
    archive.list("failed", stage.failed);
    archive.list("restarts", stage.restarts);
    archive.number("retried", stage.retried);
    archive.number("dead_letters", stage.dead_letters);
    archive.number("dropped", stage.dropped);
    archive.number("leased", stage.leased);
    archive.number("replicas", stage.replicas);
    archive.number("replicas_ready", stage.replicas_ready);
    archive.number("busy_ns", stage.busy_ns);
    archive.list("service", stage.service);
    archive.rule("service", [&] { return is_sound(stage.service); }, "ascending buckets");
  }
};

template <>
struct Fields<StageStatus> {
  static void list(auto& archive, auto& stage) {
    archive.text("name", stage.name, kNameBytesMax);
    archive.number("replicas", stage.replicas);
    archive.text("trouble", stage.trouble, kTextBytesMax);
    archive.boolean("failing", stage.failing);
    archive.number("waiting", stage.waiting);
    archive.number("waiting_bytes", stage.waiting_bytes);
    archive.number("oldest_ns", stage.oldest_ns);
    archive.number("held_back_ns", stage.held_back_ns);
    archive.list("wait", stage.wait);
    archive.list("nodes", stage.nodes);
    archive.boolean("paused", stage.paused);
    archive.rule("wait", [&] { return is_sound(stage.wait); }, "ascending buckets");
  }
};

template <>
struct Fields<PipelineStatus> {
  static void list(auto& archive, auto& pipeline) {
    archive.text("name", pipeline.name, kNameBytesMax);
    archive.text("state", pipeline.state, kTextBytesMax);
    archive.number("queue_bytes", pipeline.queue_bytes);
    archive.number("queue_bytes_max", pipeline.queue_bytes_max);
    archive.number("records", pipeline.records);
    archive.number("sessions", pipeline.sessions);
    archive.number("producers", pipeline.producers);
    archive.number("consumers", pipeline.consumers);
    archive.number("results", pipeline.results);
    archive.number("results_oldest_ns", pipeline.results_oldest_ns);
    archive.number("back_pressure_ns", pipeline.back_pressure_ns);
    archive.list("stages", pipeline.stages);
  }
};

template <>
struct Fields<NodeStatus> {
  static void list(auto& archive, auto& node) {
    archive.text("name", node.name, kNameBytesMax);
    archive.text("state", node.state, kNameBytesMax);
    archive.number("cores", node.cores);
    archive.number("replicas", node.replicas);
    archive.map("labels", node.labels, kNameBytesMax);
  }
};

template <>
struct Fields<Status> {
  static void list(auto& archive, auto& status) {
    archive.list("pipelines", status.pipelines);
    archive.list("nodes", status.nodes);
  }
};

}  // namespace leat::wire
