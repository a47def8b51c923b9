#include "node/node_loop.h"

#include <algorithm>

#include "wire/codec.h"

namespace leat::node {

namespace {

constexpr int kMessagesPerTurn = 32;

// What the broker may send at once: no record is larger.
constexpr std::size_t kFrameBytesMax = (std::size_t{1} << 31) - 1;

constexpr const char* kThisMachine = "127.0.0.1";

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

NodeLoop::NodeLoop(io::Context& context, Options options, io::Guardian guardian, io::PipeWait wait,
                   std::optional<io::Authenticator> authenticator)
    : context_(context),
      options_(std::move(options)),
      authenticator_(std::move(authenticator)),
      front_(context, io::SocketType::kDealer),
      core_(options_.settings),
      tools_({std::move(guardian), std::move(wait), options_.start_program},
             [this](const Event& event) { deliver(event); }) {}

Result<std::unique_ptr<NodeLoop>> NodeLoop::create(io::Context& context, Options options) {
  const Result<io::Address> front = io::parse_address(options.front, io::Purpose::kConnect);
  if (!front) return tl::unexpected(front.error());
  if (front->transport != io::Transport::kInproc) options.settings.broker = options.front;
  Result<io::Guardian> guardian = io::Guardian::start(options.guardian_program);
  if (!guardian) return tl::unexpected(guardian.error());
  std::optional<io::Authenticator> authenticator;
  if (options.keys) {
    Result<io::Authenticator> made =
        io::Authenticator::create(context, {{"broker", options.keys->broker_public_key}});
    if (!made) return tl::unexpected(made.error());
    authenticator = std::move(*made);
  }
  // Without it every tool's rest is unseeable, and counting decides.
  io::PipeWait wait = io::calibrate_pipe_wait().value_or(io::PipeWait{});
  auto loop = std::make_unique<NodeLoop>(context, std::move(options), std::move(*guardian),
                                         std::move(wait), std::move(authenticator));
  if (Result<void> connected = loop->connect_front(); !connected) {
    return tl::unexpected(connected.error());
  }
  return loop;
}

Result<void> NodeLoop::connect_front() {
  const Settings& settings = options_.settings;
  front_.set_identity(settings.name + "." + std::to_string(settings.incarnation));
  front_.set_frame_bytes_max(kFrameBytesMax);
  if (options_.keys) front_.secure_as_client(options_.keys->own, options_.keys->broker_public_key);
  return front_.connect(options_.front);
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
    is_ending = is_ending || core_.is_dismissed();
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
  if (authenticator_) {
    waits_.add(authenticator_->fd(), POLLIN);
    has_input = has_input || authenticator_->has_input();
  }
  for (const Pull& pull : inlets_) {
    waits_.add(pull.socket.fd(), POLLIN);
    has_input = has_input || pull.socket.has_input();
  }
  return has_input;
}

void NodeLoop::receive_all() {
  if (authenticator_) authenticator_->serve();
  receive(front_, true);
  // Those that are free, too: what comes late is for nobody, and must not pile up.
  for (Pull& pull : inlets_) {
    receive(pull.socket, false);
  }
  strangers_.tell(authenticator_, now_, options_.say);
}

void NodeLoop::receive(io::Socket& socket, bool is_front) {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    const std::optional<io::Socket::Frames> frames = socket.receive();
    if (!frames) return;
    Result<wire::Message> message = wire::decode(*frames);
    if (!message) {
      strangers_.note_malformed("a malformed message was ignored: " + message.error().message);
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
    // At most one of them is it.
    (void)(own_bytes<ToolPrinted>(queued.event, queued.bytes) ||
           own_bytes<ToolSaid>(queued.event, queued.bytes) ||
           own_bytes<ToolComplained>(queued.event, queued.bytes));
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

void NodeLoop::order(const ReconnectToBroker& /*effect*/) {
  front_.reconnect();
}

void NodeLoop::order(const ConnectResults& effect) {
  results_.emplace(context_, io::SocketType::kPush);
  if (options_.keys) {
    results_->secure_as_client(options_.keys->own, options_.keys->broker_public_key);
  }
  const Result<std::string> address = reachable_results(effect.address);
  const Result<void> connected =
      address ? results_->connect(*address) : Result<void>(tl::unexpected(address.error()));
  if (!connected) {
    options_.say("results cannot be sent to the broker: " + connected.error().message);
  }
}

Result<std::string> NodeLoop::reachable_results(const std::string& told) const {
  if (!options_.results.empty()) return options_.results;
  const Result<io::Address> address = io::parse_address(told, io::Purpose::kListen);
  if (!address) return tl::unexpected(address.error());
  if (!io::has_any_host(*address)) return told;
  // It listens at every address of its machine: also at that by which its front is reached.
  const Result<io::Address> front = io::parse_address(options_.front, io::Purpose::kConnect);
  const bool is_far = front && front->transport == io::Transport::kTcp;
  return io::to_string(io::with_host(*address, is_far ? front->host : kThisMachine));
}

void NodeLoop::order(const BindInlet& effect) {
  auto pull = std::find_if(inlets_.begin(), inlets_.end(),
                           [&](const Pull& p) { return p.segment == effect.segment; });
  if (pull == inlets_.end()) {
    pull = std::find_if(inlets_.begin(), inlets_.end(), [](const Pull& p) { return !p.segment; });
  }
  if (pull == inlets_.end()) {
    Result<Pull> bound = bind_inlet();
    if (!bound) {
      deliver(InletBindFailed{effect.segment, effect.epoch, bound.error().message});
      return;
    }
    pull = inlets_.insert(pull, std::move(*bound));
  }
  pull->segment = effect.segment;
  deliver(InletBound{effect.segment, effect.epoch, pull->address});
}

void NodeLoop::order(const UnbindInlet& effect) {
  for (Pull& pull : inlets_) {
    if (pull.segment == effect.segment) pull.segment.reset();
  }
}

Result<NodeLoop::Pull> NodeLoop::bind_inlet() {
  io::Socket socket(context_, io::SocketType::kPull);
  socket.set_frame_bytes_max(kFrameBytesMax);
  if (options_.keys) socket.secure_as_server(options_.keys->own.secret_key);
  if (!options_.ports) {
    std::string address = options_.inlet_prefix + std::to_string(++bound_count_);
    if (Result<void> bound = socket.bind(address); !bound) return tl::unexpected(bound.error());
    return Pull{std::nullopt, std::move(address), std::move(socket)};
  }
  if (Result<void> bound = bind_port(socket); !bound) return tl::unexpected(bound.error());
  const Result<io::Address> bound = io::parse_address(socket.last_endpoint(), io::Purpose::kListen);
  if (!bound) return tl::unexpected(bound.error());
  Result<std::string> address = advertised(*bound);
  if (!address) return tl::unexpected(address.error());
  return Pull{std::nullopt, std::move(*address), std::move(socket)};
}

Result<void> NodeLoop::bind_port(io::Socket& socket) const {
  io::Address address{.transport = io::Transport::kTcp, .host = options_.ports->host};
  const std::optional<io::PortRange>& ports = options_.ports->ports;
  if (!ports) return socket.bind(io::to_string(address));
  for (std::uint32_t port = ports->first; port <= ports->last; ++port) {
    address.port = static_cast<std::uint16_t>(port);
    Result<void> bound = socket.bind(io::to_string(address));
    if (bound || bound.error().code != Errc::kUnavailable) return bound;
  }
  return failure(Errc::kUnavailable, "cannot listen for another inlet: every port of " +
                                         std::to_string(ports->first) + "-" +
                                         std::to_string(ports->last) +
                                         " is in use; give a larger range with --inlet-ports");
}

Result<std::string> NodeLoop::advertised(const io::Address& bound) const {
  const std::string& host = options_.ports->advertise;
  if (!host.empty()) return io::to_string(io::with_host(bound, host));
  if (!io::has_any_host(bound)) return io::to_string(bound);
  const Result<io::Address> front = io::parse_address(options_.front, io::Purpose::kConnect);
  if (!front) return tl::unexpected(front.error());
  if (front->transport != io::Transport::kTcp) {
    return io::to_string(io::with_host(bound, kThisMachine));
  }
  Result<std::string> own = io::local_address_towards(*front);
  if (!own) {
    return failure(own.error().code,
                   "cannot tell the broker where inlets listen (--advertise "
                   "says it): " +
                       own.error().message);
  }
  return io::to_string(io::with_host(bound, std::move(*own)));
}

void NodeLoop::order(const Say& effect) {
  options_.say(effect.text);
}

}  // namespace leat::node
