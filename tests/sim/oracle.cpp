#include "tests/sim/oracle.h"

#include <algorithm>

namespace leat::sim {

namespace {

bool is_marked(const std::string& record) {
  return record.find_first_of("KDT", record.find(' ')) != std::string::npos;
}

}  // namespace

void Oracle::result(const std::string& line) {
  if (has_window_ && line.starts_with("end ")) {
    if (line != "end " + std::to_string(in_window_)) {
      complain("a window says '" + line + "' after " + std::to_string(in_window_) + " results");
    }
    in_window_ = 0;
    return;
  }
  ++in_window_;
  if (!line.ends_with(path_)) return complain("the result '" + line + "' was not at every stage");
  const std::string record = line.substr(0, line.size() - path_.size());
  if (dead_.contains(record)) complain("'" + record + "' has a result and is a dead letter");
  if (!done_.insert(record).second) return complain("'" + record + "' has two results");
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
  if (!is_marked(record) && !is_large) {
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
    if (!done_.contains(record) && !dead_.contains(record)) {
      return complain("'" + record + "' has no outcome");
    }
    if (is_marked(record) && done_.contains(record)) {
      return complain("'" + record + "' has a result that no tool can have given");
    }
  }
  if (has_window_ && in_window_ > 0) complain("the last window has no end");
}

}  // namespace leat::sim
