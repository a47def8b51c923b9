// Session is one producer's dialogue with one deployment: its credit going in, its results coming
// out, numbered and kept until they are taken: by the producer itself, or, when it only sends, by
// consumers. What it submitted lies in its Flow.
//
// Invariants:
//  (1) Credit never shrinks. It is what is idle plus the session's share of the space.
//  (2) A delivery is kept, and its records stay open at the sink, until it is taken.
//  (3) At most `share` bytes are delivered and not taken, or one delivery.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "broker/flow.h"
#include "core/result.h"
#include "core/time.h"
#include "wire/messages.h"

namespace leat::broker {

class Session {
 public:
  struct Opening {
    ProducerId id;
    std::string producer;
    std::string peer;  // Where its messages go.
    std::uint64_t epoch;
    wire::SessionUse use = wire::SessionUse::kPipe;
    bool wants_stderr = false;  // What its tools say is delivered, too.
  };

  Session(Opening opening, const spec::Pipeline& pipeline, const spec::Plan& plan, Instant now);

  // The client is back, perhaps as another peer: what it has not taken is to be sent again.
  // Refuses an older epoch, and a count of deliveries that were never made.
  [[nodiscard]] Result<void> resume(const wire::OpenSession& message, const std::string& peer,
                                    Instant now);

  // Takes the records that are next; repeated ones are ignored, and so are those beyond a gap or
  // beyond the credit: the state tells the client where to go on. Refuses what no honest client
  // sends.
  [[nodiscard]] Result<void> submit(const wire::Submit& message, Instant now);
  [[nodiscard]] Result<void> end(const wire::EndOfInput& message, Instant now);

  // Deliveries up to this number are with the client. Whether one of them was not before.
  bool taken(std::uint64_t delivery, Instant now);

  // This delivery is with all its consumers.
  void taken_alone(std::uint64_t delivery, Instant now);

  // The client is gone. What was accepted goes on; if it said of no end, the input ends here.
  // REQUIRES: it only sends.
  void detach(Instant now);

  [[nodiscard]] bool is_detached() const { return is_detached_; }

  [[nodiscard]] bool only_sends() const { return opening_.use == wire::SessionUse::kSend; }

  // Keeps what failed at a stage for the client. `bytes` count against the share until taken.
  void add_dead_letter(wire::DeadLetter letter);

  // Keeps what a tool said for a client that wants it: kSaidBytesMax that it has not taken; what is
  // beyond that is counted.
  static constexpr std::size_t kSaidBytesMax = std::size_t{1} << 20;
  void add_said(const std::string& stage, const std::string& node, const wire::Said& said);

  void add_dropped(std::uint64_t records) { dropped_ += records; }

  // The next delivery, if there is anything to deliver and room for it; nothing is ready twice.
  // The last one is not made before every stage was seen to be able to start.
  enum class Stages { kStarting, kUp };
  [[nodiscard]] std::optional<wire::Delivery> next_delivery(Stages stages);

  // Deliveries made and not taken, for a client that came back.
  [[nodiscard]] std::vector<wire::Delivery> untaken() const;

  // Raises the credit by what is idle; whether there is anything new to tell.
  [[nodiscard]] bool update_credit(std::size_t share);

  // What the client may know of its standing.
  [[nodiscard]] wire::SessionState state() const;

  // Whether its client could have more to send, and may not.
  [[nodiscard]] bool is_out_of_credit() const {
    return !is_detached_ && !flow_.has_end() && submitted_bytes_ >= bytes_max_;
  }

  // Everything is settled, delivered and taken.
  [[nodiscard]] bool is_over() const { return is_last_made_ && deliveries_.empty(); }

  // What it holds beyond its flow: dead letters, and what tools said.
  [[nodiscard]] std::size_t bytes() const { return dead_letter_bytes_ + said_bytes_; }

  // Those that are not taken.
  [[nodiscard]] std::uint64_t dead_letter_count() const { return dead_letter_count_; }

  [[nodiscard]] std::size_t dead_letter_bytes() const { return dead_letter_bytes_; }

  [[nodiscard]] const Opening& opening() const { return opening_; }

  [[nodiscard]] Instant last_heard() const { return last_heard_; }

  void heard(Instant now) { last_heard_ = now; }

  // Whether the client may have waited for a word for a second.
  [[nodiscard]] bool is_word_due(Instant now) const { return now - last_word_ >= kWordTime; }

  void note_word(Instant now) { last_word_ = now; }

  [[nodiscard]] Flow& flow() { return flow_; }

  [[nodiscard]] const Flow& flow() const { return flow_; }

  // Whether there ever was something to take, other than the end.
  [[nodiscard]] bool had_results() const { return had_results_; }

  // Of deliveries that the client was sent and has not taken.
  [[nodiscard]] std::size_t untaken_bytes() const { return untaken_bytes_; }

 private:
  static constexpr Duration kWordTime = std::chrono::seconds(1);

  struct Untaken {
    wire::Delivery delivery;
    std::vector<Range> ranges;  // Open at the sink.
    std::size_t bytes = 0;
    std::size_t dead_letter_bytes = 0;
    std::size_t said_bytes = 0;
    bool is_taken = false;
  };

  // What was submitted at once, or in small pieces, and how many of it were found idle.
  struct Submission {
    std::uint64_t first = 0;  // Sequence number.
    Records sizes;            // Without the records themselves.
    std::uint32_t idle = 0;
  };

  // How many deliveries the client was sent: those of one that only sends are its consumers'.
  [[nodiscard]] std::uint64_t told_deliveries() const { return only_sends() ? 0 : delivery_count_; }

  // Keeps the records' sizes until they are idle.
  void remember(std::uint64_t sequence, const Records& records);

  // Adds what became idle to idle_bytes_: records that are settled or wait for company in a window.
  void count_idle();

  // Ends what is taken, from the first delivery on.
  void forget_taken(Instant now);

  void fill_from_sink(Untaken& made);
  // How many it takes: some come with each delivery, and a large one comes with no other.
  std::size_t fill_with_dead_letters(Untaken& made);
  void fill_with_said(Untaken& made);

  Opening opening_;
  const spec::Pipeline& pipeline_;
  const spec::Plan& plan_;
  Flow flow_;
  Instant last_heard_;
  Instant last_word_;  // That answered a submit.
  std::uint64_t submitted_bytes_ = 0;
  std::uint64_t idle_bytes_ = 0;
  std::uint64_t bytes_max_ = 0;  // The credit that the client was told of.
  std::size_t share_ = 0;
  std::deque<Submission> submissions_;  // Those that are not all idle, in order.
  std::deque<Untaken> deliveries_;
  std::size_t untaken_bytes_ = 0;
  std::uint64_t delivery_count_ = 0;
  std::vector<wire::DeadLetter> dead_letters_;  // Not in a delivery yet.
  std::size_t dead_letter_bytes_ = 0;           // Of those and of the untaken ones.
  std::uint64_t dead_letter_count_ = 0;         // The same.
  std::vector<wire::StageSaid> said_;           // Not in a delivery yet.
  std::size_t said_bytes_ = 0;                  // Of those and of the untaken ones.
  std::uint64_t dropped_ = 0;                   // Not in a delivery yet.
  bool is_last_made_ = false;
  bool had_results_ = false;
  bool is_detached_ = false;
  bool is_cut_short_ = false;  // Its input ended because the client was gone.
};

}  // namespace leat::broker
