#include "tests/sim/fake_tool.h"

#include <cstddef>

namespace leat::sim {

namespace {

std::string big_endian(std::uint64_t number, std::size_t bytes) {
  std::string text;
  while (bytes > 0) {
    text += static_cast<char>(number >> (8 * --bytes) & 0xff);
  }
  return text;
}

std::uint64_t number_of(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  return number;
}

}  // namespace

node::Rest FakeTool::rest() const {
  if (post_.is_unseeable) return node::Rest::kUnseeable;
  const bool is_idle = is(spec::Mode::kTagged) ? frames_.empty() && input_.empty()
                                               : input_.find('\n') == std::string::npos;
  const bool is_asleep = !ended_ && is_idle && !has_end_;
  return is_asleep ? node::Rest::kAtRest : node::Rest::kBusy;
}

void FakeTool::end(bool is_signal, int status) {
  if (ended_) return;
  ended_ = node::ToolEnded{post_.id, is_signal, status};
  if (status != 0) complaint_ += "tool of stage " + post_.stage + ": oh no\n";
}

void FakeTool::read_frames() {
  while (input_.size() >= 4) {
    const std::uint64_t size = number_of(input_.substr(0, 4));
    if (input_.size() < 4 + size) return;
    frames_.emplace_back(number_of(input_.substr(4, 8)), input_.substr(12, size - 8));
    input_.erase(0, 4 + size);
  }
}

bool FakeTool::work_tagged() {
  read_frames();
  if (!frames_.empty()) {
    const auto at = static_cast<std::ptrdiff_t>(habits_.chance.below(frames_.size()));
    if (at > 0) ++habits_.census["tagged: answers out of order"];
    const auto [id, record] = frames_[static_cast<std::size_t>(at)];
    frames_.erase(frames_.begin() + at);
    id_ = id;
    answer(record);
    return true;
  }
  if (has_end_) end(false, 0);
  return has_end_;
}

bool FakeTool::work() {
  if (ended_) return false;
  if (is(spec::Mode::kTagged)) return work_tagged();
  const std::size_t newline = input_.find('\n');
  if (newline != std::string::npos) {
    const std::string record = input_.substr(0, newline);
    input_.erase(0, newline + 1);
    answer(record);
    return true;
  }
  if (!has_end_) return false;
  if (!input_.empty()) answer(std::exchange(input_, {}));
  if (is(spec::Mode::kWindow)) output_ += "end " + std::to_string(window_count_) + "\n";
  end(false, 0);
  return true;
}

void FakeTool::print(std::size_t count, const std::string& line) {
  if (!is(spec::Mode::kTagged)) {
    for (std::size_t i = 0; i < count; ++i) {
      output_ += line + "\n";
    }
    return;
  }
  std::string frame = big_endian(id_, 8) + big_endian(0, 1);
  for (std::size_t i = 0; i < count; ++i) {
    frame += big_endian(line.size(), 4) + line;
  }
  output_ += big_endian(frame.size(), 4) + frame;
}

void FakeTool::answer(const std::string& record) {
  const std::string marks = record.substr(record.find(' ') + 1);
  const bool is_marked = !is(spec::Mode::kWindow) && marks.find('/') == std::string::npos;
  const auto has = [&](char mark) { return is_marked && marks.find(mark) != std::string::npos; };
  const bool may_branch = !is(spec::Mode::kEach);
  const std::string line = record + "/" + post_.stage;
  complaint_ += "on " + record + "\n";
  ++window_count_;
  ++habits_.work[post_.stage + " " + record];
  if (habits_.broken_stage == post_.stage) {
    ++habits_.census["tool: breaks down, whatever it is given"];
    return end(true, 7);
  }
  if (has('K')) {
    ++habits_.census["tool: killed by a record"];
    return end(true, 11);
  }
  if (has('D')) {
    ++habits_.census[may_branch ? "filter: drops a record" : "tool: never answers a record"];
    if (is(spec::Mode::kTagged)) print(0, "");
    return;
  }
  if (has('T')) {
    ++habits_.census[may_branch ? "filter: makes two of a record" : "tool: always answers twice"];
    return print(2, line);
  }
  // A window has several records and three attempts: only its first brings bad luck.
  const bool is_safe = is(spec::Mode::kWindow) && window_count_ > 1;
  if (is_safe || !habits_.strikes(post_.stage + record)) return print(1, line);
  fail_by_chance(line);
}

void FakeTool::fail_by_chance(const std::string& line) {
  // Where rest cannot be seen, nobody can tell a dropped or doubled answer from a slow one.
  const bool is_tagged = is(spec::Mode::kTagged);
  const bool is_noticed = is_tagged || (is(spec::Mode::kEach) && !post_.is_unseeable);
  switch (habits_.chance.below(is_noticed ? 4 : 2)) {
    case 0:
      ++habits_.census["tool: crashes"];
      return end(true, 6);
    case 1:
      ++habits_.census["tool: exits with an error after its answer"];
      print(1, line);
      return end(false, 1);
    case 2:
      // Nobody waits for a time in this world: only its rest shows that an answer never comes.
      if (habits_.drops && !(is_tagged && post_.is_unseeable)) {
        ++habits_.census["tool: forgets an answer, once"];
        return;
      }
      ++habits_.census[is_tagged ? "tagged: answers an id twice" : "tool: answers twice, once"];
      print(1, line);
      return print(1, line);
    default: {
      ++habits_.census["tool: prints half an answer and crashes"];
      const std::size_t before = output_.size();
      print(1, line);
      output_.resize(before + (output_.size() - before) / 2);
      return end(false, 2);
    }
  }
}

}  // namespace leat::sim
