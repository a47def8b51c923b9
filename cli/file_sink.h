// FileSink decides what `leat recv --to FILE` writes, and when: a state machine without files and
// clock. It orders FILE to be written and synced, then the state beside it, and only then lets the
// broker know.
//
// Whatever ends the process between two effects or inside one, and whatever of the bytes that were
// not synced then survives:
//  (1) No result is in FILE twice, in a session that is taken up again, and in a new one, too: what
//      is in FILE while the broker may not know it is remembered, and passed over when it comes.
//  (2) What the broker was told to be taken is in FILE.
//  (3) FILE up to the state's length is whole deliveries in the order in which they came.
// Effects are carried out in order; after one that failed, none.
//
// A record that ended a producer's input without a terminator gets it when another record follows,
// as in Output.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/sink_state.h"
#include "core/bytes.h"
#include "core/result.h"
#include "core/time.h"
#include "framing/framing.h"
#include "wire/messages.h"

namespace leat::cli {

struct TruncateFile {
  std::uint64_t length = 0;
};

// All of the bytes, at that place of FILE, which is its end.
struct WriteFile {
  std::uint64_t at = 0;
  Bytes bytes;
};

// What was written survives everything from now on.
struct SyncFile {};

// The state becomes this, or stays as it was; when that is done it survives everything.
struct WriteState {
  std::string text;
  std::uint64_t length = 0;  // Of FILE, by it.
};

// The broker may be told that these are taken.
struct Acknowledge {
  std::uint64_t delivery = 0;
};

using SinkEffect = std::variant<TruncateFile, WriteFile, SyncFile, WriteState, Acknowledge>;
using SinkEffects = std::vector<SinkEffect>;

class FileSink {
 public:
  struct Purpose {
    std::string pipeline;
    std::string group;
    std::string producer;  // Empty: all.
  };

  // What lies there.
  struct Found {
    std::string file;  // Paths, for errors.
    std::string state_file;
    std::uint64_t length = 0;          // Of FILE.
    std::optional<std::string> state;  // The text.
  };

  // Refuses what does not fit together; an error names both files and the remedy. `consumer` is the
  // name of a new one.
  [[nodiscard]] static Result<FileSink> open(Purpose purpose, const Found& found,
                                             const std::string& consumer);

  // How records are written; before the first.
  void set_framing(framing::Framing framing) { framing_ = std::move(framing); }

  [[nodiscard]] SinkEffects start();

  // As which the session is to be opened: with the next epoch, 1 for a new session.
  [[nodiscard]] const std::string& consumer() const { return state_.consumer; }

  [[nodiscard]] std::uint64_t next_epoch() const { return state_.epoch + 1; }

  [[nodiscard]] std::uint64_t delivery() const { return state_.delivery; }

  // Of FILE, with all that was added.
  [[nodiscard]] std::uint64_t length() const { return state_.length; }

  [[nodiscard]] bool is_complete() const { return state_.is_complete; }

  // open-session is about to be sent with this epoch: no epoch is used that the state does not
  // have. Epoch 1 begins a new session, with deliveries from 1 on.
  [[nodiscard]] SinkEffects open_session(std::uint64_t epoch);

  // REQUIRES: the delivery behind the last one.
  [[nodiscard]] SinkEffects add(const wire::Delivery& delivery, Instant now);

  // The broker is known to have heard that these are taken.
  void confirm(std::uint64_t delivery);

  [[nodiscard]] SinkEffects tick(Instant now);

  [[nodiscard]] std::optional<Instant> next_deadline() const { return due_; }

  // All that was added, now.
  [[nodiscard]] SinkEffects flush();

  // The session was closed: the next one is a new one.
  [[nodiscard]] SinkEffects end();

  // How far FILE may be ahead of the state. The broker gives no more than 4 MiB ahead of what it
  // knows to be taken.
  static constexpr Duration kBehindMax = std::chrono::milliseconds(20);
  static constexpr std::size_t kBytesBehindMax = std::size_t{2} << 20;
  // Beyond that the oldest are forgotten.
  static constexpr std::size_t kUnconfirmedMax = 10'000;

 private:
  FileSink(SinkState state, std::uint64_t found_length)
      : state_(std::move(state)), found_length_(found_length) {}

  // Whether it is in FILE, since an earlier session; notes that it is.
  [[nodiscard]] bool is_repeated(const DeliveryMark& mark);
  void write(const wire::Delivery& delivery, SinkEffects& effects);

  [[nodiscard]] WriteState state_effect() const { return {to_text(state_), state_.length}; }

  SinkState state_;  // With all that was added.
  std::uint64_t found_length_;
  framing::Framing framing_;
  std::optional<Instant> due_;  // Set while something that was added is not in the state.
  std::size_t bytes_behind_ = 0;
};

}  // namespace leat::cli
