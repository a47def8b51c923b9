// Who is heard over tcp and who is not: real sockets, keys and connections. That nothing came of
// somebody is shown by a good peer whose message was sent later and is there alone.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "io/authenticator.h"
#include "io/keys.h"
#include "io/socket.h"
#include "tests/support/folder.h"
#include "tests/unit/io/sockets.h"

namespace leat::io {

namespace {

using tests::bind_to;
using tests::Folder;
using tests::frames;
using tests::next;
using tests::PlainPeer;
using tests::RawSocket;
using tests::texts;
using tests::wait_until;

constexpr const char* kAnyPort = "tcp://127.0.0.1:*";
using Texts = std::vector<std::string>;

// The keys of a cluster, and of a stranger.
struct Keys {
  KeyPair broker = make_key_pair().value();
  KeyPair cluster = make_key_pair().value();
  KeyPair stranger = make_key_pair().value();
};

// A secured socket that listens and hears the cluster.
struct Server {
  explicit Server(SocketType type, const std::string& address = kAnyPort)
      : authenticator(
            Authenticator::create(context, {{"cluster", keys.cluster.public_key}}).value()),
        socket(context, type) {
    socket.set_frame_bytes_max(std::size_t{1} << 20U);
    socket.secure_as_server(keys.broker.secret_key);
    endpoint = bind_to(socket, address);
  }

  // The good peer is heard, nobody was before it, and nobody is after it.
  void hears_only_the_good_one() {
    Socket good(peers, SocketType::kPush);
    good.secure_as_client(keys.cluster, keys.broker.public_key);
    REQUIRE(good.connect(endpoint).has_value());
    for (const char* text : {"good", "better"}) {
      REQUIRE(tests::send(good, frames({text}), &authenticator));
      const auto received = next(socket, &authenticator);
      REQUIRE(received.has_value());
      CHECK(texts(received->frames) == Texts{text});
      CHECK(received->user == "cluster");
    }
    CHECK_FALSE(socket.receive().has_value());
  }

  Keys keys;
  Context context;
  Context peers;  // Of everybody else.
  Authenticator authenticator;
  Socket socket;
  std::string endpoint;
};

void use_curve(RawSocket& socket, const KeyPair& own, const std::string& server) {
  socket.get().set(zmq::sockopt::curve_publickey, own.public_key);
  socket.get().set(zmq::sockopt::curve_secretkey, own.secret_key);
  socket.get().set(zmq::sockopt::curve_serverkey, server);
}

// Connects and sends; what it sent must not be heard.
void try_in_vain(Server& server, RawSocket& socket) {
  socket.watch();
  socket.get().connect(server.endpoint);
  socket.send("bad");
  REQUIRE(socket.sees_failure(&server.authenticator));
}

// A plain PULL that is not ours, in our domain.
std::string listen_in_domain(RawSocket& socket) {
  socket.get().set(zmq::sockopt::zap_domain, std::string(kZapDomain));
  socket.get().bind(kAnyPort);
  return socket.get().get(zmq::sockopt::last_endpoint);
}

std::string ready(const std::string& more_properties = "") {
  return tests::command("READY", tests::property("Socket-Type", "PUSH") + more_properties);
}

// As a peer that gives itself a name.
void say_as_broker(PlainPeer& peer) {
  peer.write(tests::greeting("NULL") + ready(tests::property("User-Id", "broker")));
  REQUIRE(peer.read_until(
      [](const std::string& received) { return received.find("\x05READY") != std::string::npos; }));
  peer.write(tests::message("hi"));
}

// Asks the authenticator as ZeroMQ does.
class Asker {
 public:
  explicit Asker(Context& context) : socket_(context.get(), zmq::socket_type::req) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.connect("inproc://zeromq.zap.01");
  }

  Texts ask(const Texts& question, Authenticator& authenticator) {
    for (std::size_t i = 0; i < question.size(); ++i) {
      const bool is_last = i + 1 == question.size();
      socket_.send(zmq::buffer(question[i]),
                   is_last ? zmq::send_flags::none : zmq::send_flags::sndmore);
    }
    REQUIRE(wait_until([&] {
      authenticator.serve();
      return (socket_.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0;
    }));
    Texts answer;
    do {
      zmq::message_t frame;
      REQUIRE(socket_.recv(frame).has_value());
      answer.push_back(frame.to_string());
    } while (socket_.get(zmq::sockopt::rcvmore));
    return answer;
  }

 private:
  zmq::socket_t socket_;
};

}  // namespace

TEST_CASE("a peer with the right keys talks both ways, and is known by name") {
  const Folder folder;
  for (const std::string& address : {std::string(kAnyPort), "ipc://" + folder.path("front")}) {
    INFO(address);
    Server server(SocketType::kRouter, address);
    Socket client(server.peers, SocketType::kDealer);
    client.set_identity("me");
    client.secure_as_client(server.keys.cluster, server.keys.broker.public_key);
    REQUIRE(client.connect(server.endpoint).has_value());
    REQUIRE(tests::send(client, frames({"hello", ""}), &server.authenticator));
    const auto heard = next(server.socket, &server.authenticator);
    REQUIRE(heard.has_value());
    CHECK(texts(heard->frames) == Texts{"me", "hello", ""});
    CHECK(heard->user == "cluster");
    REQUIRE(server.socket.send(frames({"me", "welcome"})) == SendState::kSent);
    const auto answer = next(client);
    REQUIRE(answer.has_value());
    CHECK(texts(answer->frames) == Texts{"welcome"});
    CHECK(answer->user.empty());
    CHECK(server.authenticator.refused_count() == 0);
  }
}

TEST_CASE("a node's inlet hears the broker") {
  const Keys keys;
  Context node;
  Context broker;
  auto authenticator = Authenticator::create(node, {{"broker", keys.broker.public_key}}).value();
  Socket inlet(node, SocketType::kPull);
  inlet.secure_as_server(keys.cluster.secret_key);
  const std::string endpoint = bind_to(inlet, kAnyPort);
  // Another node has the keys of the cluster, and yet it is not the broker.
  RawSocket other(broker, zmq::socket_type::push);
  use_curve(other, keys.cluster, keys.cluster.public_key);
  other.watch();
  other.get().connect(endpoint);
  other.send("from a node");
  REQUIRE(other.sees_failure(&authenticator));
  CHECK(authenticator.refused_count() == 1);
  Socket push(broker, SocketType::kPush);
  push.secure_as_client(keys.broker, keys.cluster.public_key);
  REQUIRE(push.connect(endpoint).has_value());
  REQUIRE(tests::send(push, frames({"lease", "blob"}), &authenticator));
  const auto received = next(inlet, &authenticator);
  REQUIRE(received.has_value());
  CHECK(texts(received->frames) == Texts{"lease", "blob"});
  CHECK(received->user == "broker");
  CHECK_FALSE(inlet.receive().has_value());
}

TEST_CASE("many names are told apart") {
  const Keys keys;
  Context context;
  auto authenticator = Authenticator::create(context, {{"broker", keys.broker.public_key},
                                                       {"cluster", keys.cluster.public_key}})
                           .value();
  Socket socket(context, SocketType::kPull);
  socket.secure_as_server(keys.stranger.secret_key);
  const std::string endpoint = bind_to(socket, kAnyPort);
  Context peers;
  for (const auto& [name, pair] : {std::pair{"broker", &keys.broker}, {"cluster", &keys.cluster}}) {
    Socket push(peers, SocketType::kPush);
    push.secure_as_client(*pair, keys.stranger.public_key);
    REQUIRE(push.connect(endpoint).has_value());
    REQUIRE(tests::send(push, frames({name}), &authenticator));
    const auto received = next(socket, &authenticator);
    REQUIRE(received.has_value());
    CHECK(texts(received->frames) == Texts{name});
    CHECK(received->user == name);
  }
}

TEST_CASE("a peer with an unknown key is refused and counted") {
  Server server(SocketType::kPull);
  RawSocket bad(server.peers, zmq::socket_type::push);
  use_curve(bad, server.keys.stranger, server.keys.broker.public_key);
  try_in_vain(server, bad);
  CHECK(server.authenticator.refused_count() == 1);
  server.hears_only_the_good_one();
}

TEST_CASE("a peer with the right keys that takes us for another is not heard") {
  Server server(SocketType::kPull);
  RawSocket bad(server.peers, zmq::socket_type::push);
  use_curve(bad, server.keys.cluster, server.keys.stranger.public_key);
  try_in_vain(server, bad);
  CHECK(server.authenticator.refused_count() == 0);
  server.hears_only_the_good_one();
}

TEST_CASE("a peer without CURVE is not heard") {
  Server server(SocketType::kPull);
  RawSocket null(server.peers, zmq::socket_type::push);
  RawSocket plain(server.peers, zmq::socket_type::push);
  plain.get().set(zmq::sockopt::plain_username, "cluster");
  plain.get().set(zmq::sockopt::plain_password, server.keys.cluster.public_key);
  try_in_vain(server, null);
  try_in_vain(server, plain);
  server.hears_only_the_good_one();
}

TEST_CASE("without an authenticator nobody is heard") {
  const Keys keys;
  Context context;
  Context peers;
  Socket socket(context, SocketType::kPull);
  socket.secure_as_server(keys.broker.secret_key);
  const std::string endpoint = bind_to(socket, kAnyPort);
  RawSocket early(peers, zmq::socket_type::push);
  use_curve(early, keys.cluster, keys.broker.public_key);
  early.watch();
  early.get().connect(endpoint);
  early.send("early");
  REQUIRE(early.sees_failure());
  early.get().close();
  auto authenticator =
      Authenticator::create(context, {{"cluster", keys.cluster.public_key}}).value();
  Socket good(peers, SocketType::kPush);
  good.secure_as_client(keys.cluster, keys.broker.public_key);
  REQUIRE(good.connect(endpoint).has_value());
  REQUIRE(tests::send(good, frames({"good"}), &authenticator));
  const auto received = next(socket, &authenticator);
  REQUIRE(received.has_value());
  CHECK(texts(received->frames) == Texts{"good"});
  CHECK_FALSE(socket.receive().has_value());
}

TEST_CASE("a context has one authenticator") {
  Context context;
  auto first = Authenticator::create(context, {});
  REQUIRE(first.has_value());
  const auto second = Authenticator::create(context, {});
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::kUnavailable);
}

TEST_CASE("the authenticator refuses other mechanisms in its domain") {
  Server server(SocketType::kPull);
  RawSocket null_pull(server.context, zmq::socket_type::pull);
  RawSocket plain_pull(server.context, zmq::socket_type::pull);
  plain_pull.get().set(zmq::sockopt::plain_server, 1);
  RawSocket null_push(server.peers, zmq::socket_type::push);
  RawSocket plain_push(server.peers, zmq::socket_type::push);
  plain_push.get().set(zmq::sockopt::plain_username, "cluster");
  plain_push.get().set(zmq::sockopt::plain_password, "password");
  std::uint64_t refused = 0;
  for (const auto& [pull, push] : {std::pair{&null_pull, &null_push}, {&plain_pull, &plain_push}}) {
    const std::string endpoint = listen_in_domain(*pull);
    push->watch();
    push->get().connect(endpoint);
    push->send("bad");
    REQUIRE(push->sees_failure(&server.authenticator));
    CHECK(server.authenticator.refused_count() == ++refused);
    zmq::message_t heard;
    CHECK_FALSE(pull->get().recv(heard, zmq::recv_flags::dontwait).has_value());
  }
}

TEST_CASE("the authenticator refuses another domain") {
  Server server(SocketType::kPull);
  RawSocket pull(server.context, zmq::socket_type::pull);
  pull.get().set(zmq::sockopt::curve_server, 1);
  pull.get().set(zmq::sockopt::curve_secretkey, server.keys.broker.secret_key);
  pull.get().set(zmq::sockopt::zap_domain, "other");
  pull.get().bind(kAnyPort);
  RawSocket push(server.peers, zmq::socket_type::push);
  use_curve(push, server.keys.cluster, server.keys.broker.public_key);
  push.watch();
  push.get().connect(pull.get().get(zmq::sockopt::last_endpoint));
  push.send("bad");
  REQUIRE(push.sees_failure(&server.authenticator));
  CHECK(server.authenticator.refused_count() == 1);
}

TEST_CASE("the authenticator answers every question, and says yes to one kind only") {
  Context context;
  const KeyPair pair = make_key_pair().value();
  auto authenticator = Authenticator::create(context, {{"cluster", pair.public_key}}).value();
  std::string key(32, '\0');
  REQUIRE(::zmq_z85_decode(reinterpret_cast<std::uint8_t*>(key.data()), pair.public_key.c_str()) !=
          nullptr);
  const Texts good = {"1.0", "7", "leat", "", "", "CURVE", key};
  const std::vector<Texts> questions = {
      {""},
      {"1.0"},
      {"1.0", "7"},
      {"1.0", "7", "leat", "", "", "CURVE"},
      {"1.0", "7", "leat", "", "", "CURVE", ""},
      {"1.0", "7", "leat", "", "", "CURVE", key.substr(0, 31)},
      {"1.0", "7", "leat", "", "", "CURVE", key + "k"},
      {"1.0", "7", "leat", "", "", "CURVE", std::string(32, 'k')},
      {"1.0", "7", "leat", "", "", "CURVE", key, ""},
      {"1.0", "7", "leat", "", "", "PLAIN", key},
      {"1.0", "7", "leat", "", "", "NULL"},
      {"1.0", "7", "", "", "", "CURVE", key},
      {"1.0", "7", "leat2", "", "", "CURVE", key},
      {"2.0", "7", "leat", "", "", "CURVE", key},
  };
  Asker asker(context);
  std::uint64_t refused = 0;
  for (const Texts& question : questions) {
    const std::string id = question.size() > 1 ? question[1] : "";
    CHECK(asker.ask(question, authenticator) == Texts{"1.0", id, "400", "no such key", "", ""});
    CHECK(authenticator.refused_count() == ++refused);
  }
  CHECK(asker.ask(good, authenticator) == Texts{"1.0", "7", "200", "OK", "cluster", ""});
  CHECK(authenticator.refused_count() == refused);
  CHECK_FALSE(authenticator.has_input());
}

TEST_CASE("sockets that are not secured need no authenticator's leave") {
  Server server(SocketType::kPull);
  const Folder folder;
  for (const std::string& address : {std::string(kAnyPort), "ipc://" + folder.path("plain")}) {
    Socket pull(server.context, SocketType::kPull);
    Socket push(server.peers, SocketType::kPush);
    REQUIRE(push.connect(bind_to(pull, address)).has_value());
    REQUIRE(tests::send(push, frames({"hello"})));
    const auto received = next(pull);
    REQUIRE(received.has_value());
    CHECK(texts(received->frames) == Texts{"hello"});
    CHECK(received->user.empty());
  }
  CHECK(server.authenticator.refused_count() == 0);
}

TEST_CASE("within the process a secured socket trusts everybody and names nobody") {
  Server server(SocketType::kPull);
  REQUIRE(server.socket.bind("inproc://within").has_value());
  Socket push(server.context, SocketType::kPush);
  REQUIRE(push.connect("inproc://within").has_value());
  REQUIRE(tests::send(push, frames({"hello"})));
  const auto received = next(server.socket);
  REQUIRE(received.has_value());
  CHECK(received->user.empty());
}

TEST_CASE("a peer cannot give itself a name") {
  // Where nobody authenticates a peer's own word is in its place, and ZeroMQ tells it as it is.
  Context context;
  RawSocket raw(context, zmq::socket_type::pull);
  raw.get().bind(kAnyPort);
  PlainPeer to_raw(raw.get().get(zmq::sockopt::last_endpoint));
  say_as_broker(to_raw);
  zmq::message_t told;
  REQUIRE(wait_until([&] { return raw.get().recv(told, zmq::recv_flags::dontwait).has_value(); }));
  CHECK(std::string(told.gets("User-Id")) == "broker");

  Socket ours(context, SocketType::kPull);
  PlainPeer to_ours(bind_to(ours, kAnyPort));
  say_as_broker(to_ours);
  const auto received = next(ours);
  REQUIRE(received.has_value());
  CHECK(texts(received->frames) == Texts{"hi"});
  CHECK(received->user.empty());
}

TEST_CASE("bytes that are no protocol do no harm") {
  Server server(SocketType::kPull);
  std::string noise;
  for (std::uint32_t i = 0, state = 1; i < 100'000; ++i) {
    state = state * 1'664'525U + 1'013'904'223U;
    noise += static_cast<char>(state >> 24U);
  }
  const std::string huge = std::string(1, '\x02') + std::string(8, '\x7f');
  const std::vector<std::string> attempts = {
      "",
      "x",
      "GET / HTTP/1.1\r\nHost: here\r\n\r\n",
      noise,
      std::string(100'000, '\0'),
      std::string(100'000, '\xff'),
      // Older protocols, which know no keys.
      std::string("\x01\0\x04\0bad", 7),
      std::string("\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\0\0\0\x03", 16) + "bad",
      // Ours without keys, to the end and cut anywhere.
      tests::greeting("NULL") + ready() + tests::message("bad"),
      tests::greeting("NULL").substr(0, 9),
      tests::greeting("CURVE").substr(0, 40),
      // As if the handshake had been before.
      tests::greeting("CURVE") + tests::message("bad"),
      tests::greeting("CURVE") + ready() + tests::message("bad"),
      tests::greeting("CURVE") + tests::command("HELLO", std::string(194, 'h')),
      tests::greeting("CURVE") + tests::command("MESSAGE", std::string(40, 'm')),
      // Lengths that nobody has memory for.
      tests::greeting("CURVE") + huge,
      tests::greeting("CURVE") + std::string(1, '\x06') + std::string(8, '\xff') + noise,
  };
  for (const std::string& bytes : attempts) {
    PlainPeer peer(server.endpoint);
    peer.write(bytes);
    peer.end_input();
    REQUIRE(peer.sees_end());
    server.hears_only_the_good_one();
  }
  CHECK(server.authenticator.refused_count() == 0);
}

TEST_CASE("peers that say nothing keep nobody out") {
  Server server(SocketType::kPull);
  constexpr std::size_t kCount = 100;
  std::vector<PlainPeer> silent;
  silent.reserve(kCount);
  while (silent.size() < kCount) {
    silent.emplace_back(server.endpoint);
  }
  server.hears_only_the_good_one();
}

TEST_CASE("a frame above the limit cuts its sender off, keys or not") {
  constexpr std::size_t kLimit = 100'000;
  for (const bool is_secured : {false, true}) {
    INFO(is_secured);
    const Keys keys;
    Context context;
    Context peers;
    auto authenticator =
        Authenticator::create(context, {{"cluster", keys.cluster.public_key}}).value();
    Socket socket(context, SocketType::kPull);
    socket.set_frame_bytes_max(kLimit);
    if (is_secured) socket.secure_as_server(keys.broker.secret_key);
    const std::string endpoint = bind_to(socket, kAnyPort);
    for (const std::size_t size : {kLimit, kLimit + 100}) {
      RawSocket raw(peers, zmq::socket_type::push);
      if (is_secured) use_curve(raw, keys.cluster, keys.broker.public_key);
      raw.watch();
      raw.get().connect(endpoint);
      raw.send(std::string(size, 'x'));
      if (size > kLimit) {
        REQUIRE(raw.sees_failure(&authenticator));
      } else {
        const auto received = next(socket, &authenticator);
        REQUIRE(received.has_value());
        CHECK(received->frames.front().size() == size);
      }
    }
    RawSocket good(peers, zmq::socket_type::push);
    if (is_secured) use_curve(good, keys.cluster, keys.broker.public_key);
    good.get().connect(endpoint);
    good.send("good");
    const auto received = next(socket, &authenticator);
    REQUIRE(received.has_value());
    CHECK(texts(received->frames) == Texts{"good"});
  }
}

TEST_CASE("a peer that was refused is heard after it reconnects to who knows it") {
  const Keys keys;
  Context peers;
  Socket push(peers, SocketType::kPush);
  push.secure_as_client(keys.cluster, keys.broker.public_key);
  std::string endpoint;
  {
    Context context;
    auto knows_nobody = Authenticator::create(context, {}).value();
    Socket socket(context, SocketType::kPull);
    socket.secure_as_server(keys.broker.secret_key);
    endpoint = bind_to(socket, kAnyPort);
    REQUIRE(push.connect(endpoint).has_value());
    REQUIRE(wait_until([&] {
      knows_nobody.serve();
      return knows_nobody.refused_count() > 0;
    }));
  }
  Context context;
  auto authenticator =
      Authenticator::create(context, {{"cluster", keys.cluster.public_key}}).value();
  Socket socket(context, SocketType::kPull);
  socket.secure_as_server(keys.broker.secret_key);
  REQUIRE(socket.bind(endpoint).has_value());
  // The refusal may be still on its way to it.
  REQUIRE(wait_until([&] {
    authenticator.serve();
    if (push.send(frames({"at last"})) == SendState::kSent) return true;
    push.reconnect();
    return wait_until([&] {
      authenticator.serve();
      return push.send(frames({"at last"})) == SendState::kSent;
    });
  }));
  const auto received = next(socket, &authenticator);
  REQUIRE(received.has_value());
  CHECK(texts(received->frames) == Texts{"at last"});
}

}  // namespace leat::io
