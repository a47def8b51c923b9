// SinkState is what `leat recv --to FILE` keeps in FILE.leat: which deliveries are in FILE, and how
// long FILE is with them. The text is a line for each value, in a fixed order, with a last line
// that shows that it is whole.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.h"
#include "core/position.h"
#include "core/result.h"

namespace leat::cli {

// Tells one delivery of results from all others of a broker, whoever gets it and under whatever
// number: no other one has results of this producer's record.
struct DeliveryMark {
  std::uint64_t number = 0;  // In the consumer's session; 0: in an earlier one.
  ProducerId producer;
  Position first;
};

struct SinkState {
  // Whose results these are.
  std::string pipeline;
  std::string group;
  std::string producer;  // Empty: all.

  std::string consumer;         // The name.
  std::uint64_t epoch = 0;      // Of its session; 0: none is open.
  std::uint64_t delivery = 0;   // All up to this one are in FILE.
  std::uint64_t length = 0;     // Of FILE, with them.
  std::string owed_terminator;  // What FILE's last record is to get when another one follows.
  bool is_complete = false;     // The producer's last result is in FILE.
  // Are in FILE, and the broker may not know it.
  std::vector<DeliveryMark> unconfirmed;
};

[[nodiscard]] std::string to_text(const SinkState& state);

// An error says what is wrong in the text.
[[nodiscard]] Result<SinkState> parse_sink_state(const std::string& text);

}  // namespace leat::cli
