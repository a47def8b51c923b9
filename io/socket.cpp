#include "io/socket.h"

#include <utility>

#include <zmq.hpp>

#include "io/tsan.h"

namespace leat::io {

namespace {

// Smaller frames are cheaper to copy than to share.
constexpr std::size_t kCopyMax = 1024;

zmq::socket_type type_of(SocketType type) {
  switch (type) {
    case SocketType::kRouter:
      return zmq::socket_type::router;
    case SocketType::kDealer:
      return zmq::socket_type::dealer;
    case SocketType::kPush:
      return zmq::socket_type::push;
    case SocketType::kPull:
      return zmq::socket_type::pull;
  }
  return zmq::socket_type::pull;
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

tl::unexpected<Error> failed(const char* what, const std::string& address,
                             const zmq::error_t& error) {
  return failure(Errc::kSystem,
                 std::string("cannot ") + what + " " + address + ": " + error.what());
}

}  // namespace

Context::Context() : context_(std::make_unique<zmq::context_t>(1)) {}

Context::~Context() = default;

Socket::Socket(Context& context, SocketType type)
    : socket_(std::make_unique<zmq::socket_t>(context.get(), type_of(type))) {
  socket_->set(zmq::sockopt::linger, 0);
  // What may be under way is bounded by credit; the sockets must hold that without refusing.
  socket_->set(zmq::sockopt::sndhwm, 0);
  socket_->set(zmq::sockopt::rcvhwm, 0);
  if (type == SocketType::kPush || type == SocketType::kDealer) {
    socket_->set(zmq::sockopt::immediate, true);
  }
  if (type == SocketType::kRouter) {
    socket_->set(zmq::sockopt::router_mandatory, true);
    socket_->set(zmq::sockopt::router_handover, true);
  }
}

Socket::~Socket() = default;
Socket::Socket(Socket&&) noexcept = default;
Socket& Socket::operator=(Socket&&) noexcept = default;

void Socket::set_identity(const std::string& identity) {
  socket_->set(zmq::sockopt::routing_id, identity);
}

Result<void> Socket::bind(const std::string& address) {
  try {
    socket_->bind(address);
  } catch (const zmq::error_t& error) {
    return failed("listen at", address, error);
  }
  return {};
}

Result<void> Socket::connect(const std::string& address) {
  try {
    socket_->connect(address);
  } catch (const zmq::error_t& error) {
    return failed("connect to", address, error);
  }
  return {};
}

std::string Socket::last_endpoint() const {
  return socket_->get(zmq::sockopt::last_endpoint);
}

SendState Socket::send(const Frames& frames) {
  try {
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const bool is_last = i + 1 == frames.size();
      const auto flags = is_last ? zmq::send_flags::dontwait
                                 : zmq::send_flags::dontwait | zmq::send_flags::sndmore;
      zmq::message_t message = message_of(frames[i]);
      before_handing_over();
      // Once the first frame is taken, so are the others.
      if (!socket_->send(message, flags)) return SendState::kWouldBlock;
    }
  } catch (const zmq::error_t& error) {
    return error.num() == EHOSTUNREACH ? SendState::kUnreachable : SendState::kWouldBlock;
  }
  return SendState::kSent;
}

std::optional<Socket::Frames> Socket::receive() {
  Frames frames;
  bool has_more = true;
  while (has_more) {
    zmq::message_t message;
    if (!socket_->recv(message,
                       frames.empty() ? zmq::recv_flags::dontwait : zmq::recv_flags::none)) {
      return std::nullopt;
    }
    after_taking_over();
    has_more = message.more();
    frames.push_back(bytes_of(std::move(message)));
  }
  return frames;
}

int Socket::fd() const {
  return socket_->get(zmq::sockopt::fd);
}

bool Socket::has_input() const {
  return (socket_->get(zmq::sockopt::events) & ZMQ_POLLIN) != 0;
}

}  // namespace leat::io

#ifdef __SANITIZE_THREAD__
// Here and not in a file: the tests give programs a clean environment, which could not name it.
extern "C" const char* __tsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)

extern "C" const char* __tsan_default_suppressions() {
  return "called_from_lib:libzmq.so.5\n";
}
#endif
