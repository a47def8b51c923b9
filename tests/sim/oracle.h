// The oracle knows what was submitted and sees what comes back, and nothing of the code between:
// each record has one outcome, results come in the order of their records, nothing is made up, no
// record without a bad mark is given up.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "wire/messages.h"

namespace leat::sim {

// What a pipeline makes of records.
struct Shape {
  std::string path;           // Every result ends with it: "/a/b".
  bool has_window = false;    // Lines "end N" count.
  bool breaks_down = false;   // Its first stage may fail on anything for a while.
  bool is_branching = false;  // Its first stage may print nothing (D) or two lines (T).
};

class Oracle {
 public:
  explicit Oracle(Shape shape) : shape_(std::move(shape)) {}

  void submitted(const std::string& record) { submitted_.push_back(record); }

  // A line of the results, in the order in which they came.
  void result(const std::string& line);

  // A record came back as failed; `bytes` as the failing stage was given it.
  void dead_letter(const std::string& bytes, const std::string& reason);

  // All that became one.
  void dead_letters(const wire::DeadLetter& letter);

  // All is over: every record must have had its outcome.
  void finished();

  // The first thing that was wrong.
  [[nodiscard]] const std::optional<std::string>& complaint() const { return complaint_; }

  [[nodiscard]] std::size_t submitted_count() const { return submitted_.size(); }

 private:
  void complain(std::string what) {
    if (!complaint_) complaint_ = std::move(what);
  }

  // Whether it can only become a dead letter.
  [[nodiscard]] bool is_doomed(const std::string& record) const;
  // How many results it has.
  [[nodiscard]] std::size_t results_of(const std::string& record) const;

  Shape shape_;
  std::vector<std::string> submitted_;
  std::size_t next_ = 0;         // The first that no result has passed.
  std::uint64_t in_window_ = 0;  // Results since the last "end N".
  std::set<std::string> dead_;
  std::map<std::string, std::size_t> done_;  // How many results each has.
  std::optional<std::string> complaint_;
};

}  // namespace leat::sim
