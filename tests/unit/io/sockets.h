// What tests of sockets share: messages of text, waiting for one, peers that are no sockets of ours
// (plain connections that speak the protocol by hand), and what ZeroMQ tells of a connection.

#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.hpp>

#include "io/address.h"
#include "io/authenticator.h"
#include "io/fd.h"
#include "io/socket.h"
#include "tests/support/deadline.h"

namespace leat::tests {

inline io::Socket::Frames frames(const std::vector<std::string>& texts) {
  io::Socket::Frames made;
  for (const std::string& text : texts) {
    made.push_back(Bytes::copy(text));
  }
  return made;
}

inline std::vector<std::string> texts(const io::Socket::Frames& frames) {
  std::vector<std::string> made;
  for (const Bytes& frame : frames) {
    made.emplace_back(frame.view());
  }
  return made;
}

// Where a socket that is bound to 127.0.0.1 or a path is reached.
inline std::string bind_to(io::Socket& socket, const std::string& address) {
  const auto bound = socket.bind(address);
  if (!bound) throw std::runtime_error(bound.error().message);
  return socket.last_endpoint();
}

// The next message; none at the deadline. Serves the authenticator meanwhile, if given.
inline std::optional<io::Socket::Received> next(io::Socket& socket,
                                                io::Authenticator* authenticator = nullptr) {
  std::optional<io::Socket::Received> received;
  static_cast<void>(wait_until(
      [&] {
        if (authenticator != nullptr) authenticator->serve();
        received = socket.receive_with_user();
        return received.has_value();
      },
      socket.fd()));
  return received;
}

// Once it is connected; false at the deadline.
inline bool send(io::Socket& socket, const io::Socket::Frames& message,
                 io::Authenticator* authenticator = nullptr) {
  return wait_until([&] {
    if (authenticator != nullptr) authenticator->serve();
    return socket.send(message) == io::SendState::kSent;
  });
}

// A plain connection over tcp.
class PlainPeer {
 public:
  explicit PlainPeer(const std::string& endpoint)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in there{};
    there.sin_family = AF_INET;
    there.sin_port = htons(io::parse_address(endpoint, io::Purpose::kConnect).value().port);
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) {
      throw std::runtime_error("cannot connect to " + endpoint);
    }
  }

  // All of it, unless the other side hangs up before.
  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (written <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void end_input() const { ::shutdown(fd_.get(), SHUT_WR); }

  // Everything that comes until `is_enough` or the other side's end; false at the deadline.
  template <typename Predicate>
  [[nodiscard]] bool read_until(Predicate is_enough) {
    std::array<char, 4096> buffer{};
    while (!is_enough(received_)) {
      if (!wait_for(fd_.get(), POLLIN)) return false;
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) return true;
      received_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return true;
  }

  [[nodiscard]] bool sees_end() {
    return read_until([](const std::string&) { return false; });
  }

 private:
  io::Fd fd_;
  std::string received_;
};

// The first bytes of ZMTP 3.0, for the mechanism.
inline std::string greeting(std::string mechanism) {
  mechanism.resize(20, '\0');
  return std::string("\xff\0\0\0\0\0\0\0\x01\x7f\x03\0", 12) + mechanism + std::string(32, '\0');
}

inline std::string property(const std::string& name, const std::string& value) {
  return static_cast<char>(name.size()) + name + std::string(3, '\0') +
         static_cast<char>(value.size()) + value;
}

// A command with properties, as a frame. REQUIRES: below 256 bytes.
inline std::string command(const std::string& name, const std::string& properties) {
  const std::string body = static_cast<char>(name.size()) + name + properties;
  return std::string(1, '\x04') + static_cast<char>(body.size()) + body;
}

// A message of one frame. REQUIRES: below 256 bytes.
inline std::string message(const std::string& text) {
  return std::string(1, '\0') + static_cast<char>(text.size()) + text;
}

// A socket of ZeroMQ itself. Unlike ours it accepts messages before there is a connection, so that
// whatever is let in is heard.
class RawSocket {
 public:
  RawSocket(io::Context& context, zmq::socket_type type)
      : context_(context), socket_(context.get(), type) {
    socket_.set(zmq::sockopt::linger, 0);
  }

  [[nodiscard]] zmq::socket_t& get() { return socket_; }

  // From here on sees_failure() can tell.
  void watch() {
    const std::string address = "inproc://watch-" + std::to_string(++watched_count);
    if (::zmq_socket_monitor(socket_.handle(), address.c_str(), kFailures) != 0) {
      throw std::runtime_error("cannot watch a socket");
    }
    events_ = zmq::socket_t(context_.get(), zmq::socket_type::pair);
    events_.set(zmq::sockopt::linger, 0);
    events_.connect(address);
  }

  // That a connection was made and ended before anything could be sent; false at the deadline.
  // Serves the authenticator meanwhile, if given.
  [[nodiscard]] bool sees_failure(io::Authenticator* authenticator = nullptr) {
    return wait_until([&] {
      if (authenticator != nullptr) authenticator->serve();
      zmq::message_t event;
      return events_.recv(event, zmq::recv_flags::dontwait).has_value();
    });
  }

  void send(const std::string& text) { socket_.send(zmq::buffer(text), zmq::send_flags::dontwait); }

 private:
  static constexpr int kFailures = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                                   ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                   ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;

  inline static int watched_count = 0;

  io::Context& context_;
  zmq::socket_t socket_;
  zmq::socket_t events_;
};

}  // namespace leat::tests
