#include "broker/broker_loop.h"

#include <algorithm>

#include "wire/codec.h"

namespace leat::broker {

namespace {

constexpr int kMessagesPerTurn = 64;

}  // namespace

BrokerLoop::BrokerLoop(io::Context& context, Options options)
    : context_(context),
      options_(std::move(options)),
      front_(context, io::SocketType::kRouter),
      results_(context, io::SocketType::kPull),
      core_(options_.settings) {}

Result<std::unique_ptr<BrokerLoop>> BrokerLoop::create(io::Context& context, Options options) {
  options.settings.results_address = options.results;
  auto loop = std::make_unique<BrokerLoop>(context, std::move(options));
  if (Result<void> bound = loop->front_.bind(loop->options_.front); !bound) {
    return tl::unexpected(bound.error());
  }
  if (Result<void> bound = loop->results_.bind(loop->options_.results); !bound) {
    return tl::unexpected(bound.error());
  }
  return loop;
}

void BrokerLoop::run(const io::Bell& stop) {
  io::WaitSet waits;
  while (!stop.was_rung()) {
    waits.clear();
    waits.add(stop.fd(), POLLIN);
    waits.add(front_.fd(), POLLIN);
    waits.add(results_.fd(), POLLIN);
    std::optional<Duration> patience;
    if (const std::optional<Instant> next = core_.next_deadline()) patience = *next - clock_.now();
    for (auto& [key, inlet] : inlets_) {
      if (!inlet.waiting.empty()) patience = Duration(std::chrono::milliseconds(1));
    }
    if (front_.has_input() || results_.has_input()) patience = Duration(0);
    waits.wait(patience);
    now_ = clock_.now();
    receive_results();
    receive_front();
    for (auto& [key, inlet] : inlets_) {
      flush(inlet);
    }
    carry_out(core_.tick(now_));
  }
}

void BrokerLoop::receive_front() {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    std::optional<io::Socket::Frames> frames = front_.receive();
    if (!frames) return;
    const std::string peer(frames->front().view());
    frames->erase(frames->begin());
    Result<wire::Message> message = wire::decode(*frames);
    if (!message) {
      order(Send{peer, wire::Refused{"message", message.error().message}});
      continue;
    }
    carry_out(core_.step(FrontMessage{peer, std::move(*message)}, now_));
  }
}

void BrokerLoop::receive_results() {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const std::optional<io::Socket::Frames> frames = results_.receive();
    if (!frames) return;
    Result<wire::Message> message = wire::decode(*frames);
    if (!message) {
      options_.say("a malformed result was ignored: " + message.error().message);
      continue;
    }
    carry_out(core_.step(ResultsMessage{std::move(*message)}, now_));
  }
}

void BrokerLoop::carry_out(const Effects& effects) {
  for (const Effect& effect : effects) {
    std::visit([this](const auto& e) { order(e); }, effect);
  }
}

void BrokerLoop::order(const Send& effect) {
  io::Socket::Frames frames = wire::encode(effect.message);
  frames.insert(frames.begin(), Bytes::copy(effect.peer));
  if (front_.send(frames) != io::SendState::kUnreachable) return;
  carry_out(core_.step(PeerLost{effect.peer}, now_));
}

void BrokerLoop::order(const PushLease& effect) {
  const auto inlet = inlets_.find({effect.node, effect.lease.segment});
  // Without a connection it is lost, as on the way: the node's reports will miss it.
  if (inlet == inlets_.end() || inlet->second.epoch != effect.lease.epoch) return;
  inlet->second.waiting.push_back(wire::encode(effect.lease));
  flush(inlet->second);
}

void BrokerLoop::flush(Inlet& inlet) {
  while (!inlet.waiting.empty() &&
         inlet.socket.send(inlet.waiting.front()) == io::SendState::kSent) {
    inlet.waiting.pop_front();
  }
}

void BrokerLoop::order(const ConnectInlet& effect) {
  inlets_.erase({effect.node, effect.segment});
  io::Socket socket(context_, io::SocketType::kPush);
  if (const Result<void> connected = socket.connect(effect.address); !connected) {
    options_.say(connected.error().message);
    return;
  }
  inlets_.emplace(std::pair{effect.node, effect.segment},
                  Inlet{effect.epoch, std::move(socket), {}});
}

void BrokerLoop::order(const DisconnectInlet& effect) {
  inlets_.erase({effect.node, effect.segment});
}

void BrokerLoop::order(const Say& effect) {
  options_.say(effect.text);
}

}  // namespace leat::broker
