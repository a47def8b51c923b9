#include "node/node_loop.h"

#include <algorithm>

#include "wire/codec.h"

namespace leat::node {

namespace {

constexpr int kMessagesPerTurn = 32;

// An event that outlives the buffer its bytes lie in.
template <typename WithBytes>
bool own_bytes(Event& event, std::unique_ptr<std::string>& bytes) {
  auto* const with_bytes = std::get_if<WithBytes>(&event);
  if (with_bytes == nullptr) return false;
  bytes = std::make_unique<std::string>(with_bytes->bytes);
  with_bytes->bytes = *bytes;
  return true;
}

}  // namespace

NodeLoop::NodeLoop(io::Context& context, Options options, io::Guardian guardian, io::PipeWait wait)
    : context_(context),
      options_(std::move(options)),
      front_(context, io::SocketType::kDealer),
      core_(options_.settings),
      tools_(std::move(guardian), std::move(wait), [this](const Event& event) { deliver(event); }) {
}

Result<std::unique_ptr<NodeLoop>> NodeLoop::create(io::Context& context, Options options) {
  Result<io::Guardian> guardian = io::Guardian::start(options.guardian_program);
  if (!guardian) return tl::unexpected(guardian.error());
  // Without it every tool's rest is unseeable, and counting decides.
  io::PipeWait wait = io::calibrate_pipe_wait().value_or(io::PipeWait{});
  auto loop = std::make_unique<NodeLoop>(context, std::move(options), std::move(*guardian),
                                         std::move(wait));
  const Settings& settings = loop->options_.settings;
  loop->front_.set_identity(settings.name + "." + std::to_string(settings.incarnation));
  if (Result<void> connected = loop->front_.connect(loop->options_.front); !connected) {
    return tl::unexpected(connected.error());
  }
  return loop;
}

void NodeLoop::run(const io::Bell& stop, const io::Bell& abort) {
  bool is_ending = false;
  while (!is_ending || !core_.is_gone()) {
    wait_for_something(stop, abort, is_ending ? Phase::kEnding : Phase::kServing);
    now_ = clock_.now();
    tools_.serve(waits_, now_);
    if (!is_ending) receive_all();
    is_carrying_out_ = true;
    carry_out(core_.tick(now_));
    const bool must_abort = abort.was_rung();
    if (must_abort || stop.was_rung()) {
      is_ending = true;
      carry_out(
          core_.end(must_abort ? NodeCore::Ending::kKill : NodeCore::Ending::kGraceful, now_));
    }
    drain_events();
  }
}

void NodeLoop::wait_for_something(const io::Bell& stop, const io::Bell& abort, Phase phase) {
  waits_.clear();
  waits_.add(stop.fd(), POLLIN);
  waits_.add(abort.fd(), POLLIN);
  // At the end nobody listens to the broker any more.
  const bool has_input = phase == Phase::kServing && watch_sockets();
  tools_.watch(waits_);
  std::optional<Instant> next = core_.next_deadline();
  if (const std::optional<Instant> tools = tools_.next_deadline();
      tools && (!next || *tools < *next)) {
    next = tools;
  }
  std::optional<Duration> patience;
  if (next) patience = *next - clock_.now();
  if (has_input) patience = Duration(0);
  waits_.wait(patience);
}

bool NodeLoop::watch_sockets() {
  waits_.add(front_.fd(), POLLIN);
  bool has_input = front_.has_input();
  for (auto& [segment, pull] : inlets_) {
    waits_.add(pull.socket.fd(), POLLIN);
    has_input = has_input || pull.socket.has_input();
  }
  return has_input;
}

void NodeLoop::receive_all() {
  receive(front_, true);
  std::vector<SegmentId> segments;
  for (const auto& [segment, pull] : inlets_) {
    segments.push_back(segment);
  }
  for (const SegmentId segment : segments) {
    const auto pull = inlets_.find(segment);
    if (pull != inlets_.end()) receive(pull->second.socket, false);
  }
}

void NodeLoop::receive(io::Socket& socket, bool is_front) {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const std::optional<io::Socket::Frames> frames = socket.receive();
    if (!frames) return;
    Result<wire::Message> message = wire::decode(*frames);
    if (!message) {
      options_.say("a malformed message was ignored: " + message.error().message);
      continue;
    }
    if (is_front) {
      deliver(BrokerMessage{std::move(*message)});
    } else {
      deliver(InletMessage{std::move(*message)});
    }
  }
}

void NodeLoop::deliver(const Event& event) {
  Queued queued{event, nullptr};
  if (is_carrying_out_) {
    if (!own_bytes<ToolPrinted>(queued.event, queued.bytes)) {
      own_bytes<ToolComplained>(queued.event, queued.bytes);
    }
    queued_.push_back(std::move(queued));
    return;
  }
  is_carrying_out_ = true;
  carry_out(core_.step(event, now_));
  drain_events();
}

void NodeLoop::drain_events() {
  is_carrying_out_ = true;
  while (!queued_.empty()) {
    const Queued next = std::move(queued_.front());
    queued_.pop_front();
    carry_out(core_.step(next.event, now_));
  }
  is_carrying_out_ = false;
}

void NodeLoop::carry_out(const Effects& effects) {
  for (const Effect& effect : effects) {
    std::visit([this](const auto& e) { order(e); }, effect);
  }
}

void NodeLoop::order(const PushResult& effect) {
  // What does not go now is kept and sent again.
  if (results_) (void)results_->send(wire::encode(effect.result));
}

void NodeLoop::order(const SendToBroker& effect) {
  (void)front_.send(wire::encode(effect.message));
}

void NodeLoop::order(const ConnectResults& effect) {
  results_.emplace(context_, io::SocketType::kPush);
  if (const Result<void> connected = results_->connect(effect.address); !connected) {
    options_.say(connected.error().message);
  }
}

void NodeLoop::order(const BindInlet& effect) {
  inlets_.erase(effect.segment);
  io::Socket socket(context_, io::SocketType::kPull);
  const std::string address = options_.inlet_prefix + std::to_string(++bound_count_);
  if (const Result<void> bound = socket.bind(address); !bound) {
    options_.say(bound.error().message);
    return;
  }
  inlets_.emplace(effect.segment, Pull{effect.epoch, std::move(socket)});
  deliver(InletBound{effect.segment, effect.epoch, address});
}

void NodeLoop::order(const UnbindInlet& effect) {
  inlets_.erase(effect.segment);
}

void NodeLoop::order(const Say& effect) {
  options_.say(effect.text);
}

}  // namespace leat::node
