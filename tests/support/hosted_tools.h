// A ToolHost with real tools in a test: it is served until something has happened, and all that it
// tells is kept.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/clock.h"
#include "io/guardian.h"
#include "io/rest_probe.h"
#include "node/tool_host.h"
#include "tests/support/deadline.h"

namespace leat::tests {

class HostedTools {
 public:
  // What was told of one tool.
  struct Story {
    bool has_started = false;
    std::optional<node::ToolStartFailed> failed;
    std::string printed;
    std::string said;
    std::string complained;
    std::vector<node::Rest> looks;
    std::optional<node::ToolEnded> ended;
  };

  HostedTools()
      : host_({.guardian = make_guardian(),
               .wait = io::calibrate_pipe_wait().value_or(io::PipeWait{}),
               .starter = LEAT_START},
              [this](const node::Event& event) { note(event); }) {}

  // Of a tool that will be started next; what it does with its input and output is up to it.
  [[nodiscard]] node::StartTool order(std::vector<std::string> argv) {
    node::StartTool order;
    order.tool = node::ToolId{++count_};
    order.directory = "/";
    order.argv = std::move(argv);
    return order;
  }

  // Until it runs, or could not be started.
  node::ToolId start(const node::StartTool& order) {
    host_.order(order, now());
    Story& story = stories_[order.tool];
    static_cast<void>(serve_until([&] { return story.has_started || story.failed; }));
    return order.tool;
  }

  template <typename Effect>
  void carry_out(const Effect& effect) {
    host_.order(effect, now());
  }

  void feed(node::ToolId tool, std::string_view text) {
    carry_out(node::FeedTool{tool, Bytes::copy(text)});
  }

  [[nodiscard]] const Story& of(node::ToolId tool) { return stories_[tool]; }

  // False at the deadline.
  template <typename Predicate>
  [[nodiscard]] bool serve_until(Predicate holds) {
    const Instant end = now() + kDeadline;
    while (!holds()) {
      if (now() > end) return false;
      io::WaitSet waits;
      host_.watch(waits);
      // A predicate may also wait for what no descriptor tells.
      waits.wait(std::chrono::milliseconds(1));
      host_.serve(waits, now());
    }
    return true;
  }

  // Looks until the tool is not busy. All that it printed by then was told before.
  node::Rest rest(node::ToolId tool) {
    Story& story = stories_[tool];
    static_cast<void>(serve_until([&] {
      carry_out(node::LookAtTool{tool, ++looks_});
      return story.ended || story.looks.back() != node::Rest::kBusy;
    }));
    return story.looks.empty() ? node::Rest::kBusy : story.looks.back();
  }

  // What it answered when it was at rest again.
  std::string ask(node::ToolId tool, std::string_view text) {
    Story& story = stories_[tool];
    story.printed.clear();
    feed(tool, text);
    static_cast<void>(rest(tool));
    return story.printed;
  }

  // From now on it is so much later.
  void skip(Duration time) { ahead_ += time; }

  // With end-of-file; its exit status, or -1 with a signal.
  int end(node::ToolId tool) {
    carry_out(node::CloseStdin{tool});
    return await_end(tool);
  }

  int await_end(node::ToolId tool) {
    Story& story = stories_[tool];
    static_cast<void>(serve_until([&] { return story.ended.has_value(); }));
    return !story.ended || story.ended->is_signal ? -1 : story.ended->status;
  }

 private:
  static io::Guardian make_guardian() {
    io::prepare_signals();
    return io::Guardian::start(LEAT_GUARDIAN).value();
  }

  void note(const node::Event& event) {
    std::visit([this](const auto& told) { note_one(told); }, event);
  }

  void note_one(const node::ToolStarted& told) { stories_[told.tool].has_started = true; }

  void note_one(const node::ToolStartFailed& told) { stories_[told.tool].failed = told; }

  void note_one(const node::ToolPrinted& told) { stories_[told.tool].printed += told.bytes; }

  void note_one(const node::ToolSaid& told) { stories_[told.tool].said += told.bytes; }

  void note_one(const node::ToolComplained& told) { stories_[told.tool].complained += told.bytes; }

  void note_one(const node::ToolLooked& told) { stories_[told.tool].looks.push_back(told.rest); }

  void note_one(const node::ToolEnded& told) { stories_[told.tool].ended = told; }

  template <typename Other>
  void note_one(const Other& /*told*/) {}

  [[nodiscard]] Instant now() const { return clock_.now() + ahead_; }

  io::MonotonicClock clock_;
  Duration ahead_{};
  std::map<node::ToolId, Story> stories_;  // Before the host, which tells them to its end.
  std::uint64_t count_ = 0;
  std::uint64_t looks_ = 0;
  node::ToolHost host_;
};

}  // namespace leat::tests
