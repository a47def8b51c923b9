#include "broker/broker_loop.h"

#include <algorithm>

#include "core/words.h"
#include "wire/codec.h"

namespace leat::broker {

namespace {

constexpr int kMessagesPerTurn = 64;
// Leases for an inlet without a connection: as many as two rounds for many replicas.
constexpr std::size_t kWaitingMax = 256;
constexpr Duration kLateMax = std::chrono::seconds(1);
constexpr Duration kPublishTime = std::chrono::seconds(1);

// What a peer may send at once: no record or window result is larger.
constexpr std::size_t kFrameBytesMax = (std::size_t{1} << 31) - 1;

Result<void> listen(io::Socket& socket, const std::vector<std::string>& addresses,
                    const std::optional<io::BrokerKeys>& keys) {
  if (keys) socket.secure_as_server(keys->own.secret_key);
  socket.set_frame_bytes_max(kFrameBytesMax);
  for (const std::string& address : addresses) {
    if (Result<void> bound = socket.bind(address); !bound) return bound;
  }
  return {};
}

}  // namespace

BrokerLoop::BrokerLoop(io::Context& context, Options options, Ears ears)
    : context_(context),
      options_(std::move(options)),
      ears_(std::move(ears)),
      core_(options_.settings) {}

Result<std::unique_ptr<BrokerLoop>> BrokerLoop::create(io::Context& context, Options options) {
  Ears ears{std::nullopt, io::Socket(context, io::SocketType::kRouter),
            io::Socket(context, io::SocketType::kPull)};
  if (options.keys) {
    Result<io::Authenticator> made =
        io::Authenticator::create(context, {{"cluster", options.keys->cluster_public_key}});
    if (!made) return tl::unexpected(made.error());
    ears.authenticator = std::move(*made);
  }
  const Result<void> bound = listen(ears.front, options.fronts, options.keys).and_then([&] {
    return listen(ears.results, options.results, options.keys);
  });
  if (!bound) return tl::unexpected(bound.error());
  options.settings.results_address = ears.results.last_endpoint();
  return std::make_unique<BrokerLoop>(context, std::move(options), std::move(ears));
}

std::optional<Duration> BrokerLoop::patience() {
  std::optional<Duration> patience;
  const auto sooner = [&patience](Duration time) {
    if (!patience || time < *patience) patience = time;
  };
  if (const std::optional<Instant> next = core_.next_deadline()) sooner(*next - clock_.now());
  if (options_.publish) sooner(next_publish_ - clock_.now());
  for (const auto& [key, inlet] : inlets_) {
    if (!inlet.waiting.empty()) sooner(std::chrono::milliseconds(1));
  }
  const bool has_question = ears_.authenticator && ears_.authenticator->has_input();
  if (ears_.front.has_input() || ears_.results.has_input() || has_question) sooner(Duration(0));
  return patience;
}

void BrokerLoop::run(const io::Bell& stop) {
  io::WaitSet waits;
  while (!stop.was_rung()) {
    waits.clear();
    waits.add(stop.fd(), POLLIN);
    waits.add(ears_.front.fd(), POLLIN);
    waits.add(ears_.results.fd(), POLLIN);
    if (ears_.authenticator) waits.add(ears_.authenticator->fd(), POLLIN);
    const std::optional<Duration> asked = patience();
    const Instant before = clock_.now();
    waits.wait(asked);
    now_ = clock_.now();
    // Whoever stopped us (SIGSTOP, a suspended machine) made all others look silent.
    if (asked && now_ - before > *asked + kLateMax) core_.excuse_all(now_);
    if (ears_.authenticator) ears_.authenticator->serve();
    receive_results();
    receive_front();
    for (auto& [key, inlet] : inlets_) {
      flush(inlet);
    }
    carry_out(core_.tick(now_));
    strangers_.tell(ears_.authenticator, now_, options_.say);
    publish();
  }
  tell_loss();
}

void BrokerLoop::tell_loss() {
  std::uint64_t records = 0;
  for (const wire::PipelineStatus& pipeline : core_.status("", now_).pipelines) {
    records += pipeline.records;
  }
  if (records == 0) return;
  options_.say("it ends with " + count_of(records, "record") +
               " in it, which were in memory and are lost");
}

void BrokerLoop::publish() {
  if (!options_.publish || now_ < next_publish_) return;
  next_publish_ = now_ + kPublishTime;
  options_.publish(core_.status("", now_));
}

void BrokerLoop::receive_front() {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    std::optional<io::Socket::Received> received = ears_.front.receive_with_user();
    if (!received) return;
    io::Socket::Frames& frames = received->frames;
    const std::string peer(frames.front().view());
    frames.erase(frames.begin());
    Result<wire::Message> message = wire::decode(frames);
    if (!message) {
      order(Send{peer, wire::Refused{"message", message.error().message}});
      continue;
    }
    carry_out(core_.step(FrontMessage{peer, std::move(*message), received->user}, now_));
  }
}

void BrokerLoop::receive_results() {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const std::optional<io::Socket::Received> received = ears_.results.receive_with_user();
    if (!received) return;
    Result<wire::Message> message = wire::decode(received->frames);
    if (!message) {
      strangers_.note_malformed("a malformed result was ignored: " + message.error().message);
      continue;
    }
    carry_out(core_.step(ResultsMessage{std::move(*message), received->user}, now_));
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
  if (ears_.front.send(frames) != io::SendState::kUnreachable) return;
  carry_out(core_.step(PeerLost{effect.peer}, now_));
}

void BrokerLoop::order(const PushLease& effect) {
  const auto inlet = inlets_.find({effect.node, effect.lease.segment});
  // Without a connection it is lost, as on the way: the node's reports will miss it.
  if (inlet == inlets_.end() || inlet->second.epoch != effect.lease.epoch) return;
  if (inlet->second.waiting.size() == kWaitingMax) inlet->second.waiting.pop_front();
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
  if (options_.keys) {
    socket.secure_as_client(options_.keys->own, options_.keys->cluster_public_key);
  }
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
