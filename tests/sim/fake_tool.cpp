#include "tests/sim/fake_tool.h"

namespace leat::sim {

node::Rest FakeTool::rest() const {
  if (post_.is_unseeable) return node::Rest::kUnseeable;
  const bool is_asleep = !ended_ && input_.find('\n') == std::string::npos && !has_end_;
  return is_asleep ? node::Rest::kAtRest : node::Rest::kBusy;
}

void FakeTool::end(bool is_signal, int status) {
  if (ended_) return;
  ended_ = node::ToolEnded{post_.id, is_signal, status};
  if (status != 0) complaint_ += "tool of stage " + post_.stage + ": oh no\n";
}

bool FakeTool::work() {
  if (ended_) return false;
  const std::size_t newline = input_.find('\n');
  if (newline != std::string::npos) {
    const std::string record = input_.substr(0, newline);
    input_.erase(0, newline + 1);
    answer(record);
    return true;
  }
  if (!has_end_) return false;
  if (!input_.empty()) answer(std::exchange(input_, {}));
  if (post_.is_window) output_ += "end " + std::to_string(window_count_) + "\n";
  end(false, 0);
  return true;
}

void FakeTool::answer(const std::string& record) {
  const std::string marks = record.substr(record.find(' ') + 1);
  const bool is_marked = !post_.is_window && marks.find('/') == std::string::npos;
  const auto has = [&](char mark) { return is_marked && marks.find(mark) != std::string::npos; };
  const std::string line = record + "/" + post_.stage + "\n";
  complaint_ += "on " + record + "\n";
  ++window_count_;
  ++habits_.work[post_.stage + " " + record];
  if (has('K')) {
    ++habits_.census["tool: killed by a record"];
    return end(true, 11);
  }
  if (has('D')) {
    ++habits_.census[post_.is_filter ? "filter: drops a record" : "tool: never answers a record"];
    return;
  }
  if (has('T')) {
    ++habits_
          .census[post_.is_filter ? "filter: makes two of a record" : "tool: always answers twice"];
    output_ += line + line;
    return;
  }
  // A window has several records and three attempts: only its first brings bad luck.
  const bool is_safe = post_.is_window && window_count_ > 1;
  if (is_safe || !habits_.strikes(post_.stage + record)) {
    output_ += line;
    return;
  }
  // Where rest cannot be seen, nobody can tell a dropped or doubled answer from a slow one.
  const bool is_unnoticed = post_.is_unseeable || post_.is_window || post_.is_filter;
  const std::uint64_t kinds = is_unnoticed ? 2 : 4;
  switch (habits_.chance.below(kinds)) {
    case 0:
      ++habits_.census["tool: crashes"];
      return end(true, 6);
    case 1:
      ++habits_.census["tool: exits with an error after its answer"];
      output_ += line;
      return end(false, 1);
    case 2:
      if (habits_.drops) {
        ++habits_.census["tool: forgets an answer, once"];
        return;
      }
      ++habits_.census["tool: answers twice, once"];
      output_ += line + line;
      return;
    default:
      ++habits_.census["tool: prints half an answer and crashes"];
      output_ += line.substr(0, line.size() / 2);
      return end(false, 2);
  }
}

}  // namespace leat::sim
