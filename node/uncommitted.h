// Uncommitted is what a kept-alive tool was given, and has printed, since its last commit point.
//
// Invariant: all of it is of one producer.

#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "node/answers.h"
#include "node/work_queue.h"
#include "wire/messages.h"

namespace leat::node {

// Adds the run behind the others, to the last one if it goes on where that ends.
void append(std::vector<Run>& runs, const Run& run);

class Uncommitted {
 public:
  explicit Uncommitted(const framing::Framing& output) : answers_(output) {}

  // The tool was given these, which are `bytes` in its input.
  void add(Portion portion, std::size_t bytes, Instant now);

  [[nodiscard]] bool is_empty() const { return count_ == 0; }

  // Records given.
  [[nodiscard]] std::uint32_t count() const { return count_; }

  // Given and printed.
  [[nodiscard]] std::uint64_t bytes() const { return given_bytes_ + answers_.bytes(); }

  // REQUIRES: !is_empty().
  [[nodiscard]] const Portion& front() const { return given_.front(); }

  [[nodiscard]] const Portion& back() const { return given_.back(); }

  [[nodiscard]] Answers& answers() { return answers_; }

  [[nodiscard]] const Answers& answers() const { return answers_; }

  // Records without an answer, where each has one.
  [[nodiscard]] std::uint32_t owed() const { return count_ - std::min(count_, answers_.count()); }

  // When the first was given.
  [[nodiscard]] Instant since() const { return since_; }

  // When the tool answered last, or was first given something after it had answered all.
  [[nodiscard]] Instant last_progress() const { return last_progress_; }

  void note_progress(Instant now) { last_progress_ = now; }

  // The front becomes nothing: it had no answer. REQUIRES: it is the only record.
  void drop_answer_of_front();

  // Results that give each record its output, one result for each lease, in order.
  // REQUIRES: as many outputs as answered records. Nothing is uncommitted then.
  [[nodiscard]] std::vector<wire::LeaseResult> take_one_for_one(Records outputs);

  // One result: the outputs belong to the records together. REQUIRES: they are of one lease, and
  // follow one another. Nothing is uncommitted then.
  [[nodiscard]] wire::LeaseResult take_together(Records outputs);

  // The records in order, cut before each of these indices; by first index. Nothing is uncommitted
  // then, but what was printed stays.
  [[nodiscard]] std::map<std::uint32_t, Portion> cut(const std::set<std::uint32_t>& cuts);

 private:
  // The records of the front's lease, without their outputs; how many outputs are theirs.
  std::uint32_t take_inputs(wire::LeaseResult& result, std::vector<Attribute>& attributes);
  void clear();

  std::deque<Portion> given_;  // In order.
  std::uint32_t count_ = 0;
  std::uint64_t given_bytes_ = 0;
  Instant since_;
  Instant last_progress_;
  Answers answers_;
};

}  // namespace leat::node
