// ZeroMQ sockets for the loops: non-blocking, whole multipart messages, payloads shared and not
// copied. One thread per socket; a Context may be shared by threads.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace zmq {
class context_t;
class socket_t;
}  // namespace zmq

namespace leat::io {

class Context {
 public:
  Context();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  Context(Context&&) = delete;
  Context& operator=(Context&&) = delete;

  [[nodiscard]] zmq::context_t& get() { return *context_; }

 private:
  std::unique_ptr<zmq::context_t> context_;
};

enum class SocketType { kRouter, kDealer, kPush, kPull };

enum class SendState {
  kSent,
  kWouldBlock,   // No room, or nobody is connected: nothing was sent.
  kUnreachable,  // ROUTER: no such peer.
};

class Socket {
 public:
  using Frames = std::vector<Bytes>;

  // IMMEDIATE, LINGER 0, ROUTER_MANDATORY and HANDOVER. `linger`: how long close waits to send.
  Socket(Context& context, SocketType type);
  ~Socket();
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // A DEALER's name at the ROUTER; the same after a reconnection. Before connect().
  void set_identity(const std::string& identity);

  [[nodiscard]] Result<void> bind(const std::string& address);
  [[nodiscard]] Result<void> connect(const std::string& address);

  // Where it is bound; with the port that the system chose.
  [[nodiscard]] std::string last_endpoint() const;

  [[nodiscard]] SendState send(const Frames& frames);

  // A whole message, if one is there.
  [[nodiscard]] std::optional<Frames> receive();

  // To wait on for reading, together with has_input(): the descriptor tells of changes only.
  [[nodiscard]] int fd() const;
  [[nodiscard]] bool has_input() const;

 private:
  std::unique_ptr<zmq::socket_t> socket_;
};

}  // namespace leat::io
