#include "monitoring/http_server.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/resource.h>

#include "io/clock.h"
#include "io/fd.h"
#include "tests/support/deadline.h"
#include "tests/support/http_client.h"

namespace leat::monitoring {
namespace {

using namespace std::chrono_literals;
using tests::HttpClient;
using tests::wait_until;

constexpr Duration kShort = 200ms;

Pages simple_pages() {
  return {.metrics = [] { return std::string("leat_build_info 1\n"); },
          .trouble = [] { return std::string(); }};
}

std::unique_ptr<HttpServer> start(const HttpLimits& limits = {}, Pages pages = simple_pages()) {
  auto server = HttpServer::start("127.0.0.1:0", std::move(pages), limits);
  INFO((server ? "" : server.error().message));
  REQUIRE(server.has_value());
  return std::move(*server);
}

// By a client of its own; 0 when no answer came.
int status_of(const HttpServer& server, const std::string& path) {
  HttpClient client(server.address());
  const auto answer = client.get(path);
  return answer ? answer->status : 0;
}

TEST_CASE("metrics, health and readiness are served, and where they are is told") {
  const auto server = start();
  CHECK(server->address().starts_with("127.0.0.1:"));
  CHECK_FALSE(server->address().ends_with(":0"));
  HttpClient client(server->address());
  const auto metrics = client.get("/metrics");
  REQUIRE(metrics);
  CHECK(metrics->status == 200);
  CHECK(metrics->body == "leat_build_info 1\n");
  CHECK(HttpClient::field(metrics->head, "Content-Type") ==
        "text/plain; version=0.0.4; charset=utf-8");
  CHECK(client.get("/metrics?a=b")->status == 200);
  CHECK(client.get("/healthz")->body == "ok\n");
  CHECK(client.get("/readyz")->status == 200);
}

TEST_CASE("a process that cannot do its work is alive, not ready, and says why") {
  Pages pages = simple_pages();
  pages.trouble = [] { return std::string("the broker has not begun to serve yet"); };
  const auto server = start({}, pages);
  HttpClient client(server->address());
  const auto ready = client.get("/readyz");
  REQUIRE(ready);
  CHECK(ready->status == 503);
  CHECK(ready->body == "the broker has not begun to serve yet\n");
  CHECK(client.get("/healthz")->status == 200);
}

TEST_CASE("an unknown page is told which there are") {
  const auto server = start();
  HttpClient client(server->address());
  for (const std::string path : {"/", "/metrics/", "/Metrics", "/../metrics", "/%2e%2e", "*"}) {
    const auto answer = client.get(path);
    INFO(path);
    REQUIRE(answer);
    CHECK(answer->status == 404);
    CHECK(answer->body == "there is no such page here: there are /metrics, /healthz and /readyz\n");
  }
}

TEST_CASE("a method other than GET is refused, and the connection closed") {
  const auto server = start();
  for (const std::string method : {"POST", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
    HttpClient client(server->address());
    REQUIRE(
        client.send(method + " /metrics HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi"));
    const auto answer = client.answer();
    INFO(method);
    REQUIRE(answer);
    CHECK(answer->status == 405);
    CHECK(HttpClient::field(answer->head, "Allow") == "GET");
    CHECK(client.sees_end());
  }
}

TEST_CASE("a connection is kept for as many requests as its client likes") {
  const auto server = start();
  HttpClient client(server->address());
  for (int i = 0; i < 100; ++i) {
    REQUIRE(client.get("/healthz"));
  }
  REQUIRE(client.send("GET /healthz HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n"));
  CHECK(client.answer()->body == "ok\n");
  CHECK(client.answer()->body == "leat_build_info 1\n");
  CHECK(client.get("/healthz HTTP/1.1\r\nConnection: close")->status == 200);
  CHECK(client.sees_end());
  HttpClient old(server->address());
  CHECK(old.get("/healthz HTTP/1.0")->status == 200);
  CHECK(old.sees_end());
}

TEST_CASE("a client that is slow to ask is cut off, and holds nobody up") {
  const io::MonotonicClock clock;
  const auto server = start({.request_max = kShort});
  const Instant begin = clock.now();
  HttpClient silent(server->address());
  HttpClient slow(server->address());
  REQUIRE(slow.send("GET /metrics HTTP/1.1\r\nA: "));
  CHECK(status_of(*server, "/healthz") == 200);
  CHECK(wait_until([&] { return !slow.send("b") || slow.has_ended(); }));
  CHECK(clock.now() - begin >= kShort);
  CHECK(silent.sees_end());
}

TEST_CASE("a client that has had an answer may rest, but not for ever") {
  const auto server = start({.request_max = kShort});
  HttpClient client(server->address());
  REQUIRE(client.get("/healthz"));
  CHECK(client.sees_end());
}

TEST_CASE("a client that does not read its answer is cut off") {
  std::string huge(std::size_t{64} << 20, 'x');
  Pages pages = simple_pages();
  pages.metrics = [&huge] { return huge; };
  const auto server = start({.connections_max = 1, .answer_max = kShort}, pages);
  HttpClient slow(server->address());
  REQUIRE(slow.get("/healthz"));
  REQUIRE(slow.send("GET /metrics HTTP/1.1\r\n\r\n"));
  // There is room for another when the first is gone.
  CHECK(wait_until([&] { return status_of(*server, "/healthz") == 200; }));
  std::string text;
  CHECK(slow.read_to_end(text));
  CHECK(text.size() < huge.size());
}

TEST_CASE("an answer that is large comes whole to who reads it") {
  std::string large;
  for (int i = 0; i < 1'000'000; ++i) {
    large += std::to_string(i) + "\n";
  }
  Pages pages = simple_pages();
  pages.metrics = [&] { return large; };
  const auto server = start({}, pages);
  HttpClient client(server->address());
  const auto answer = client.get("/metrics");
  REQUIRE(answer);
  CHECK((answer->body == large));
}

TEST_CASE("one connection too many is closed at once, and there is room again when one goes") {
  const auto server = start({.connections_max = 2});
  HttpClient first(server->address());
  auto second = std::make_unique<HttpClient>(server->address());
  REQUIRE(first.get("/healthz"));
  REQUIRE(second->get("/healthz"));
  HttpClient third(server->address());
  CHECK(third.sees_end());
  CHECK(first.get("/healthz"));
  second.reset();
  CHECK(wait_until([&] { return status_of(*server, "/healthz") == 200; }));
  CHECK(first.get("/healthz"));
}

TEST_CASE("connections that are reset at once take up no room") {
  const auto server = start({.connections_max = 2});
  for (int i = 0; i < 200; ++i) {
    HttpClient client(server->address());
    client.reset();
  }
  CHECK(wait_until([&] { return status_of(*server, "/healthz") == 200; }));
}

TEST_CASE("what is too large or no HTTP at all ends its connection and nothing else") {
  const auto server = start();
  const std::string end = " HTTP/1.1\r\n";
  std::string fields;
  for (int i = 0; i < 1000; ++i) {
    fields += "A" + std::to_string(i) + ": b\r\n";
  }
  const std::vector<std::string> requests = {
      "GET /" + std::string(5000, 'a') + end + "\r\n",
      "GET /metrics" + end + "A: " + std::string(200'000, 'b') + "\r\n\r\n",
      "GET /metrics" + end + std::string(5000, 'A') + ": b\r\n\r\n",
      "GET /metrics" + end + fields + "\r\n",
      "GET /metrics" + end + "Content-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'c'),
      "GET /metrics" + end + "Content-Length: 99999999999999999999\r\n\r\n",
      "GET /metrics" + end + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n" +
          std::string(100'000, 'd'),
      "\x16\x03\x01\x02" + std::string(300, '\0'),
      "nonsense\r\n\r\n",
  };
  for (const std::string& request : requests) {
    HttpClient client(server->address());
    static_cast<void>(client.send(request));
    std::string text;
    INFO(request.substr(0, 40));
    CHECK(client.read_to_end(text));
    CHECK(text.find("leat_build_info") == std::string::npos);
  }
  CHECK(status_of(*server, "/metrics") == 200);
}

TEST_CASE("a request to speak another protocol is refused with its connection") {
  const auto server = start();
  for (const std::string request :
       {"GET /metrics HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "CONNECT example.org:80 HTTP/1.1\r\nHost: example.org\r\n\r\n"}) {
    HttpClient client(server->address());
    REQUIRE(client.send(request));
    const auto answer = client.answer();
    REQUIRE(answer);
    CHECK(answer->status >= 400);
    CHECK(client.sees_end());
  }
}

TEST_CASE("a server ends at once, whatever its clients are at") {
  const io::MonotonicClock clock;
  std::string huge(std::size_t{64} << 20, 'x');
  Pages pages = simple_pages();
  pages.metrics = [&huge] { return huge; };
  auto server = start({}, pages);
  HttpClient silent(server->address());
  HttpClient resting(server->address());
  HttpClient halfway(server->address());
  HttpClient unreading(server->address());
  REQUIRE(resting.get("/healthz"));
  REQUIRE(halfway.send("GET /heal"));
  REQUIRE(unreading.send("GET /metrics HTTP/1.1\r\n\r\n"));
  REQUIRE(status_of(*server, "/healthz") == 200);
  const Instant begin = clock.now();
  server.reset();
  CHECK(clock.now() - begin < HttpLimits().answer_max / 2);
  for (HttpClient* client : {&silent, &resting, &halfway, &unreading}) {
    CHECK(client->sees_end());
  }
}

TEST_CASE("servers come and go without anybody asking them anything") {
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(start()->address().empty());
  }
}

TEST_CASE("an address that is taken is told with the remedy, and is free after its server") {
  auto first = start();
  const std::string address = first->address();
  const auto second = HttpServer::start(address, simple_pages());
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::kUnavailable);
  CHECK(second.error().message == "cannot serve HTTP at '" + address +
                                      "': something listens there already; give another port, "
                                      "or 0");
  HttpClient client(address);
  REQUIRE(client.get("/healthz"));
  first.reset();
  CHECK(HttpServer::start(address, simple_pages()).has_value());
}

TEST_CASE("an address that is none is told with what is expected") {
  for (const std::string address :
       {"", "9570", "127.0.0.1", "127.0.0.1:", ":9570", "127.0.0.1:99999", "127.0.0.1:metrics",
        "http://127.0.0.1:9570", "::1:9570", "127.0.0.1:9570/metrics"}) {
    const auto server = HttpServer::start(address, simple_pages());
    REQUIRE_FALSE(server.has_value());
    CHECK(server.error().code == Errc::kInvalidArgument);
    CHECK(server.error().message ==
          "cannot serve HTTP at '" + address +
              "': expected HOST:PORT, such as 127.0.0.1:9570, or 0.0.0.0:9570 for every address "
              "of this machine");
  }
}

TEST_CASE("an address of another machine is told") {
  const auto server = HttpServer::start("192.0.2.1:0", simple_pages());
  REQUIRE_FALSE(server.has_value());
  CHECK(server.error().message ==
        "cannot serve HTTP at '192.0.2.1:0': this machine has no such address");
}

TEST_CASE("every address of the machine is served when asked for") {
  for (const std::string address : {"*:0", "0.0.0.0:0", "localhost:0"}) {
    const auto server = HttpServer::start(address, simple_pages());
    REQUIRE(server.has_value());
    const std::string told = (*server)->address();
    HttpClient client("127.0.0.1" + told.substr(told.rfind(':')));
    CHECK(client.get("/healthz"));
  }
}

std::set<std::string> threads() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

// The signals that a thread of ours blocks, as the kernel writes them.
std::uint64_t blocked_by(const std::string& thread) {
  std::ifstream file("/proc/self/task/" + thread + "/status");
  std::string name;
  while (file >> name && name != "SigBlk:") {
  }
  std::string digits;
  file >> digits;
  return std::stoull(digits, nullptr, 16);
}

TEST_CASE("signals go to the program's own threads, never to the server's") {
  // ThreadSanitizer has a thread of its own as soon as there is another.
  std::thread([] {}).join();
  const auto before = threads();
  const auto server = start();
  const auto after = threads();
  std::vector<std::string> fresh;
  std::ranges::set_difference(after, before, std::back_inserter(fresh));
  REQUIRE(fresh.size() == 1);
  const std::uint64_t blocked = blocked_by(fresh.front());
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1}) {
    CHECK((blocked >> (signal - 1) & 1U) == 1);
    CHECK((blocked_by(*before.begin()) >> (signal - 1) & 1U) == 0);
  }
}

// Takes every descriptor that the process may still have, and gives them back.
class Exhaustion {
 public:
  Exhaustion() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = std::min<rlim_t>(before_.rlim_cur, 256);
    ::setrlimit(RLIMIT_NOFILE, &few);
    while (true) {
      io::Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!fd.is_open()) break;
      taken_.push_back(std::move(fd));
    }
  }

  ~Exhaustion() {
    taken_.clear();
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

  Exhaustion(const Exhaustion&) = delete;
  Exhaustion& operator=(const Exhaustion&) = delete;
  Exhaustion(Exhaustion&&) = delete;
  Exhaustion& operator=(Exhaustion&&) = delete;

 private:
  rlimit before_{};
  std::vector<io::Fd> taken_;
};

// UBSan itself needs a descriptor for its look at an object.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE("a server that ran out of descriptors serves again when there are some") {
  const auto server = start();
  HttpClient old(server->address());
  REQUIRE(old.get("/healthz"));
  {
    HttpClient late;
    const Exhaustion nothing_left;
    late.connect(server->address());
    // It cannot be let in, and is sent away when the server listens anew.
    CHECK(late.sees_end());
    CHECK(old.get("/healthz"));
  }
  CHECK(wait_until([&] {
    try {
      return status_of(*server, "/healthz") == 200;
    } catch (const std::runtime_error&) {
      return false;  // It does not listen at this moment.
    }
  }));
  CHECK(old.get("/healthz"));
}
#endif

}  // namespace
}  // namespace leat::monitoring
