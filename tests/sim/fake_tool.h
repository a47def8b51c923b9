// A tool as the simulation has it: bytes in, bytes out, and the bad habits that a record or chance
// calls for. A record reads "NAME MARKS"; the tool of stage s answers "NAME MARKS/s". Marks:
//   K kills the tool, D gets no answer, T gets two, each at every attempt. To a filter and in mode
//   tagged D and T are records like others.
// One in mode tagged answers what it has in any order.
// A window's tool answers each of its records, and at the end prints "end N" for its N records.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/tool_events.h"
#include "tests/sim/chance.h"
#include "tests/sim/schedule.h"

namespace leat::sim {

// What all tools of a run share: which (stage, record) had its one fault by chance.
struct Habits {
  Chance& chance;
  Census& census;
  std::set<std::string> had_fault;
  std::uint64_t faults_left = 0;
  // One that drops an answer and doubles another between two looks has answered as many as it was
  // given: nobody can tell. A world has tools that drop or tools that double.
  bool drops = false;
  std::string broken_stage;                   // Whose tools end at whatever they are given, now.
  std::map<std::string, std::uint64_t> work;  // How often each was worked on: "a NAME MARKS".

  // Whether a fault happens now to this record; at most once for each.
  bool strikes(const std::string& record) {
    const bool may = faults_left > 0 && !had_fault.contains(record);
    if (!may || !chance.one_in(12)) return false;
    had_fault.insert(record);
    --faults_left;
    return true;
  }
};

class FakeTool {
 public:
  struct Post {
    node::ToolId id;
    std::string stage;
    spec::Mode mode = spec::Mode::kEach;
    bool is_unseeable = false;  // Its rest.
  };

  FakeTool(Post post, Habits& habits) : post_(std::move(post)), habits_(habits) {}

  void feed(std::string_view bytes) { input_.append(bytes); }

  void close_input() { has_end_ = true; }

  void kill() { end(true, 9); }

  // Takes a step: reads a record and answers, or ends. Whether there was something to do.
  bool work();

  [[nodiscard]] node::Rest rest() const;

  [[nodiscard]] const std::string& stage() const { return post_.stage; }

  // What it printed since the last call.
  [[nodiscard]] std::string take_output() { return std::exchange(output_, {}); }

  // The same for standard error: it names each record, and complains before it dies.
  [[nodiscard]] std::string take_complaint() { return std::exchange(complaint_, {}); }

  [[nodiscard]] const std::optional<node::ToolEnded>& ended() const { return ended_; }

  [[nodiscard]] node::ToolId id() const { return post_.id; }

 private:
  [[nodiscard]] bool is(spec::Mode mode) const { return post_.mode == mode; }

  // Takes in the frames that are whole.
  void read_frames();
  bool work_tagged();
  void answer(const std::string& record);
  void fail_by_chance(const std::string& line);
  // An answer of so many outputs.
  void print(std::size_t count, const std::string& line);
  void end(bool is_signal, int status);

  Post post_;
  Habits& habits_;
  std::string input_;
  std::string output_;
  std::string complaint_;
  bool has_end_ = false;
  std::vector<std::pair<std::uint64_t, std::string>> frames_;  // Mode tagged: what it has.
  std::uint64_t id_ = 0;                                       // Of the one it works on.
  std::uint64_t window_count_ = 0;
  std::optional<node::ToolEnded> ended_;
};

}  // namespace leat::sim
