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

class Oracle {
 public:
  // `path` is what every result ends with: "/a/b". `has_window`: lines "end N" count.
  Oracle(std::string path, bool has_window) : path_(std::move(path)), has_window_(has_window) {}

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

  std::string path_;
  bool has_window_;
  std::vector<std::string> submitted_;
  std::size_t next_ = 0;         // The first that no result has passed.
  std::uint64_t in_window_ = 0;  // Results since the last "end N".
  std::set<std::string> dead_;
  std::set<std::string> done_;
  std::optional<std::string> complaint_;
};

}  // namespace leat::sim
