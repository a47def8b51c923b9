// From a batch's records to the stream that a tool reads or that standard output gets.

#pragma once

#include "core/batch.h"
#include "core/bytes.h"
#include "framing/framing.h"

namespace leat::framing {

// The records in the framing: the blob as it lies, or with a header ahead of each record: a
// copy. REQUIRES, without headers: each record has the framing's terminator behind it.
[[nodiscard]] Bytes stream_of(const Records& records, const Framing& framing);

}  // namespace leat::framing
