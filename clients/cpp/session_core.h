// SessionCore is a client's side of one session, as a state machine without sockets and clock: it
// deploys the pipeline when it is given one, opens the session, submits within the credit, keeps
// what the broker has not accepted, hands over results in order and each once, and takes the
// session up again when messages were lost.
//
// The three uses of a session differ in when it is over:
//   kPipe     when everything that was submitted is settled, handed over and taken;
//   kSend     when everything is accepted, the end of the input included;
//   kReceive  never, or with `from` when that producer's last results are taken.
// The broker is told so until it has confirmed: what it does not know to be taken would come again
// to somebody else.
//
// Equal sequences of calls return equal effects. Not thread-safe.

#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/batch.h"
#include "core/time.h"
#include "wire/messages.h"

namespace leat::client {

// A consumer that another process was before.
struct Resumption {
  std::uint64_t epoch = 1;  // One that it never used; 1: there was none.
  std::uint64_t taken = 0;  // Deliveries that it has.
  bool has_last = false;    // The last of all is among them.
};

struct Settings {
  std::optional<wire::Deploy> deploy;  // Before the session is opened.
  std::string pipeline;                // Unless deployed.
  std::string producer;                // Unique among the pipeline's open sessions.
  wire::SessionUse use = wire::SessionUse::kPipe;
  std::string group;          // kReceive only, as in wire::OpenSession.
  std::string from;           // Likewise.
  bool wants_stderr = false;  // kPipe only: what its tools say comes with the deliveries.
  // kReceive only. A session that is not there any more is begun anew, with epoch 1; and it is
  // found out soon whether the broker has heard what is taken, see confirmed().
  std::optional<Resumption> resumption;
  Duration beat = std::chrono::seconds(1);
  std::uint32_t broker_silence_beats = 15;  // Then the session has failed.
};

struct SendToBroker {
  wire::Message message;
};

// Results for the user; call took() when they are where they belong.
struct HandOver {
  wire::Delivery delivery;
};

// What was to be taken up again is not there any more: the next delivery is number 1.
struct BeginAnew {
  std::string reason;
};

// It has done what it was for. The last effect.
struct Finish {};

// It cannot go on. The last effect.
struct Fail {
  enum class Kind { kRefused, kPipelineFailed, kUnreachable } kind = Kind::kRefused;
  std::string reason;
};

// The broker's answer to ask_status().
struct ShowStatus {
  wire::Status status;
};

using Effect = std::variant<SendToBroker, HandOver, BeginAnew, Finish, Fail, ShowStatus>;
using Effects = std::vector<Effect>;

class SessionCore {
 public:
  explicit SessionCore(Settings settings);

  [[nodiscard]] Effects start(Instant now);

  // A message came from the broker.
  [[nodiscard]] Effects receive(const wire::Message& message, Instant now);

  // Whether submit() may be called: the session is open, has credit, has not been ended, and is
  // none of kReceive.
  [[nodiscard]] bool may_submit() const;

  // Bytes that may be submitted now. A batch may go beyond them once.
  [[nodiscard]] std::uint64_t credit() const;

  // Hands records to the pipeline. REQUIRES: may_submit(); at least one record.
  [[nodiscard]] Effects submit(Records records, Instant now);

  // There are no more. REQUIRES: not called before; not kReceive.
  [[nodiscard]] Effects end(Instant now);

  // The results of this and all earlier deliveries are where they belong.
  [[nodiscard]] Effects took(std::uint64_t delivery, Instant now);

  // Gives the session up: nothing more is handed over, and the broker forgets what is left of it
  // (kPipe), works it off (kSend), or gives what was not taken to another consumer (kReceive). It
  // is over when the broker has confirmed that, or was silent for kCloseBeats; no effect tells so.
  [[nodiscard]] Effects close(Instant now);

  [[nodiscard]] Effects ask_status(Instant now);

  [[nodiscard]] Effects tick(Instant now);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] bool is_open() const { return state_ == State::kOpen; }

  [[nodiscard]] bool is_over() const { return state_ == State::kOver; }

  // Whether it was closed, or has finished, and the broker has said so.
  [[nodiscard]] bool is_end_confirmed() const { return is_end_confirmed_; }

  // The broker is known to have heard that deliveries up to this one are taken.
  [[nodiscard]] std::uint64_t confirmed() const { return confirmed_; }

  [[nodiscard]] std::uint64_t submitted_count() const { return next_sequence_; }

  // Of these, what the broker is known to have.
  [[nodiscard]] std::uint64_t accepted_count() const { return accepted_; }

  [[nodiscard]] const std::string& pipeline() const { return settings_.pipeline; }

  static constexpr std::uint64_t kCloseBeats = 2;

 private:
  // kFinishing and kClosing: the broker was told that it is over, after Finish is due or after
  // close(), and has not confirmed it.
  enum class State { kNew, kDeploying, kOpening, kOpen, kFinishing, kClosing, kOver };

  // Submitted, and not known to be accepted.
  struct Kept {
    std::uint64_t sequence;
    Records records;
  };

  void on(const wire::Deployed& message);
  void on(const wire::SessionState& message);
  void on(const wire::Delivery& message);
  void on(const wire::SessionFailed& message);
  void on(const wire::Refused& message);
  void on(const wire::Status& message);
  template <typename Other>
  void on(const Other& message);

  void send(wire::Message message) { effects_.push_back(SendToBroker{std::move(message)}); }

  void open_session();
  void reopen();
  void begin_anew(const std::string& reason);
  void send_beat();
  void drop_accepted();
  void repair(const wire::SessionState& message, State before);
  void resend();
  [[nodiscard]] bool is_ending() const;
  // Everything was handed over, and taken.
  [[nodiscard]] bool has_taken_all() const;
  void finish_if_due();
  void begin_end(State state);
  void tell_end();
  void confirm_end();
  void suffer_silence();
  void fail(Fail::Kind kind, std::string reason);
  Effects finish_step();

  Settings settings_;
  State state_ = State::kNew;
  Instant next_beat_;
  std::uint64_t beats_ = 0;
  // kFinishing, kClosing: the answer to this one, or a later one, confirms it. 0: the session is
  // not known to be open, and was told nothing.
  std::uint64_t end_beat_ = 0;
  std::uint64_t silent_beats_ = 0;
  ProducerId producer_;
  std::uint64_t epoch_ = 1;
  std::deque<Kept> kept_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t accepted_ = 0;          // All before are with the broker.
  bool is_end_accepted_ = false;        // And so is the end.
  std::uint64_t sequence_at_beat_ = 0;  // What was submitted when the last beat went.
  std::uint64_t submitted_bytes_ = 0;
  std::uint64_t bytes_max_ = 0;
  bool has_end_ = false;  // end() was called.
  bool had_end_at_beat_ = false;
  std::uint64_t handed_over_ = 0;  // Deliveries.
  std::uint64_t taken_ = 0;        // Deliveries.
  bool is_last_handed_over_ = false;
  bool is_resuming_ = false;          // It is not known whether the session is there.
  std::uint64_t opens_sent_ = 0;      // Of this epoch.
  std::uint64_t stale_refusals_ = 0;  // Are on the way, of the session that is not there.
  std::uint64_t taken_beat_ = 0;      // The last that was sent and said what is taken,
  std::uint64_t taken_at_beat_ = 0;   // which was this.
  std::uint64_t confirmed_ = 0;       // Deliveries.
  std::uint64_t beat_answered_ = 0;   // The last one.
  bool is_end_confirmed_ = false;
  Effects effects_;  // Empty between calls.
};

}  // namespace leat::client
