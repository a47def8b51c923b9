// The nodes of the simulated world, and their tools.

#include <algorithm>
#include <chrono>

#include "tests/sim/world.h"
#include "tests/sim/world_parts.h"

namespace leat::sim {

namespace {

using namespace std::chrono_literals;

}  // namespace

void World::start_node(std::size_t index) {
  auto made = std::make_unique<Node>();
  Node& node = *made;
  node.index = index;
  node.life = schedule_.begin_life();
  const std::uint64_t incarnation = ++incarnations_;
  node.name = "node" + std::to_string(index);
  node.peer = node.name + "." + std::to_string(incarnation);
  // The first always has the label.
  if (has_labels_ && index % 3 != 2) node.labels["gpu"] = index % 3 == 0 ? "true" : "false";
  node.core = std::make_unique<node::NodeCore>(
      node::Settings{.name = node.name,
                     .incarnation = incarnation,
                     .cores = static_cast<std::uint32_t>(chance_.between(1, 4)),
                     .labels = node.labels,
                     .seed = incarnation});
  connect(node);
  nodes_[index] = std::move(made);
  later(node, chance_.up_to(1s), [this, &node] {
    carry_out(node, node.core->tick(schedule_.now()));
    wake_node(node);
  });
}

void World::connect(Node& node) {
  node.to_broker =
      std::make_unique<Link>(schedule_, chance_, census_, [this, &node](wire::Message message) {
        step_broker(broker::FrontMessage{node.peer, std::move(message)});
      });
  node.results = std::make_unique<Link>(schedule_, chance_, census_, [this](wire::Message message) {
    step_broker(broker::ResultsMessage{std::move(message)});
  });
  node.from_broker =
      std::make_unique<Link>(schedule_, chance_, census_, [this, &node](wire::Message message) {
        if (const auto* const welcome = std::get_if<wire::NodeWelcome>(&message)) {
          note_welcome(node, *welcome);
        }
        step_node(node, node::BrokerMessage{std::move(message)});
      });
  peers_[node.peer] = Peer{.link = node.from_broker.get(), .node = &node};
}

void World::note_welcome(Node& node, const wire::NodeWelcome& message) {
  // The broker had lost it: to it this is another node, which nobody wants to drain.
  if (node.id != message.node) node.is_draining = false;
  const bool is_back = node.id && node.id != message.node;
  if (is_back && node.core->held_results() > 0) ++census_["a lost node is back with its results"];
  node.id = message.node;
}

void World::step_node(Node& node, const node::Event& event) {
  carry_out(node, node.core->step(event, schedule_.now()));
  wake_node(node);
  see_end(node);
}

void World::see_end(Node& node) {
  if (!node.core->is_dismissed() && !node.is_ending) return;
  if (!node.core->is_gone() || node.is_gone) return;
  node.is_gone = true;
  if (node.core->is_dismissed()) ++census_["a drained node is dismissed"];
  // Its last words are on their way.
  later(node, 50ms, [this, index = node.index] { node_is_gone(index); });
}

void World::node_is_gone(std::size_t index) {
  peers_.erase(nodes_[index]->peer);
  schedule_.end_life(nodes_[index]->life);
  nodes_[index].reset();
  schedule_.after(chance_.up_to(8s), [this, index] {
    if (!nodes_[index]) start_node(index);
  });
}

void World::wake_node(Node& node) {
  const std::optional<Instant> next = node.core->next_deadline();
  if (!next || (node.wake && *node.wake <= *next)) return;
  node.wake = *next;
  const Duration delay = std::max(*next - schedule_.now(), Duration(0));
  later(node, delay, [this, &node, at = *next] {
    if (node.wake != at) return;
    node.wake.reset();
    carry_out(node, node.core->tick(schedule_.now()));
    wake_node(node);
  });
}

void World::carry_out(Node& node, const node::Effects& effects) {
  for (const node::Effect& effect : effects) {
    ++census_["node effect " + std::to_string(effect.index())];
    if (std::holds_alternative<node::ReconnectToBroker>(effect)) {
      ++census_["node connects to the broker anew"];
      node.to_broker->hiccup();
      node.from_broker->hiccup();
      continue;
    }
    std::visit(
        [&](const auto& e) {
          if constexpr (!std::is_same_v<decltype(e), const node::ReconnectToBroker&>) {
            order(node, e);
          }
        },
        effect);
  }
}

std::optional<node::ToolStartFailed> World::refuse_start(const Node& node,
                                                         const node::StartTool& effect) {
  const bool is_first_stage = effect.env.at("LEAT_STAGE") == pipelines_[0].stages[0].name;
  const bool is_missing =
      is_first_stage &&
      (is_tool_missing_ || (trouble_ == Trouble::kToolMissingOnNode && node.index == 0));
  if (is_missing) {
    ++census_["tool: is missing"];
    return node::ToolStartFailed{effect.tool, "cannot start `tool`: not found"};
  }
  if (start_failures_left_ == 0 || !chance_.one_in(8)) return std::nullopt;
  --start_failures_left_;
  ++census_["tool: cannot be started for a while"];
  return node::ToolStartFailed{effect.tool, "no memory for `tool`", true};
}

spec::Mode World::mode_of(const std::string& stage_name) const {
  for (const Blueprint& blueprint : pipelines_) {
    for (const Blueprint::Stage& stage : blueprint.stages) {
      if (stage.name == stage_name) return stage.window.empty() ? stage.mode : spec::Mode::kWindow;
    }
  }
  return spec::Mode::kEach;
}

void World::order(Node& node, const node::StartTool& effect) {
  if (const auto refused = refuse_start(node, effect)) {
    return later(node, {}, [this, &node, event = *refused] { step_node(node, event); });
  }
  FakeTool::Post post;
  post.id = effect.tool;
  post.stage = effect.env.at("LEAT_STAGE");
  post.mode = mode_of(post.stage);
  post.is_unseeable = post.mode != spec::Mode::kFilter && !is_rest_seen_ && chance_.one_in(2);
  node.tools.emplace(effect.tool, std::make_unique<FakeTool>(post, habits_));
  later(node, chance_.up_to(3ms),
        [this, &node, tool = effect.tool] { step_node(node, node::ToolStarted{tool}); });
}

void World::order(Node& node, const node::FeedTool& effect) {
  const auto tool = node.tools.find(effect.tool);
  if (tool == node.tools.end()) return;
  tool->second->feed(effect.bytes.view());
  later(node, {}, [this, &node, id = effect.tool, bytes = effect.bytes.size()] {
    if (node.tools.contains(id)) step_node(node, node::ToolAccepted{id, bytes});
  });
  work_later(node, effect.tool);
}

void World::order(Node& node, const node::CloseStdin& effect) {
  const auto tool = node.tools.find(effect.tool);
  if (tool == node.tools.end()) return;
  tool->second->close_input();
  work_later(node, effect.tool);
}

void World::order(Node& node, const node::LookAtTool& effect) {
  later(node, {}, [this, &node, id = effect.tool, look = effect.look] {
    const auto tool = node.tools.find(id);
    if (tool == node.tools.end()) return;
    const node::Rest rest = tool->second->rest();
    // What it printed before it came to rest comes first.
    if (rest != node::Rest::kBusy) flush_output(node, *tool->second);
    step_node(node, node::ToolLooked{id, look, rest});
  });
}

void World::order(Node& node, const node::EndTool& effect) {
  ++census_[effect.kill ? "node kills a tool" : "node ends a tool"];
  const auto tool = node.tools.find(effect.tool);
  if (tool == node.tools.end()) return;
  tool->second->close_input();
  if (effect.kill) tool->second->kill();
  work_later(node, effect.tool);
}

void World::work_later(Node& node, node::ToolId tool) {
  // Mostly quick, sometimes slow.
  const Duration delay =
      is_slow_ || chance_.one_in(20) ? chance_.up_to(80ms) : chance_.up_to(200us);
  later(node, delay, [this, &node, tool] { work(node, tool); });
}

void World::work(Node& node, node::ToolId id) {
  const auto found = node.tools.find(id);
  if (found == node.tools.end()) return;
  FakeTool& tool = *found->second;
  const bool has_worked = tool.work();
  // It may answer several before anybody reads.
  if (chance_.one_in(2) || tool.ended()) flush_output(node, tool);
  if (tool.ended()) {
    const node::ToolEnded ended = *tool.ended();
    node.tools.erase(id);
    step_node(node, ended);
    return;
  }
  if (has_worked) return work_later(node, id);
  flush_output(node, tool);
}

void World::flush_output(Node& node, FakeTool& tool) {
  const node::ToolId id = tool.id();
  const std::string complaint = tool.take_complaint();
  if (!complaint.empty()) step_node(node, node::ToolComplained{id, complaint});
  std::string output = tool.take_output();
  while (!output.empty()) {
    // In pieces, cut anywhere.
    const std::size_t n = std::min<std::size_t>(output.size(), chance_.between(1, 400));
    const std::string piece = output.substr(0, n);
    output.erase(0, n);
    step_node(node, node::ToolPrinted{id, piece});
  }
}

void World::order(Node& node, const node::PushResult& effect) {
  if (!effect.result.failures.empty()) ++census_["node pushes a failure"];
  node.results->send(effect.result);
}

void World::order(Node& node, const node::SendToBroker& effect) {
  watch_.node_sends(effect.message);
  node.to_broker->send(effect.message);
}

void World::order(Node& /*node*/, const node::ConnectResults& /*effect*/) {}

void World::order(Node& node, const node::BindInlet& effect) {
  const std::string address = node.peer + "/" + std::to_string(++node.bound_count);
  node.bound[effect.segment] = address;
  later(node, {}, [this, &node, effect, address] {
    step_node(node, node::InletBound{effect.segment, effect.epoch, address});
  });
}

void World::order(Node& node, const node::UnbindInlet& effect) {
  node.bound.erase(effect.segment);
}

void World::order(Node& /*node*/, const node::Say& /*effect*/) {}

}  // namespace leat::sim
