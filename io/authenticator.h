// Authenticator decides who may talk to the secured sockets of a Context (io/socket.h): those whose
// public key is on its list, by CURVE. ZeroMQ asks it at each handshake (its protocol ZAP) and
// waits for the answer, so a loop serves it beside its sockets.
//
// 1. Without it nobody is let in: make it before the first secured socket of the Context, and let
//    it live longer than all of them.
// 2. What it does not allow is refused and counted: an unknown key, any other mechanism than CURVE,
//    another domain than ours, and a request that it does not understand.
// 3. One per Context, as ZeroMQ has one place for it.
//
// Owned by the loop that serves it, used by its thread only.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/result.h"
#include "io/socket.h"

namespace leat::io {

class Authenticator {
 public:
  // The name that Socket::Received::user tells, and the public key it stands for.
  using Allowed = std::map<std::string, std::string>;

  [[nodiscard]] static Result<Authenticator> create(Context& context, const Allowed& allowed);

  // Answers some of the waiting questions; call it again while has_input().
  void serve();

  // To wait on for reading, together with has_input(), as with a Socket.
  [[nodiscard]] int fd() const { return socket_.fd(); }

  [[nodiscard]] bool has_input() const { return socket_.has_input(); }

  // Connections that it refused. ZeroMQ itself refuses those that do not get as far: a peer with no
  // CURVE at all, or with another key for us than ours.
  [[nodiscard]] std::uint64_t refused_count() const { return refused_count_; }

 private:
  Authenticator(Socket socket, const Allowed& allowed);

  // The name of who asks; empty: refused.
  [[nodiscard]] std::string_view user_of(const Socket::Frames& request) const;

  Socket socket_;
  std::map<std::string, std::string, std::less<>> names_;  // By public key. Fixed after start.
  std::uint64_t refused_count_ = 0;
};

}  // namespace leat::io
