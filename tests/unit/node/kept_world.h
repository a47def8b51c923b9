// One KeptReplica with tools that live in memory: they read lines, and do with each what the test
// says, one after the other in simulated time.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "node/kept_replica.h"

namespace leat::node::testing {

using namespace std::chrono_literals;

// The records "r0", "r1" and so on.
inline std::vector<std::string> numbered(std::size_t count) {
  std::vector<std::string> records;
  records.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    records.push_back("r" + std::to_string(i));
  }
  return records;
}

// What a tool does with a record.
struct Deed {
  std::string prints;
  std::optional<ToolEnded> ends;
  Duration takes = 10us;
  std::string complains;  // On standard error, before it prints.
};

inline Deed answer(const std::string& record) {
  return {.prints = record + "!\n"};
}

inline Deed crash() {
  return {.ends = ToolEnded{.is_signal = true, .status = 11}};
}

struct Life {
  std::function<Deed(const std::string& record, std::size_t nth)> reads =
      [](const std::string& record, std::size_t) { return answer(record); };
  std::string banner;                        // Printed when it has started.
  std::string says_at_start;                 // Then, on standard error.
  std::string at_end;                        // Printed at end-of-file.
  std::optional<ToolEnded> ends_at_once;     // Instead of reading.
  std::optional<std::string> start_failure;  // Instead of starting.
  bool may_start_later = false;              // Then: the system was short of something.
  bool is_seeable = true;
  Rest hidden = Rest::kUnseeable;  // What is seen then.
};

// A sound tool that takes so long for each record.
inline Life slow_life(Duration takes) {
  Life life;
  life.reads = [takes](const std::string& record, std::size_t) {
    Deed deed = answer(record);
    deed.takes = takes;
    return deed;
  };
  return life;
}

class KeptWorld {
 public:
  explicit KeptWorld(spec::Stage stage, Limits limits = {},
                     std::size_t printed_bytes_max = std::size_t{1} << 30)
      : stage_(std::move(stage)),
        limits_(limits),
        queue_(stage_.replicas == 1),
        way_(stage_.buffering) {
    replica_ = std::make_unique<KeptReplica>(Post{.stage = stage_,
                                                  .limits = limits_,
                                                  .directory = "/",
                                                  .pipeline = "p",
                                                  .printed_bytes_max = printed_bytes_max},
                                             1);
  }

  // The life of the n-th process, from 0; the last holds for all later ones.
  std::vector<Life> lives = {Life{}};

  // Of what is given from now on.
  bool wants_stderr = false;

  // Looks on between the turns.
  std::function<void()> at_every_turn = [] {};

  void give(std::uint64_t lease, std::uint64_t first, const std::vector<std::string>& records,
            std::uint64_t producer = 1) {
    queue_.push_back(portion_of(lease, first, records, producer));
  }

  void give_unterminated(std::uint64_t lease, std::uint64_t at, const std::string& record) {
    Portion portion = portion_of(lease, at, {record}, 1);
    portion.is_unterminated = true;
    portion.batch.records.attributes = {{0, 1, std::string(kUnterminated), ""}};
    queue_.push_back(std::move(portion));
  }

  // Until nothing is to be done any more, or the time is over.
  void run(Duration most = 60s) {
    const Instant end = now + most;
    for (int turn = 0; turn < 200'000; ++turn) {
      with_turn([&](Turn& t) { replica_->advance(t, tool_count_); });
      carry_out();
      at_every_turn();
      const std::optional<Instant> next = next_time();
      if (!next || *next > end) return;
      now = std::max(now, *next);
      work();
    }
    is_endless = true;
  }

  [[nodiscard]] KeptReplica& replica() { return *replica_; }

  // What became of each record: its answer, "-" for nothing, or "failure N" after N attempts.
  [[nodiscard]] std::map<std::string, std::string> outcomes() const {
    std::map<std::string, std::string> all;
    for (const wire::LeaseResult& result : results) {
      note(result, all);
    }
    return all;
  }

  [[nodiscard]] std::vector<wire::Failure> failures() const {
    std::vector<wire::Failure> all;
    for (const wire::LeaseResult& result : results) {
      all.insert(all.end(), result.failures.begin(), result.failures.end());
    }
    return all;
  }

  // Those that are not 0.
  [[nodiscard]] std::map<std::string, std::uint64_t> restarts() const {
    std::map<std::string, std::uint64_t> counts;
    for (const wire::NamedCount& named : tally.restarts()) {
      if (named.count > 0) counts[named.name] = named.count;
    }
    return counts;
  }

  [[nodiscard]] bool has_work() const { return !queue_.is_empty(); }

  [[nodiscard]] std::size_t starts() const { return tools_.size(); }

  // Of the process's records, how many are fed and not read.
  [[nodiscard]] std::size_t inside() const {
    std::size_t most = 0;
    for (const auto& [id, tool] : tools_) {
      if (!tool.is_gone) most = std::max(most, tool.inside);
    }
    return most;
  }

  Instant now{1s};
  std::vector<wire::LeaseResult> results;
  Tally tally;
  std::vector<std::string> said;
  std::vector<std::string> fed;  // One entry for each feed.
  std::vector<Instant> fed_at;
  std::vector<Instant> started_at;    // Or was to be.
  std::vector<spec::Buffering> ways;  // Of each start.
  std::size_t inside_max = 0;
  bool is_endless = false;

 private:
  struct Tool {
    Life life;
    std::string input;
    bool has_end = false;
    bool is_gone = false;
    std::size_t nth = 0;
    std::size_t inside = 0;
    std::optional<Instant> busy_until;
    Deed deed;
  };

  [[nodiscard]] Portion portion_of(std::uint64_t lease, std::uint64_t first,
                                   const std::vector<std::string>& records,
                                   std::uint64_t producer) const {
    Portion portion;
    portion.lease = lease;
    portion.not_before = now;
    portion.wants_stderr = wants_stderr;
    RecordsBuilder builder("\n");
    for (const std::string& record : records) {
      builder.add(record);
    }
    const auto count = static_cast<std::uint32_t>(records.size());
    portion.batch = {{0, producer}, {{Position(first), count, count}}, builder.take()};
    return portion;
  }

  template <typename Act>
  void with_turn(const Act& act) {
    Turn turn{queue_, effects_, results, tally, way_, now};
    act(turn);
  }

  template <typename Event>
  void tell(const Event& event) {
    if (replica_->tool() != event.tool) return;
    with_turn([&](Turn& t) { replica_->on(event, t); });
  }

  static void note(const wire::LeaseResult& result, std::map<std::string, std::string>& all) {
    RecordReader reader(result.outputs.records);
    for (const Run& run : result.outputs.runs) {
      for (std::uint32_t i = 0; i < run.inputs; ++i) {
        std::string text = run.outputs > 0 ? std::string(reader.next()) : "-";
        if (!result.failures.empty()) {
          text = "failure " + std::to_string(result.failures.front().attempts);
        }
        std::string& there = all[to_string(run.first.plus(i))];
        there = there.empty() ? text : there + " AND " + text;
      }
    }
  }

  void carry_out() {
    while (!effects_.empty()) {
      for (const Effect& effect : std::exchange(effects_, {})) {
        std::visit([this](const auto& e) { order(e); }, effect);
      }
      with_turn([&](Turn& t) { replica_->advance(t, tool_count_); });
    }
  }

  void order(const StartTool& effect) {
    const Life& life = lives[std::min(tools_.size(), lives.size() - 1)];
    tools_.emplace(effect.tool, Tool{.life = life});
    started_at.push_back(now);
    ways.push_back(effect.buffering);
    if (life.start_failure) {
      return tell(ToolStartFailed{effect.tool, *life.start_failure, life.may_start_later});
    }
    tell(ToolStarted{effect.tool});
    if (!life.says_at_start.empty()) tell(ToolComplained{effect.tool, life.says_at_start});
    if (!life.banner.empty()) tell(ToolPrinted{effect.tool, life.banner});
    if (life.ends_at_once) end(effect.tool, *life.ends_at_once);
  }

  void order(const FeedTool& effect) {
    Tool& tool = tools_.at(effect.tool);
    fed.emplace_back(effect.bytes.view());
    fed_at.push_back(now);
    if (tool.is_gone) return;
    tool.input += effect.bytes.view();
    for (const char c : effect.bytes.view()) {
      tool.inside += c == '\n' ? 1 : 0;
    }
    inside_max = std::max(inside_max, tool.inside);
    tell(ToolAccepted{effect.tool, effect.bytes.size()});
  }

  void order(const CloseStdin& effect) { tools_.at(effect.tool).has_end = true; }

  void order(const LookAtTool& effect) {
    const Tool& tool = tools_.at(effect.tool);
    if (tool.is_gone) return;
    const bool is_asleep = !tool.busy_until && !has_line(tool);
    const Rest rest = is_asleep ? Rest::kAtRest : Rest::kBusy;
    tell(ToolLooked{effect.tool, effect.look, tool.life.is_seeable ? rest : tool.life.hidden});
  }

  void order(const EndTool& effect) {
    Tool& tool = tools_.at(effect.tool);
    if (!effect.kill) tool.has_end = true;
    if (effect.kill && !tool.is_gone) end(effect.tool, {.is_signal = true, .status = 9});
  }

  void order(const Say& effect) { said.push_back(effect.text); }

  template <typename Other>
  void order(const Other&) {}

  void end(ToolId id, ToolEnded event) {
    tools_.at(id).is_gone = true;
    tools_.at(id).busy_until.reset();
    event.tool = id;
    tell(event);
  }

  static bool has_line(const Tool& tool) {
    return tool.input.find('\n') != std::string::npos || tool.has_end;
  }

  std::optional<Instant> next_time() {
    std::optional<Instant> next = replica_->next_deadline(queue_, now);
    const auto sooner = [&next](std::optional<Instant> at) {
      if (at && (!next || *at < *next)) next = at;
    };
    sooner(queue_.next_deadline(now));
    for (const auto& [id, tool] : tools_) {
      if (tool.is_gone) continue;
      if (tool.busy_until || has_line(tool)) sooner(tool.busy_until.value_or(now));
    }
    return next;
  }

  void work() {
    for (auto& [id, tool] : tools_) {
      if (tool.is_gone) continue;
      if (tool.busy_until && *tool.busy_until > now) continue;
      if (tool.busy_until) finish(id, tool);
      if (!tool.is_gone) begin(id, tool);
    }
  }

  void finish(ToolId id, Tool& tool) {
    tool.busy_until.reset();
    tool.inside -= std::min<std::size_t>(tool.inside, 1);
    if (!tool.deed.complains.empty()) tell(ToolComplained{id, tool.deed.complains});
    if (!tool.deed.prints.empty()) tell(ToolPrinted{id, tool.deed.prints});
    if (tool.deed.ends && !tool.is_gone) end(id, *tool.deed.ends);
  }

  void begin(ToolId id, Tool& tool) {
    const std::size_t newline = tool.input.find('\n');
    if (newline == std::string::npos && !tool.has_end) return;
    if (newline == std::string::npos && tool.input.empty()) {
      if (!tool.life.at_end.empty()) tell(ToolPrinted{id, tool.life.at_end});
      return end(id, {});
    }
    const std::string record = tool.input.substr(0, newline);
    tool.input.erase(0, newline == std::string::npos ? newline : newline + 1);
    tool.deed = tool.life.reads(record, tool.nth++);
    tool.busy_until = now + tool.deed.takes;
  }

  spec::Stage stage_;
  Limits limits_;
  WorkQueue queue_;
  OutputWay way_;
  std::unique_ptr<KeptReplica> replica_;
  std::uint64_t tool_count_ = 0;
  Effects effects_;
  std::map<ToolId, Tool> tools_;
};

}  // namespace leat::node::testing
