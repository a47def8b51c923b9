#include "io/socket.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include <sys/stat.h>
#include <zmq.hpp>

#include "core/ensure.h"
#include "io/address.h"
#include "io/tsan.h"

namespace leat::io {

namespace {

// Smaller frames are cheaper to copy than to share.
constexpr std::size_t kCopyMax = 1024;

// What ZeroMQ takes.
constexpr std::size_t kEndpointBytesMax = 257;

// There may be one for each inlet of a cluster. ZeroMQ's own limit is 1023; the system's, on
// descriptors, is the one that is meant to hold.
constexpr int kSocketsMax = 16384;

// By which CURVE makes a frame larger, rounded up.
constexpr std::size_t kCurveBytes = 64;

// From the library's draft header; the library has had it since 4.3.0, and setting it is checked.
constexpr int kZapEnforceDomain = 93;

// In milliseconds, for tcp. A ping that the peer's system does not acknowledge ends a connection
// that went dead in silence; the long limit is for a peer that acknowledges and does not answer,
// and must leave a frame of 64 MiB the time to pass.
constexpr int kReconnectMin = 100;
constexpr int kReconnectMax = 1000;
constexpr int kConnectMax = 5'000;
constexpr int kHandshakeMax = 10'000;
constexpr int kPingEvery = 2'000;
constexpr int kUnacknowledgedMax = 15'000;
constexpr int kUnansweredMax = 30'000;

// In seconds: for a peer that never pings.
constexpr int kKeepaliveAfter = 10;
constexpr int kKeepaliveEvery = 5;
constexpr int kKeepaliveCount = 3;

int type_of(SocketType type) {
  switch (type) {
    case SocketType::kRouter:
      return ZMQ_ROUTER;
    case SocketType::kDealer:
      return ZMQ_DEALER;
    case SocketType::kPush:
      return ZMQ_PUSH;
    case SocketType::kPull:
      return ZMQ_PULL;
    case SocketType::kReply:
      return ZMQ_REP;
  }
  return ZMQ_PULL;
}

// The message takes a share in the bytes, and gives it up in whatever thread it ends.
zmq::message_t message_of(const Bytes& bytes) {
  if (bytes.size() <= kCopyMax) return {bytes.view().data(), bytes.size()};
  auto share = std::make_unique<Bytes>(bytes);
  // ZeroMQ does not write to what it sends.
  void* const data = const_cast<char*>(bytes.view().data());
  const auto give_up = [](void*, void* hint) {
    after_taking_over();
    const std::unique_ptr<Bytes> held(static_cast<Bytes*>(hint));
  };
  return {data, bytes.size(), give_up, share.release()};
}

Bytes bytes_of(zmq::message_t message) {
  if (message.size() <= kCopyMax) return Bytes::copy(message.to_string_view());
  auto owner = std::make_shared<zmq::message_t>(std::move(message));
  const std::string_view view = owner->to_string_view();
  return Bytes::share(std::move(owner), view);
}

// Options that cannot fail: their values are ours, or were checked.
void set(void* socket, int option, int value) {
  ENSURE(::zmq_setsockopt(socket, option, &value, sizeof value) == 0);
}

void set(void* socket, int option, const std::string& value) {
  ENSURE(::zmq_setsockopt(socket, option, value.data(), value.size()) == 0);
}

// For the next bind or connect.
void tune(void* socket, const Address& address) {
  const bool is_tcp = address.transport == Transport::kTcp;
  set(socket, ZMQ_IPV6, address.host.find(':') != std::string::npos ? 1 : 0);
  set(socket, ZMQ_HEARTBEAT_IVL, is_tcp ? kPingEvery : 0);
  set(socket, ZMQ_HEARTBEAT_TIMEOUT, is_tcp ? kUnansweredMax : 0);
  if (!is_tcp) return;
  set(socket, ZMQ_RECONNECT_IVL, kReconnectMin);
  set(socket, ZMQ_RECONNECT_IVL_MAX, kReconnectMax);
  set(socket, ZMQ_CONNECT_TIMEOUT, kConnectMax);
  set(socket, ZMQ_HANDSHAKE_IVL, kHandshakeMax);
  set(socket, ZMQ_TCP_MAXRT, kUnacknowledgedMax);
  set(socket, ZMQ_TCP_KEEPALIVE, 1);
  set(socket, ZMQ_TCP_KEEPALIVE_IDLE, kKeepaliveAfter);
  set(socket, ZMQ_TCP_KEEPALIVE_INTVL, kKeepaliveEvery);
  set(socket, ZMQ_TCP_KEEPALIVE_CNT, kKeepaliveCount);
}

tl::unexpected<Error> failed(Errc code, const std::string& what, const Address& address,
                             const std::string& why) {
  return failure(code, "cannot " + what + " " + to_string(address) + ": " + why);
}

tl::unexpected<Error> cannot_listen(const Address& address, int error) {
  const bool is_tcp = address.transport == Transport::kTcp;
  switch (error) {
    case EADDRINUSE:
      return failed(Errc::kUnavailable, "listen at", address,
                    "something listens there already: another broker? Give another address");
    case EADDRNOTAVAIL:
    case ENODEV:
      return failed(Errc::kNotFound, "listen at", address,
                    "this machine has no such address or interface; give one of its own, or `*` "
                    "for all");
    case EACCES:
    case EPERM:
      return failed(Errc::kSystem, "listen at", address,
                    is_tcp ? "permission denied; give a port from 1024 on"
                           : "permission denied; give a path in a directory of your own");
    case ENOENT:
    case ENOTDIR:
      return failed(Errc::kNotFound, "listen at", address,
                    "there is no such directory; make it, or give another address");
    default:
      return failed(Errc::kSystem, "listen at", address, ::zmq_strerror(error));
  }
}

// ZeroMQ removes whatever lies at the path.
Result<void> check_path(const Address& address) {
  struct stat status{};
  const bool is_other = address.transport == Transport::kIpc &&
                        ::lstat(address.path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode);
  if (!is_other) return {};
  return failed(Errc::kInvalidArgument, "listen at", address,
                "something else than a socket lies there; give another address");
}

// 0, or the error.
int try_bind(void* socket, const Address& address) {
  return ::zmq_bind(socket, to_string(address).c_str()) == 0 ? 0 : ::zmq_errno();
}

int try_connect(void* socket, const std::string& endpoint) {
  return ::zmq_connect(socket, endpoint.c_str()) == 0 ? 0 : ::zmq_errno();
}

// A signal may come at any time; nothing was done then.
int send_frame(void* socket, zmq::message_t& message, int flags) {
  before_handing_over();
  while (::zmq_msg_send(message.handle(), socket, flags) < 0) {
    if (::zmq_errno() != EINTR) return ::zmq_errno();
  }
  return 0;
}

// By hand, because the library's C++ face throws, and asserts sizes that do not fit an int.
bool receive_frame(void* socket, zmq::message_t& message) {
  while (::zmq_msg_recv(message.handle(), socket, ZMQ_DONTWAIT) < 0) {
    if (::zmq_errno() != EINTR) return false;
  }
  after_taking_over();
  return true;
}

}  // namespace

Context::Context() : context_(std::make_unique<zmq::context_t>(1)) {
  context_->set(zmq::ctxopt::max_sockets, kSocketsMax);
}

Context::~Context() = default;

Socket::Socket(Context& context, SocketType type)
    : socket_(::zmq_socket(context.get().handle(), type_of(type))) {
  if (!socket_) return;
  set(socket_.get(), ZMQ_LINGER, 0);
  // What may be under way is bounded by credit; the sockets must hold that without refusing.
  set(socket_.get(), ZMQ_SNDHWM, 0);
  set(socket_.get(), ZMQ_RCVHWM, 0);
  if (type == SocketType::kPush || type == SocketType::kDealer) {
    set(socket_.get(), ZMQ_IMMEDIATE, 1);
  }
  if (type == SocketType::kRouter) {
    set(socket_.get(), ZMQ_ROUTER_MANDATORY, 1);
    set(socket_.get(), ZMQ_ROUTER_HANDOVER, 1);
  }
}

void Socket::Close::operator()(void* socket) const {
  ::zmq_close(socket);
}

void Socket::set_identity(const std::string& identity) {
  if (socket_) set(socket_.get(), ZMQ_ROUTING_ID, identity);
}

void Socket::set_frame_bytes_max(std::size_t bytes) {
  const auto limit = static_cast<std::int64_t>(bytes + kCurveBytes);
  if (!socket_) return;
  ENSURE(::zmq_setsockopt(socket_.get(), ZMQ_MAXMSGSIZE, &limit, sizeof limit) == 0);
}

void Socket::secure_as_server(const std::string& own_secret_key) {
  is_secured_server_ = true;
  if (!socket_) return;
  set(socket_.get(), ZMQ_ZAP_DOMAIN, std::string(kZapDomain));
  // Without it everybody who knows our public key is let in while nobody authenticates.
  set(socket_.get(), kZapEnforceDomain, 1);
  set(socket_.get(), ZMQ_CURVE_SERVER, 1);
  set(socket_.get(), ZMQ_CURVE_SECRETKEY, own_secret_key);
}

void Socket::secure_as_client(const KeyPair& own, const std::string& server_public_key) {
  if (!socket_) return;
  set(socket_.get(), ZMQ_CURVE_SERVERKEY, server_public_key);
  set(socket_.get(), ZMQ_CURVE_PUBLICKEY, own.public_key);
  set(socket_.get(), ZMQ_CURVE_SECRETKEY, own.secret_key);
}

Result<void> Socket::bind(const std::string& address) {
  const Result<Address> place = parse_address(address, Purpose::kListen);
  if (!place) return tl::unexpected(place.error());
  if (!socket_) return cannot_listen(*place, EMFILE);
  if (Result<void> free = check_path(*place); !free) return free;
  tune(socket_.get(), *place);
  int error = try_bind(socket_.get(), *place);
  // ZeroMQ knows interfaces, and looks up no names to listen at.
  if (error == ENODEV && place->transport == Transport::kTcp) {
    const Result<std::string> host = look_up(place->host);
    if (host) error = try_bind(socket_.get(), with_host(*place, *host));
  }
  if (error != 0) return cannot_listen(*place, error);
  return {};
}

Result<void> Socket::connect(const std::string& address) {
  const Result<Address> place = parse_address(address, Purpose::kConnect);
  if (!place) return tl::unexpected(place.error());
  const std::string endpoint = to_string(*place);
  int error = EMFILE;
  if (socket_) {
    tune(socket_.get(), *place);
    error = try_connect(socket_.get(), endpoint);
  }
  if (error != 0) return failed(Errc::kSystem, "connect to", *place, ::zmq_strerror(error));
  connected_.push_back(endpoint);
  return {};
}

void Socket::reconnect() {
  for (const std::string& endpoint : std::exchange(connected_, {})) {
    (void)::zmq_disconnect(socket_.get(), endpoint.c_str());
    // It was possible once, and asks nobody.
    (void)connect(endpoint);
  }
}

std::string Socket::last_endpoint() const {
  std::array<char, kEndpointBytesMax> text{};
  std::size_t size = text.size();
  if (!socket_) return "";
  ENSURE(::zmq_getsockopt(socket_.get(), ZMQ_LAST_ENDPOINT, text.data(), &size) == 0);
  return text.data();
}

SendState Socket::send(const Frames& frames) {
  if (!socket_) return SendState::kWouldBlock;
  bool is_dropped = false;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const bool is_last = i + 1 == frames.size();
    zmq::message_t message = message_of(frames[i]);
    const int error =
        send_frame(socket_.get(), message, is_last ? ZMQ_DONTWAIT : ZMQ_DONTWAIT | ZMQ_SNDMORE);
    if (error == 0) continue;
    if (i == 0) return error == EHOSTUNREACH ? SendState::kUnreachable : SendState::kWouldBlock;
    // The connection went away between two frames. ZeroMQ drops the message, up to its last frame:
    // it must see that one, or it would drop the next message with it.
    is_dropped = true;
  }
  return is_dropped ? SendState::kWouldBlock : SendState::kSent;
}

std::optional<Socket::Frames> Socket::receive() {
  std::optional<Received> received = receive_with_user();
  if (!received) return std::nullopt;
  return std::move(received->frames);
}

std::optional<Socket::Received> Socket::receive_with_user() {
  if (!socket_) return std::nullopt;
  Received received;
  bool has_more = true;
  while (has_more) {
    zmq::message_t message;
    // Once the first frame is there, so are the others.
    if (!receive_frame(socket_.get(), message)) return std::nullopt;
    has_more = message.more();
    // Any peer may send a property of this name: only after CURVE it is the Authenticator's.
    if (is_secured_server_ && !has_more) {
      const char* const user = ::zmq_msg_gets(message.handle(), "User-Id");
      if (user != nullptr) received.user = user;
    }
    received.frames.push_back(bytes_of(std::move(message)));
  }
  return received;
}

int Socket::fd() const {
  int fd = -1;
  std::size_t size = sizeof fd;
  if (socket_) ENSURE(::zmq_getsockopt(socket_.get(), ZMQ_FD, &fd, &size) == 0);
  return fd;
}

bool Socket::has_input() const {
  int events = 0;
  std::size_t size = sizeof events;
  while (socket_ && ::zmq_getsockopt(socket_.get(), ZMQ_EVENTS, &events, &size) != 0) {
    if (::zmq_errno() != EINTR) return false;
  }
  return (events & ZMQ_POLLIN) != 0;
}

}  // namespace leat::io

#ifdef __SANITIZE_THREAD__
// Here and not in a file: the tests give programs a clean environment, which could not name it.
extern "C" const char* __tsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)

extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libzmq.so\ncalled_from_lib:libsodium.so\n";
}
#endif
