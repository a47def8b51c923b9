// Messages to frames and back. The first frame is a msgpack array: the message's kind, then its
// fields in the order of docs/protocol.md; further fields are ignored. Payloads follow as frames
// of their own, two for each set of records: lengths and blob. They are shared, not copied.

#pragma once

#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "wire/messages.h"

namespace leat::wire {

using Frames = std::vector<Bytes>;

// Checks nothing: what breaks a rule or a limit of docs/protocol.md, the receiver refuses.
[[nodiscard]] Frames encode(const Message& message);

// Total: any frames give a message that keeps every rule its struct states (runs add up, lengths
// and blob agree, positions are not too deep, enumerators are known), or an Error (kMalformed) that
// names the field.
[[nodiscard]] Result<Message> decode(const Frames& frames);

// The message's kind as docs/protocol.md writes it: "lease", "node-join".
[[nodiscard]] const char* kind_name(const Message& message);

}  // namespace leat::wire
