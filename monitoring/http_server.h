// HttpServer shows Pages to whoever asks over HTTP: GET /metrics, /healthz (200 as long as the
// process serves) and /readyz (200, or 503 with one line that says why). It has a thread of its
// own and shares nothing with the rest of the process but what the pages share.
//
// 1. Everything is bounded, by HttpLimits: a client that is slow to ask or slow to read is cut off,
//    one connection too many is closed at once, a request that is too large is not read.
// 2. Running out of descriptors is no end: it serves again when there are some.
// 3. It ends at once, whatever its clients do.
//
// No secrets and no strangers' input lie behind it; whoever reaches the address may read it.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "core/time.h"
#include "monitoring/pages.h"

namespace leat::monitoring {

struct HttpLimits {
  std::size_t connections_max = 64;
  // From the connection's begin, or from the last answer, to the request's end. Longer than the
  // usual pause between two scrapes, so that those share a connection.
  Duration request_max = std::chrono::seconds(20);
  Duration answer_max = std::chrono::seconds(10);  // Until the client has taken it.
};

class HttpServer {
 public:
  // Listens at HOST:PORT (a name, an IPv4 address or an IPv6 one in brackets; `*` is every IPv4
  // address, port 0 lets the system choose) and serves. Looks a name up, which may take seconds.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(const std::string& address,
                                                                 Pages pages,
                                                                 const HttpLimits& limits = {});

  // Ends the thread. Connections that are open are cut.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  HttpServer(HttpServer&&) = delete;
  HttpServer& operator=(HttpServer&&) = delete;

  // Where it listens, in numbers, with the port that the system chose: "127.0.0.1:9570".
  [[nodiscard]] const std::string& address() const { return address_; }

  class Serving;

  // start() makes one that serves.
  explicit HttpServer(std::unique_ptr<Serving> serving);

 private:
  std::unique_ptr<Serving> serving_;
  std::string address_;
};

}  // namespace leat::monitoring
