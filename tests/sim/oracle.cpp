#include "tests/sim/oracle.h"

#include <algorithm>

namespace leat::sim {

namespace {

bool has_mark(const std::string& record, const char* marks) {
  return record.find_first_of(marks, record.find(' ')) != std::string::npos;
}

}  // namespace

bool Oracle::is_doomed(const std::string& record) const {
  return has_mark(record, shape_.is_branching ? "K" : "KDT");
}

std::size_t Oracle::results_of(const std::string& record) const {
  if (is_doomed(record) || has_mark(record, "D")) return 0;
  return has_mark(record, "T") ? 2 : 1;
}

void Oracle::result(const std::string& line) {
  if (shape_.has_window && line.starts_with("end ")) {
    if (line != "end " + std::to_string(in_window_)) {
      complain("a window says '" + line + "' after " + std::to_string(in_window_) + " results");
    }
    in_window_ = 0;
    return;
  }
  ++in_window_;
  if (!line.ends_with(shape_.path)) {
    return complain("the result '" + line + "' was not at every stage");
  }
  const std::string record = line.substr(0, line.size() - shape_.path.size());
  if (dead_.contains(record)) complain("'" + record + "' has a result and is a dead letter");
  if (++done_[record] > results_of(record)) {
    return complain("'" + record + "' has a result too many");
  }
  // Its second follows its first.
  if (done_[record] > 1 && next_ > 0 && submitted_[next_ - 1] == record) return;
  const auto found =
      std::find(submitted_.begin() + static_cast<std::ptrdiff_t>(next_), submitted_.end(), record);
  if (found == submitted_.end()) return complain("'" + line + "' is out of order, or made up");
  next_ = static_cast<std::size_t>(found - submitted_.begin()) + 1;
}

void Oracle::dead_letter(const std::string& bytes, const std::string& reason) {
  const std::string record = bytes.substr(0, bytes.find('/'));
  if (std::find(submitted_.begin(), submitted_.end(), record) == submitted_.end()) {
    return complain("a dead letter was made up: '" + bytes + "'");
  }
  // At its least the limit is below what a large window prints.
  const bool is_large = reason.find("printed more for one window than limits") != std::string::npos;
  const bool is_breakdown = shape_.breaks_down && reason.find("SIGBUS") != std::string::npos;
  if (!is_doomed(record) && !is_large && !is_breakdown) {
    complain("'" + record + "' was given up without fault: " + reason);
  }
  if (done_.contains(record)) complain("'" + record + "' has a result and is a dead letter");
  if (!dead_.insert(record).second) complain("'" + record + "' is a dead letter twice");
}

void Oracle::dead_letters(const wire::DeadLetter& letter) {
  RecordReader reader(letter.records);
  while (!reader.is_done()) {
    dead_letter(std::string(reader.next()), letter.stage + ", " + letter.failure.reason);
  }
}

void Oracle::finished() {
  for (const std::string& record : submitted_) {
    const std::size_t results = done_.contains(record) ? done_.at(record) : 0;
    if (dead_.contains(record) || (results == results_of(record) && !is_doomed(record))) continue;
    return complain("'" + record + "' has " + std::to_string(results) + " of its " +
                    std::to_string(results_of(record)) + " results, and is no dead letter");
  }
  if (shape_.has_window && in_window_ > 0) complain("the last window has no end");
}

}  // namespace leat::sim
