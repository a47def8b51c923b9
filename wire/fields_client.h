// The fields of the messages between client and broker. wire/fields.h tells how to read them.

#pragma once

#include "wire/fields.h"

namespace leat::wire {

// ---- Client to broker.

template <>
struct Fields<Deploy> {
  static void list(auto& archive, auto& deploy) {
    archive.number("version", deploy.version);
    archive.text("file", deploy.file, kTextBytesMax);
    archive.text("directory", deploy.directory, kTextBytesMax);
    archive.text("spec_text", deploy.spec_text, kSpecBytesMax);
  }
};

template <>
struct Fields<OpenSession> {
  static void list(auto& archive, auto& open) {
    archive.number("version", open.version);
    archive.text("pipeline", open.pipeline, kNameBytesMax);
    archive.text("producer", open.producer, kNameBytesMax);
    archive.number("epoch", open.epoch);
    archive.number("taken", open.taken);
    archive.enumerator("use", open.use, SessionUse::kReceive);
    archive.text("group", open.group, kNameBytesMax);
    archive.text("from", open.from, kNameBytesMax);
    archive.boolean("wants_stderr", open.wants_stderr);
  }
};

template <>
struct Fields<Submit> {
  static void list(auto& archive, auto& submit) {
    archive.structure("producer", submit.producer);
    archive.number("epoch", submit.epoch);
    archive.number("sequence", submit.sequence, kNumberMax);
    archive.structure("records", submit.records);
    archive.rule(
        "sequence", [&] { return has_room(Position(submit.sequence), submit.records.count); },
        "sequence numbers below 2^63");
  }
};

template <>
struct Fields<EndOfInput> {
  static void list(auto& archive, auto& end) {
    archive.structure("producer", end.producer);
    archive.number("epoch", end.epoch);
    archive.number("total", end.total, kNumberEnd);
  }
};

template <>
struct Fields<Taken> {
  static void list(auto& archive, auto& taken) {
    archive.structure("producer", taken.producer);
    archive.number("epoch", taken.epoch);
    archive.number("delivery", taken.delivery);
    archive.number("beat", taken.beat);
  }
};

template <>
struct Fields<CloseSession> {
  static void list(auto& archive, auto& close) {
    archive.structure("producer", close.producer);
    archive.number("epoch", close.epoch);
  }
};

template <>
struct Fields<StatusRequest> {
  static void list(auto& archive, auto& request) {
    archive.text("pipeline", request.pipeline, kNameBytesMax);
  }
};

template <>
struct Fields<Describe> {
  static void list(auto& archive, auto& describe) {
    archive.text("pipeline", describe.pipeline, kNameBytesMax);
  }
};

template <>
struct Fields<Scale> {
  static void list(auto& archive, auto& scale) {
    archive.text("pipeline", scale.pipeline, kNameBytesMax);
    archive.text("stage", scale.stage, kNameBytesMax);
    archive.number("replicas", scale.replicas);
  }
};

template <>
struct Fields<Pause> {
  static void list(auto& archive, auto& pause) {
    archive.text("pipeline", pause.pipeline, kNameBytesMax);
    archive.text("stage", pause.stage, kNameBytesMax);
    archive.boolean("is_paused", pause.is_paused);
  }
};

template <>
struct Fields<Drain> {
  static void list(auto& archive, auto& drain) { archive.text("node", drain.node, kNameBytesMax); }
};

template <>
struct Fields<Remove> {
  static void list(auto& archive, auto& remove) {
    archive.text("pipeline", remove.pipeline, kNameBytesMax);
    archive.boolean("drop", remove.drop);
  }
};

template <>
struct Fields<LogsRequest> {
  static void list(auto& archive, auto& request) {
    archive.text("pipeline", request.pipeline, kNameBytesMax);
    archive.text("stage", request.stage, kNameBytesMax);
  }
};

// ---- Broker to client.

template <>
struct Fields<Deployed> {
  static void list(auto& archive, auto& deployed) {
    archive.structure("deployment", deployed.deployment);
    archive.text("pipeline", deployed.pipeline, kNameBytesMax);
    archive.text("changes", deployed.changes, kTextBytesMax);
  }
};

template <>
struct Fields<SessionState> {
  static void list(auto& archive, auto& state) {
    archive.structure("producer", state.producer);
    archive.number("epoch", state.epoch);
    archive.number("next_sequence", state.next_sequence, kNumberEnd);
    archive.number("bytes_max", state.bytes_max);
    archive.boolean("has_end", state.has_end);
    archive.number("deliveries", state.deliveries);
    archive.number("beat", state.beat);
  }
};

template <>
struct Fields<Delivery> {
  static void list(auto& archive, auto& delivery) {
    archive.structure("producer", delivery.producer);
    archive.number("epoch", delivery.epoch);
    archive.counter("number", delivery.number);
    archive.text("from", delivery.from, kNameBytesMax);
    archive.structure("outputs", delivery.outputs);
    archive.list("dead_letters", delivery.dead_letters);
    archive.number("dropped", delivery.dropped);
    archive.boolean("is_last", delivery.is_last);
    archive.list("said", delivery.said);
  }
};

template <>
struct Fields<SessionFailed> {
  static void list(auto& archive, auto& failed) {
    archive.text("producer", failed.producer, kNameBytesMax);
    archive.text("reason", failed.reason, kTextBytesMax);
  }
};

template <>
struct Fields<Refused> {
  static void list(auto& archive, auto& refused) {
    archive.text("what", refused.what, kTextBytesMax);
    archive.text("reason", refused.reason, kTextBytesMax);
  }
};

template <>
struct Fields<Description> {
  static void list(auto& archive, auto& description) {
    archive.text("file", description.file, kTextBytesMax);
    archive.text("directory", description.directory, kTextBytesMax);
    archive.text("spec_text", description.spec_text, kSpecBytesMax);
  }
};

template <>
struct Fields<Done> {
  static void list(auto& archive, auto& done) {
    archive.text("what", done.what, kNameBytesMax);
    archive.number("count", done.count);
  }
};

template <>
struct Fields<Logs> {
  static void list(auto& archive, auto& logs) {
    archive.text("pipeline", logs.pipeline, kNameBytesMax);
    archive.text("stage", logs.stage, kNameBytesMax);
    archive.text("node", logs.node, kNameBytesMax);
    archive.list("lines", logs.lines);
  }
};

}  // namespace leat::wire
