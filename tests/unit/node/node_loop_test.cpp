// A node that runs in a thread of its own, and a broker played by hand, over tcp.

#include "node/node_loop.h"

#include <mutex>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/unit/io/sockets.h"
#include "wire/codec.h"

using leat::Position;
using leat::RecordsBuilder;
using leat::SegmentId;
using leat::node::NodeLoop;
using leat::tests::RawSocket;
using leat::tests::wait_until;
namespace io = leat::io;
namespace wire = leat::wire;

namespace {

const SegmentId kSegment{{1, 1}, 0};

enum class Security { kKeys, kNone };

class Scene {
 public:
  explicit Scene(Security security, NodeLoop::InletPorts ports = {})
      : front_(context, io::SocketType::kRouter), results(context, io::SocketType::kPull) {
    NodeLoop::Options options;
    if (security == Security::kKeys) {
      authenticator_ =
          io::Authenticator::create(context, {{"cluster", cluster.public_key}}).value();
      front_.secure_as_server(broker.secret_key);
      results.secure_as_server(broker.secret_key);
      options.keys = io::ClusterKeys{cluster, broker.public_key};
    }
    options.front = leat::tests::bind_to(front_, "tcp://127.0.0.1:*");
    options.ports = std::move(ports);
    options.guardian_program = LEAT_GUARDIAN;
    options.settings.name = "n";
    options.settings.incarnation = 1;
    options.say = [this](const std::string& text) {
      const std::scoped_lock lock(mutex_);
      said_.push_back(text);
    };
    io::prepare_signals();
    loop_ = NodeLoop::create(node_context_, std::move(options)).value();
    thread_ = std::thread([this] { loop_->run(stop, abort_); });
  }

  ~Scene() {
    abort_.ring();
    join();
  }

  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;
  Scene(Scene&&) = delete;
  Scene& operator=(Scene&&) = delete;

  // Until the node has ended.
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  // The next message of this kind from the node; the others are passed over.
  template <typename Message>
  Message next() {
    while (true) {
      auto received = leat::tests::next(front_, authenticator());
      REQUIRE(received);
      peer_ = received->frames.front();
      received->frames.erase(received->frames.begin());
      const auto message = wire::decode(received->frames);
      REQUIRE(message);
      if (const auto* const wanted = std::get_if<Message>(&*message)) return *wanted;
    }
  }

  void send(const wire::Message& message) {
    io::Socket::Frames frames = wire::encode(message);
    frames.insert(frames.begin(), peer_);
    REQUIRE(front_.send(frames) == io::SendState::kSent);
  }

  // The results' address is told as a broker does that listens everywhere.
  void welcome() {
    (void)next<wire::NodeJoin>();
    const std::string everywhere = leat::tests::bind_to(results, "tcp://*:*");
    REQUIRE(everywhere.starts_with("tcp://0.0.0.0:"));
    send(wire::NodeWelcome{
        .incarnation = 7, .node = {7, 1}, .results_address = everywhere, .beat_ms = 100});
  }

  void order(std::uint64_t epoch) {
    send(wire::OpenInlet{.segment = kSegment,
                         .epoch = epoch,
                         .spec_text = "pipeline: p\nstages: [{name: a, run: cat}]\n",
                         .directory = "/",
                         .replicas = 1,
                         .ordered = true});
  }

  // The address of the inlet with this epoch.
  std::string inlet_address(std::uint64_t epoch) {
    while (true) {
      const auto report = next<wire::NodeReport>();
      if (!report.inlets.empty() && report.inlets[0].epoch == epoch) {
        return report.inlets[0].address;
      }
    }
  }

  io::Socket connect_inlet(const std::string& address) {
    io::Socket socket(context, io::SocketType::kPush);
    if (authenticator() != nullptr) socket.secure_as_client(broker, cluster.public_key);
    REQUIRE(socket.connect(address));
    return socket;
  }

  static io::Socket::Frames lease(std::uint64_t epoch, std::uint64_t number) {
    RecordsBuilder builder("\n");
    builder.add("one");
    builder.add("two");
    wire::Lease lease{.segment = kSegment, .epoch = epoch, .number = number};
    lease.slices = {{{7, 2}, {{Position(number * 2), 2, 2}}, builder.take()}};
    return wire::encode(lease);
  }

  wire::LeaseResult next_result() {
    const auto received = leat::tests::next(results, authenticator());
    REQUIRE(received);
    const auto message = wire::decode(received->frames);
    REQUIRE(message);
    return std::get<wire::LeaseResult>(*message);
  }

  // Of a lease, in as many results as it takes.
  std::string next_outputs() {
    std::string outputs;
    while (outputs.size() < 8) {
      outputs += next_result().outputs.records.blob.view();
    }
    return outputs;
  }

  [[nodiscard]] std::size_t said(const std::string& piece) {
    const std::scoped_lock lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        said_.begin(), said_.end(),
        [&](const std::string& text) { return text.find(piece) != std::string::npos; }));
  }

  io::Authenticator* authenticator() { return authenticator_ ? &*authenticator_ : nullptr; }

  io::KeyPair broker = io::make_key_pair().value();
  io::KeyPair cluster = io::make_key_pair().value();
  io::Context context;
  io::Bell stop;

 private:
  io::Context node_context_;
  std::optional<io::Authenticator> authenticator_;
  io::Socket front_;

 public:
  io::Socket results;

 private:
  leat::Bytes peer_;
  io::Bell abort_;
  std::mutex mutex_;
  std::vector<std::string> said_;
  std::unique_ptr<NodeLoop> loop_;
  std::thread thread_;
};

void use_curve(RawSocket& socket, const io::KeyPair& own, const std::string& server) {
  socket.get().set(zmq::sockopt::curve_publickey, own.public_key);
  socket.get().set(zmq::sockopt::curve_secretkey, own.secret_key);
  socket.get().set(zmq::sockopt::curve_serverkey, server);
}

}  // namespace

TEST_CASE("over tcp with keys a node works for the broker, and for no stranger") {
  Scene scene(Security::kKeys);
  scene.welcome();
  scene.order(1);
  const std::string address = scene.inlet_address(1);
  CHECK(address.starts_with("tcp://127.0.0.1:"));
  RawSocket stranger(scene.context, zmq::socket_type::push);
  use_curve(stranger, io::make_key_pair().value(), scene.cluster.public_key);
  stranger.watch();
  stranger.get().connect(address);
  REQUIRE(stranger.sees_failure());
  CHECK(wait_until([&] { return scene.said("its key is not the broker's") == 1; }));
  // Nodes and clients are no brokers.
  RawSocket client(scene.context, zmq::socket_type::push);
  use_curve(client, scene.cluster, scene.cluster.public_key);
  client.watch();
  client.get().connect(address);
  REQUIRE(client.sees_failure());
  io::Socket inlet = scene.connect_inlet(address);
  REQUIRE(leat::tests::send(inlet, Scene::lease(1, 1), scene.authenticator()));
  CHECK(scene.next_outputs() == "one\ntwo\n");
}

TEST_CASE("a node without keys answers over tcp") {
  Scene scene(Security::kNone);
  scene.welcome();
  scene.order(1);
  io::Socket inlet = scene.connect_inlet(scene.inlet_address(1));
  REQUIRE(leat::tests::send(inlet, Scene::lease(1, 1)));
  CHECK(scene.next_outputs() == "one\ntwo\n");
  CHECK(scene.said("joined broker at tcp://127.0.0.1:") == 1);
}

TEST_CASE("the host of inlets is told as the options say") {
  Scene scene(Security::kNone, {.host = "127.0.0.1", .advertise = "node-1.example"});
  scene.welcome();
  scene.order(1);
  CHECK(scene.inlet_address(1).starts_with("tcp://node-1.example:"));
}

TEST_CASE("when all ports for inlets are taken the broker and the operator are told") {
  io::Context context;
  io::Socket other(context, io::SocketType::kPull);
  const std::string taken = leat::tests::bind_to(other, "tcp://127.0.0.1:*");
  const std::uint16_t port = io::parse_address(taken, io::Purpose::kConnect).value().port;
  const io::PortRange range{.first = port, .last = port};
  Scene scene(Security::kNone, {.host = "127.0.0.1", .ports = range});
  scene.welcome();
  scene.order(1);
  const auto failed = scene.next<wire::StageFailed>();
  CHECK(failed.stage == "a");
  CHECK(failed.reason.find(std::to_string(port) + "-" + std::to_string(port)) != std::string::npos);
  CHECK(failed.reason.find("--inlet-ports") != std::string::npos);
  CHECK(scene.said("--inlet-ports") == 1);
}

TEST_CASE("an inlet that is renewed, or comes in the place of another, keeps the address") {
  Scene scene(Security::kNone);
  scene.welcome();
  scene.order(1);
  const std::string address = scene.inlet_address(1);
  scene.order(2);
  CHECK(scene.inlet_address(2) == address);
  scene.send(wire::CloseInlet{kSegment});
  scene.order(3);
  CHECK(scene.inlet_address(3) == address);
  io::Socket inlet = scene.connect_inlet(address);
  // What is left of an older epoch is for nobody.
  REQUIRE(leat::tests::send(inlet, Scene::lease(1, 1)));
  REQUIRE(leat::tests::send(inlet, Scene::lease(3, 1)));
  CHECK(scene.next_result().epoch == 3);
}

TEST_CASE("malformed messages at an inlet do not flood the operator, nor stop the work") {
  Scene scene(Security::kNone);
  scene.welcome();
  scene.order(1);
  const io::MonotonicClock clock;
  const leat::Instant begin = clock.now();
  io::Socket inlet = scene.connect_inlet(scene.inlet_address(1));
  for (int i = 0; i < 3000; ++i) {
    REQUIRE(leat::tests::send(inlet, leat::tests::frames({"nonsense"})));
  }
  REQUIRE(leat::tests::send(inlet, Scene::lease(1, 1)));
  CHECK(scene.next_result().lease == 1);
  CHECK(wait_until([&] { return scene.said("more such") > 0; }));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock.now() - begin);
  CHECK(scene.said("malformed") <= static_cast<std::size_t>(seconds.count()) + 2);
}

TEST_CASE("a dismissed node ends its tools and its loop, and has said goodbye") {
  Scene scene(Security::kNone);
  scene.welcome();
  scene.order(1);
  (void)scene.inlet_address(1);
  scene.send(wire::Dismissed{});
  (void)scene.next<wire::NodeLeave>();
  scene.join();
  CHECK(scene.said("needs this node no more") == 1);
}

TEST_CASE("a node that is told to stop leaves the broker") {
  Scene scene(Security::kNone);
  scene.welcome();
  scene.order(1);
  (void)scene.inlet_address(1);
  scene.stop.ring();
  (void)scene.next<wire::NodeLeave>();
  scene.join();
}
