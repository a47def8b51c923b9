// ZeroMQ sockets for the loops: non-blocking, whole multipart messages, payloads shared and not
// copied. No exception of the library leaves this.
//
// 1. A message is received whole or not at all, and sent whole or not at all.
// 2. A socket that was secured as a server hears nobody whom the context's Authenticator
//    (io/authenticator.h) did not allow; without one it hears nobody over tcp and ipc. Within the
//    process (inproc) everybody is trusted, and nothing is encrypted.
// 3. A connection over tcp ends when nothing passes it: a peer whose machine vanished is noticed
//    within some 15 s, and a frame must pass within 30 s. It is made anew within a second, or five
//    when the network answers nothing. One that the peer's Authenticator refused stays dead until
//    reconnect().
//
// One thread per socket; a Context may be shared by threads, and outlives its sockets.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "io/keys.h"

namespace zmq {
class context_t;  // NOLINT(readability-identifier-naming): ZeroMQ's name.
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

// kReply answers each message that it receives before the next: ZeroMQ wants that of who
// authenticates.
enum class SocketType { kRouter, kDealer, kPush, kPull, kReply };

// Of all secured sockets, when their peers are authenticated.
inline constexpr std::string_view kZapDomain = "leat";

enum class SendState {
  kSent,
  kWouldBlock,   // No room, or nobody is connected: nothing was sent.
  kUnreachable,  // ROUTER: no such peer.
};

class Socket {
 public:
  using Frames = std::vector<Bytes>;

  struct Received {
    Frames frames;
    // By which name the Authenticator knows the sender's key. Empty when the socket was not secured
    // as a server, whatever a peer says of itself; and within the process.
    std::string user;
  };

  // IMMEDIATE, LINGER 0, ROUTER_MANDATORY and HANDOVER. Without descriptors left it is none: bind()
  // and connect() say so.
  Socket(Context& context, SocketType type);

  // A DEALER's name at the ROUTER; the same after a reconnection. Before connect().
  void set_identity(const std::string& identity);

  // A peer that sends a larger frame is cut off (tcp and ipc), which ZeroMQ does not tell it:
  // senders check before. Without a limit a stranger's first bytes may ask for any memory, before
  // any key is seen. Before bind() and connect().
  void set_frame_bytes_max(std::size_t bytes);

  // The two ends of CURVE, whichever of them binds. Before bind() and connect(). REQUIRES: keys as
  // io/keys.h gives them.
  void secure_as_server(const std::string& own_secret_key);
  void secure_as_client(const KeyPair& own, const std::string& server_public_key);

  // Addresses of io/address.h. An error names the address and the remedy; Errc::kUnavailable:
  // another socket listens there. A path that is in use is taken from its owner: hold its PathLock.
  [[nodiscard]] Result<void> bind(const std::string& address);
  // Returns at once; ZeroMQ tries until it succeeds.
  [[nodiscard]] Result<void> connect(const std::string& address);

  // Drops all connections that connect() asked for, with what is under way, and makes them anew:
  // for who has heard nothing for long, because ZeroMQ itself tries no more when a peer refused it.
  void reconnect();

  // Where it is bound; with the port that the system chose.
  [[nodiscard]] std::string last_endpoint() const;

  [[nodiscard]] SendState send(const Frames& frames);

  // A whole message, if one is there.
  [[nodiscard]] std::optional<Frames> receive();
  [[nodiscard]] std::optional<Received> receive_with_user();

  // To wait on for reading, together with has_input(): the descriptor tells of changes only.
  [[nodiscard]] int fd() const;
  [[nodiscard]] bool has_input() const;

 private:
  struct Close {
    void operator()(void* socket) const;
  };

  std::unique_ptr<void, Close> socket_;  // ZeroMQ's. None when it could not be made.
  bool is_secured_server_ = false;
  std::vector<std::string> connected_;  // What connect() asked for.
};

}  // namespace leat::io
