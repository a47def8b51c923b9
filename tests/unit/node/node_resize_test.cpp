// Goal: however the number of an inlet's replicas changes, every record that it was leased gets one
// outcome, no two processes at work have the same LEAT_REPLICA, and in the end there are as many
// as wanted.
// Method: a NodeCore with seeded orders, leases, and tools that crash; the broker's side of credit
// is kept.

#include <deque>
#include <map>
#include <random>
#include <set>

#include <catch2/catch.hpp>

#include "node/node_core.h"

using leat::Instant;
using leat::Position;
using leat::RecordsBuilder;
using leat::Run;
using leat::SegmentId;
using namespace leat::node;
using namespace std::chrono_literals;
namespace wire = leat::wire;

namespace {

const SegmentId kSegment{{1, 1}, 0};

struct Kind {
  std::string spec;
  bool is_ordered = false;
  bool is_window = false;
};

class World {
 public:
  World(const Kind& kind, std::uint64_t seed) : kind_(kind), random_(seed) {
    carry_out(core_.tick(now_));
    step(BrokerMessage{wire::NodeWelcome{
        .incarnation = 1, .node = {1, 1}, .results_address = "r", .beat_ms = 1000}});
    order(1);
  }

  void run() {
    for (int i = 0; i < 600; ++i) {
      act();
    }
    may_crash_ = false;
    order(wanted_ > 0 ? wanted_ : 1);
    for (int i = 0; i < 20'000 && (outcomes_.size() < leased_ || living() != wanted_); ++i) {
      turn();
    }
    CHECK(outcomes_.size() == leased_);
    CHECK(living() == wanted_);
    CHECK(leased_ > 0);
  }

  std::size_t resizes = 0;
  std::size_t crashes = 0;

 private:
  struct Tool {
    std::string index;
    std::string input;
    std::string output;  // Of a window's tool: printed at its end.
    bool has_end = false;
  };

  std::uint64_t below(std::uint64_t end) { return random_() % end; }

  void act() {
    if (below(25) == 0) {
      ++resizes;
      return order(static_cast<std::uint32_t>(below(kind_.is_ordered ? 2 : 6)));
    }
    if (below(4) == 0 && next_lease_ <= credit_) return lease();
    if (below(10) == 0) step(BrokerMessage{wire::ResultsDone{{{1, below(results_ + 1) + 1}}}});
    turn();
  }

  // One of the tools does something, or time passes.
  void turn() {
    if (!tools_.empty() && below(3) > 0) {
      auto tool = tools_.begin();
      std::advance(tool, below(tools_.size()));
      work(tool->first, tool->second);
    } else {
      now_ = now_ + std::chrono::milliseconds(below(5));
    }
    const auto next = core_.next_deadline();
    if (next && *next <= now_) carry_out(core_.tick(now_));
    drain();
  }

  void order(std::uint32_t replicas) {
    wanted_ = replicas;
    step(BrokerMessage{wire::OpenInlet{.segment = kSegment,
                                       .epoch = 1,
                                       .spec_text = kind_.spec,
                                       .directory = "/",
                                       .replicas = replicas,
                                       .ordered = kind_.is_ordered}});
  }

  void lease() {
    RecordsBuilder builder("\n");
    const auto count = static_cast<std::uint32_t>(1 + below(5));
    for (std::uint32_t i = 0; i < count; ++i) {
      builder.add("r");
    }
    wire::Lease lease{
        .segment = kSegment, .epoch = 1, .number = next_lease_++, .window = kind_.is_window};
    lease.slices = {{{1, 2}, {{Position(leased_), count, count}}, builder.take()}};
    leased_ += count;
    step(InletMessage{std::move(lease)});
  }

  void work(ToolId id, Tool& tool) {
    const std::size_t newline = tool.input.find('\n');
    if (newline == std::string::npos && !tool.has_end) return;
    if (may_crash_ && below(30) == 0) {
      ++crashes;
      return end(id, {.tool = id, .is_signal = true, .status = 11});
    }
    if (newline == std::string::npos) {
      if (!tool.output.empty()) step(ToolPrinted{id, tool.output});
      return end(id, {.tool = id});
    }
    tool.input.erase(0, newline + 1);
    if (kind_.is_window) {
      tool.output += "answer\n";
    } else {
      step(ToolPrinted{id, "answer\n"});
    }
  }

  void end(ToolId id, ToolEnded event) {
    tools_.erase(id);
    step(event);
  }

  void step(const Event& event) {
    carry_out(core_.step(event, now_));
    drain();
  }

  void drain() {
    while (!waiting_.empty()) {
      const Event event = waiting_.front();
      waiting_.pop_front();
      carry_out(core_.step(event, now_));
    }
  }

  void carry_out(const Effects& effects) {
    for (const Effect& effect : effects) {
      std::visit([this](const auto& e) { follow(e); }, effect);
    }
  }

  void follow(const StartTool& effect) {
    const std::string& index = effect.env.at("LEAT_REPLICA");
    for (const auto& [id, tool] : tools_) {
      CHECK(tool.index != index);
    }
    if (kind_.is_ordered) CHECK(tools_.empty());
    tools_[effect.tool].index = index;
    waiting_.emplace_back(ToolStarted{effect.tool});
  }

  void follow(const FeedTool& effect) {
    if (tools_.contains(effect.tool)) tools_[effect.tool].input += effect.bytes.view();
    waiting_.emplace_back(ToolAccepted{effect.tool, effect.bytes.size()});
  }

  void follow(const CloseStdin& effect) {
    if (tools_.contains(effect.tool)) tools_[effect.tool].has_end = true;
  }

  void follow(const EndTool& effect) {
    if (!tools_.contains(effect.tool)) return;
    tools_[effect.tool].has_end = true;
    if (!effect.kill) return;
    tools_.erase(effect.tool);
    waiting_.emplace_back(ToolEnded{effect.tool, true, 9});
  }

  void follow(const LookAtTool& effect) {
    if (!tools_.contains(effect.tool)) return;
    const bool is_asleep = tools_[effect.tool].input.empty();
    waiting_.emplace_back(
        ToolLooked{effect.tool, effect.look, is_asleep ? Rest::kAtRest : Rest::kBusy});
  }

  void follow(const PushResult& effect) {
    // Sent again while nobody says that it is done.
    if (effect.result.number <= results_) return;
    results_ = effect.result.number;
    for (const Run& run : effect.result.outputs.runs) {
      for (std::uint32_t i = 0; i < run.inputs; ++i) {
        CHECK(outcomes_.insert(run.first.last() + i).second);
      }
    }
  }

  void follow(const SendToBroker& effect) {
    if (const auto* const credit = std::get_if<wire::InletCredit>(&effect.message)) {
      credit_ = std::max(credit_, credit->leases_max);
    }
    if (const auto* const report = std::get_if<wire::NodeReport>(&effect.message)) {
      for (const wire::InletReport& inlet : report->inlets) {
        CHECK(inlet.leases_max >= credit_);
        CHECK(inlet.replicas == wanted_);
        credit_ = inlet.leases_max;
      }
    }
    if (const auto* const failed = std::get_if<wire::StageFailed>(&effect.message)) {
      FAIL(failed->reason);
    }
  }

  void follow(const BindInlet& effect) {
    waiting_.emplace_back(InletBound{effect.segment, effect.epoch, "here"});
  }

  template <typename Other>
  void follow(const Other&) {}

  // Processes that were not told to end.
  [[nodiscard]] std::size_t living() const {
    return static_cast<std::size_t>(std::count_if(
        tools_.begin(), tools_.end(),
        [this](const auto& entry) { return kind_.is_window || !entry.second.has_end; }));
  }

  Kind kind_;
  std::mt19937_64 random_;
  NodeCore core_{{.name = "n", .incarnation = 1, .broker_silence_beats = 1'000'000}};
  Instant now_{1s};
  std::map<ToolId, Tool> tools_;
  std::deque<Event> waiting_;
  std::uint32_t wanted_ = 0;
  std::uint64_t credit_ = 0;
  std::uint64_t next_lease_ = 1;
  std::uint64_t leased_ = 0;   // Records.
  std::uint64_t results_ = 0;  // The highest number.
  std::set<std::uint64_t> outcomes_;
  bool may_crash_ = true;
};

}  // namespace

TEST_CASE("through any changes of its size an inlet gives every record one outcome") {
  const Kind kind =
      GENERATE(Kind{"pipeline: p\nstages: [{name: a, run: x, replicas: 2}]\n", false, false},
               Kind{"pipeline: p\nstages: [{name: a, run: x}]\n", true, false},
               Kind{"pipeline: p\nstages: [{name: a, run: x, replicas: 2, mode: window, "
                    "window: {records: 9}}]\n",
                    false, true});
  std::size_t resizes = 0;
  std::size_t crashes = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed << " of " << kind.spec);
    World world(kind, seed);
    world.run();
    resizes += world.resizes;
    crashes += world.crashes;
  }
  CHECK(resizes > 1000);
  CHECK(crashes > 500);
}
