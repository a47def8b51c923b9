// The fields of the messages between broker and node. wire/fields.h tells how to read them.

#pragma once

#include "wire/fields.h"

namespace leat::wire {

// ---- Node to broker, control.

template <>
struct Fields<NodeJoin> {
  static void list(auto& archive, auto& join) {
    archive.number("version", join.version);
    archive.text("name", join.name, kNameBytesMax);
    archive.number("incarnation", join.incarnation);
    archive.number("cores", join.cores);
    archive.map("labels", join.labels, kNameBytesMax);
  }
};

template <>
struct Fields<NodeReport> {
  static void list(auto& archive, auto& report) {
    archive.counter("number", report.number);
    archive.list("inlets", report.inlets);
  }
};

template <>
struct Fields<InletCredit> {
  static void list(auto& archive, auto& credit) {
    archive.structure("segment", credit.segment);
    archive.number("epoch", credit.epoch);
    archive.number("leases_max", credit.leases_max);
  }
};

template <>
struct Fields<StageFailed> {
  static void list(auto& archive, auto& failed) {
    archive.structure("segment", failed.segment);
    archive.number("epoch", failed.epoch);
    archive.text("stage", failed.stage, kNameBytesMax);
    archive.text("reason", failed.reason, kTextBytesMax);
    archive.bytes("stderr_tail", failed.stderr_tail, kStderrBytesMax);
  }
};

template <>
struct Fields<NodeLeave> {
  static void list(auto&, auto&) {}
};

template <>
struct Fields<NodeLogs> {
  static void list(auto& archive, auto& logs) {
    archive.bytes("reply_to", logs.reply_to, kNameBytesMax);
    archive.text("pipeline", logs.pipeline, kNameBytesMax);
    archive.text("stage", logs.stage, kNameBytesMax);
    archive.list("lines", logs.lines);
  }
};

// ---- Broker to node, control.

template <>
struct Fields<Dismissed> {
  static void list(auto&, auto&) {}
};

template <>
struct Fields<LogsWanted> {
  static void list(auto& archive, auto& wanted) {
    archive.structure("segment", wanted.segment);
    archive.bytes("reply_to", wanted.reply_to, kNameBytesMax);
  }
};

template <>
struct Fields<NodeWelcome> {
  static void list(auto& archive, auto& welcome) {
    archive.number("version", welcome.version);
    archive.number("incarnation", welcome.incarnation);
    archive.structure("node", welcome.node);
    archive.text("results_address", welcome.results_address, kNameBytesMax);
    archive.number("beat_ms", welcome.beat_ms);
  }
};

template <>
struct Fields<OpenInlet> {
  static void list(auto& archive, auto& open) {
    archive.structure("segment", open.segment);
    archive.number("epoch", open.epoch);
    archive.text("spec_text", open.spec_text, kSpecBytesMax);
    archive.text("directory", open.directory, kTextBytesMax);
    archive.number("replicas", open.replicas);
    archive.boolean("ordered", open.ordered);
  }
};

template <>
struct Fields<CloseInlet> {
  static void list(auto& archive, auto& close) { archive.structure("segment", close.segment); }
};

template <>
struct Fields<ResultsDone> {
  static void list(auto& archive, auto& done) { archive.list("results", done.results); }
};

template <>
struct Fields<InletBeat> {
  static void list(auto& archive, auto& beat) {
    archive.structure("segment", beat.segment);
    archive.number("epoch", beat.epoch);
    archive.number("sent", beat.sent);
  }
};

template <>
struct Fields<BrokerBeat> {
  static void list(auto& archive, auto& beat) {
    archive.number("number", beat.number);
    archive.list("inlets", beat.inlets);
  }
};

// ---- Data.

template <>
struct Fields<Lease> {
  static void list(auto& archive, auto& lease) {
    archive.structure("segment", lease.segment);
    archive.number("epoch", lease.epoch);
    archive.counter("number", lease.number);
    archive.boolean("window", lease.window);
    archive.boolean("alone", lease.alone);
    archive.list("slices", lease.slices);
    archive.boolean("wants_stderr", lease.wants_stderr);
    archive.rule("slices", [&] { return !lease.slices.empty(); }, "at least one slice");
    archive.rule(
        "slices", [&] { return lease.window || are_one_for_one(lease.slices); },
        "slices of one record or more, whose runs are one for one");
    archive.rule(
        "slices", [&] { return !lease.window || is_window(lease.slices); },
        "a window of one producer, whose runs are one for one");
  }
};

template <>
struct Fields<LeaseResult> {
  static void list(auto& archive, auto& result) {
    archive.structure("node", result.node);
    archive.structure("segment", result.segment);
    archive.number("epoch", result.epoch);
    archive.counter("lease", result.lease);
    archive.counter("number", result.number);
    archive.structure("outputs", result.outputs);
    archive.list("failures", result.failures);
    archive.number("busy_ns", result.busy_ns);
    archive.list("service", result.service);
    archive.structure("said", result.said);
    archive.rule(
        "failures", [&] { return are_among(result.failures, result.outputs.runs); },
        "failures of inputs in runs without outputs, none twice");
    archive.rule("service", [&] { return is_sound(result.service); }, "ascending buckets");
  }
};

}  // namespace leat::wire
