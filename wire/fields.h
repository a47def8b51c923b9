// The fields of every struct on the wire, in order: the one place that says what is sent. An
// archive is a Writer (wire/writer.h) or a Reader (wire/reader.h); `value` is const for the former.
//
//   number(name, value, most)   an unsigned integer of at most `most`
//   counter(name, value)        the same, at least 1: numbers that count from 1
//   text, bytes(name, value, most)  at most `most` bytes, written as msgpack str or bin
//   structure(name, value)      an array of the struct's own fields
//   list(name, value)           an array of structs
//   payload(records)            the next two frames
//   rule(name, holds, wanted)   what must hold of the fields before it; a Writer passes over it

#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/messages.h"
#include "wire/rules.h"

namespace leat::wire {

inline constexpr std::size_t kNameBytesMax = 1024;                   // Names and addresses.
inline constexpr std::size_t kTextBytesMax = std::size_t{64} << 10;  // Sentences, paths, values.
inline constexpr std::size_t kSpecBytesMax = std::size_t{4} << 20;
inline constexpr std::size_t kStderrBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kSeparatorBytesMax = 1024;
inline constexpr std::uint64_t kNumberMax = kNumberEnd - 1;

template <class T>
struct Fields;

// ---- core

template <class Id>
struct IdFields {
  static void list(auto& archive, auto& id) {
    archive.number("incarnation", id.incarnation);
    archive.number("counter", id.counter);
  }
};

template <>
struct Fields<ProducerId> : IdFields<ProducerId> {};

template <>
struct Fields<NodeId> : IdFields<NodeId> {};

template <>
struct Fields<DeploymentId> : IdFields<DeploymentId> {};

template <>
struct Fields<SegmentId> {
  static void list(auto& archive, auto& segment) {
    archive.structure("deployment", segment.deployment);
    archive.number("index", segment.index);
  }
};

template <>
struct Fields<Attribute> {
  static void list(auto& archive, auto& attribute) {
    archive.number("first", attribute.first);
    archive.number("count", attribute.count);
    archive.text("name", attribute.name, kNameBytesMax);
    archive.bytes("value", attribute.value, kTextBytesMax);
  }
};

template <>
struct Fields<Records> {
  static void list(auto& archive, auto& records) {
    archive.number("count", records.count);
    archive.bytes("separator", records.separator, kSeparatorBytesMax);
    archive.list("attributes", records.attributes);
    archive.payload(records);
  }
};

template <>
struct Fields<Run> {
  static void list(auto& archive, auto& run) {
    archive.position("first", run.first);
    archive.number("inputs", run.inputs);
    archive.number("outputs", run.outputs);
    archive.rule(
        "first", [&] { return is_sound(run); }, "numbers below 2^63 and room for children");
  }
};

template <>
struct Fields<Batch> {
  static void list(auto& archive, auto& batch) {
    archive.structure("producer", batch.producer);
    archive.list("runs", batch.runs);
    archive.structure("records", batch.records);
    archive.rule("runs", [&] { return is_ascending(batch.runs); }, "runs in order, none twice");
    archive.rule(
        "runs", [&] { return outputs_of(batch.runs) == batch.records.count; },
        "outputs that add up to the records' count");
  }
};

template <>
struct Fields<Histogram::Counts::value_type> {
  static void list(auto& archive, auto& entry) {
    archive.number("bucket", entry.first);
    archive.number("times", entry.second, kNumberMax);
  }
};

// ---- What several messages carry.

template <>
struct Fields<NumberRange> {
  static void list(auto& archive, auto& range) {
    archive.number("first", range.first, kNumberMax);
    archive.number("count", range.count, kNumberMax);
    archive.rule(
        "count", [&] { return range.count <= kNumberEnd - range.first; }, "an end of at most 2^63");
  }
};

template <>
struct Fields<Failure> {
  static void list(auto& archive, auto& failure) {
    archive.position("first", failure.first);
    archive.counter("inputs", failure.inputs);
    archive.enumerator("kind", failure.kind, FailureKind::kTool);
    archive.integer("status", failure.status);
    archive.number("attempts", failure.attempts);
    archive.text("reason", failure.reason, kTextBytesMax);
    archive.bytes("stderr_tail", failure.stderr_tail, kStderrBytesMax);
    archive.number("elapsed_ns", failure.elapsed_ns);
    archive.bytes("repeat", failure.repeat, kTextBytesMax);
    archive.rule(
        "inputs", [&] { return has_room(failure.first, failure.inputs); }, "numbers below 2^63");
  }
};

template <>
struct Fields<DeadLetter> {
  static void list(auto& archive, auto& letter) {
    archive.structure("failure", letter.failure);
    archive.text("stage", letter.stage, kNameBytesMax);
    archive.text("node", letter.node, kNameBytesMax);
    archive.structure("records", letter.records);
  }
};

template <>
struct Fields<Said> {
  static void list(auto& archive, auto& said) {
    archive.bytes("text", said.text, kStderrBytesMax);
    archive.number("bytes_left_out", said.bytes_left_out);
  }
};

template <>
struct Fields<StageSaid> {
  static void list(auto& archive, auto& said) {
    archive.text("stage", said.stage, kNameBytesMax);
    archive.text("node", said.node, kNameBytesMax);
    archive.structure("said", said.said);
  }
};

template <>
struct Fields<LogLine> {
  static void list(auto& archive, auto& line) {
    archive.number("replica", line.replica);
    archive.number("age_ns", line.age_ns);
    archive.text("record", line.record, kNameBytesMax);
    archive.bytes("text", line.text, kStderrBytesMax);
    archive.number("lines_left_out", line.lines_left_out);
    archive.number("bytes_left_out", line.bytes_left_out);
  }
};

template <>
struct Fields<NamedCount> {
  static void list(auto& archive, auto& named) {
    archive.text("name", named.name, kNameBytesMax);
    archive.number("count", named.count);
  }
};

template <>
struct Fields<InletReport> {
  static void list(auto& archive, auto& inlet) {
    archive.structure("segment", inlet.segment);
    archive.number("epoch", inlet.epoch);
    archive.text("address", inlet.address, kNameBytesMax);
    archive.list("leases", inlet.leases);
    archive.number("leases_max", inlet.leases_max);
    archive.number("replicas", inlet.replicas);
    archive.number("replicas_ready", inlet.replicas_ready);
    archive.number("retried", inlet.retried);
    archive.list("restarts", inlet.restarts);
    archive.rule(
        "leases", [&] { return is_ascending(inlet.leases); }, "ranges in order, none empty");
  }
};

}  // namespace leat::wire
