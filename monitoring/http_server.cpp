#include "monitoring/http_server.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <netinet/tcp.h>
#include <poll.h>
#include <restinio/http_server.hpp>
#include <restinio/message_builders.hpp>

#include "io/address.h"

namespace leat::monitoring {

namespace {

namespace asio = restinio::asio_ns;
using Endpoint = asio::ip::tcp::endpoint;

constexpr Duration kWatchPause = std::chrono::seconds(1);
// Nothing that a scraper or a person sends comes near these.
constexpr std::size_t kUrlBytesMax = 1024;
constexpr std::size_t kFieldNameBytesMax = 256;
constexpr std::size_t kFieldValueBytesMax = 4096;
constexpr std::size_t kFieldsMax = 64;
constexpr std::size_t kBodyBytesMax = 4096;
constexpr const char* kPlainText = "text/plain; charset=utf-8";
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

// The connections that are open. All calls come from the server's thread.
class Door {
 public:
  // RESTinio counts the connections of each server from 1, and there may be several, one after the
  // other.
  using Connection = std::pair<std::uint64_t, restinio::connection_id_t>;

  explicit Door(std::size_t connections_max) : connections_max_(connections_max) {}

  [[nodiscard]] bool admits() {
    ++seen_;
    return open_.size() < connections_max_;
  }

  void opened(const Connection& connection) { open_.insert(connection); }

  void closed(const Connection& connection) { open_.erase(connection); }

  // How many have come, admitted or not.
  [[nodiscard]] std::uint64_t seen() const { return seen_; }

 private:
  std::size_t connections_max_;
  std::set<Connection> open_;
  std::uint64_t seen_ = 0;
};

class Witness {
 public:
  Witness(Door& door, std::uint64_t server) : door_(&door), server_(server) {}

  void state_changed(const restinio::connection_state::notice_t& notice) noexcept {
    const auto& cause = notice.cause();
    const Door::Connection connection(server_, notice.connection_id());
    if (restinio::holds_alternative<restinio::connection_state::accepted_t>(cause)) {
      door_->opened(connection);
    } else {
      door_->closed(connection);
    }
  }

 private:
  Door* door_;
  std::uint64_t server_;
};

struct Traits : public restinio::default_single_thread_traits_t {
  // NOLINTNEXTLINE(readability-identifier-naming): RESTinio's name.
  using connection_state_listener_t = Witness;
};

using Settings = restinio::server_settings_t<Traits>;
using UserTimeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;

restinio::incoming_http_msg_limits_t message_limits() {
  return restinio::incoming_http_msg_limits_t{}
      .max_url_size(kUrlBytesMax)
      .max_field_name_size(kFieldNameBytesMax)
      .max_field_value_size(kFieldValueBytesMax)
      .max_field_count(kFieldsMax)
      .max_body_size(kBodyBytesMax);
}

struct Answer {
  restinio::http_status_line_t status;
  std::string text;
  const char* type = kPlainText;
};

Answer answer_to(std::string_view path, const Pages& pages) {
  if (path == "/metrics") return {restinio::status_ok(), pages.metrics(), kMetricsText};
  if (path == "/healthz") return {restinio::status_ok(), "ok\n"};
  if (path == "/readyz") {
    const std::string trouble = pages.trouble();
    if (trouble.empty()) return {restinio::status_ok(), "ready\n"};
    return {restinio::status_service_unavailable(), trouble + "\n"};
  }
  return {restinio::status_not_found(),
          "there is no such page here: there are /metrics, /healthz and /readyz\n"};
}

restinio::request_handling_status_t handle(const restinio::request_handle_t& request,
                                           const Pages& pages) {
  const auto& header = request->header();
  // Its timeouts end with such a request: refused, and the connection with it.
  if (header.connection() == restinio::http_connection_header_t::upgrade) {
    return restinio::request_rejected();
  }
  const bool is_get = header.method() == restinio::http_method_get();
  const restinio::string_view_t path = header.path();
  Answer answer = is_get
                      ? answer_to({path.data(), path.size()}, pages)
                      : Answer{restinio::status_method_not_allowed(), "only GET is served here\n"};
  auto response = request->create_response(answer.status);
  response.append_header(restinio::http_field::content_type, answer.type);
  if (!is_get) response.append_header(restinio::http_field::allow, "GET");
  response.set_body(std::move(answer.text));
  // After an answer to HEAD the client would take the body for the beginning of the next.
  if (is_get && header.should_keep_alive()) {
    response.connection_keep_alive();
  } else {
    response.connection_close();
  }
  return response.done();
}

std::string text_of(const Endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + host + "]:" + port : host + ":" + port;
}

Result<Endpoint> endpoint_of(const std::string& address) {
  const auto parsed = io::parse_address("tcp://" + address, io::Purpose::kListen);
  if (!parsed) {
    return failure(Errc::kInvalidArgument, "cannot serve HTTP at '" + address +
                                               "': expected HOST:PORT, such as 127.0.0.1:9570, or "
                                               "0.0.0.0:9570 for every address of this machine");
  }
  const auto host =
      parsed->host == "*" ? Result<std::string>("0.0.0.0") : io::look_up(parsed->host);
  if (!host) {
    return failure(host.error().code,
                   "cannot serve HTTP at '" + address + "': " + host.error().message);
  }
  std::error_code error;
  const auto number = asio::ip::make_address(*host, error);
  if (!error) return Endpoint{number, parsed->port};
  return failure(Errc::kInvalidArgument,
                 "cannot serve HTTP at '" + address + "': " + *host + " is no address");
}

// Asio's codes are the system's, in a category of its own.
Error bind_error(const std::string& address, const std::error_code& error) {
  const std::string what = "cannot serve HTTP at '" + address + "': ";
  switch (error.value()) {
    case EADDRINUSE:
      return {Errc::kUnavailable,
              what + "something listens there already; give another port, or 0"};
    case EACCES:
      return {Errc::kSystem, what + "a port below 1024 is for root; give a higher one"};
    case EADDRNOTAVAIL:
      return {Errc::kInvalidArgument, what + "this machine has no such address"};
    default:
      return {Errc::kSystem, what + error.message()};
  }
}

}  // namespace

// The library's server, its loop and its thread.
class HttpServer::Serving {
 public:
  Serving(Endpoint endpoint, Pages pages, const HttpLimits& limits)
      : endpoint_(std::move(endpoint)),
        pages_(std::move(pages)),
        limits_(limits),
        door_(limits.connections_max),
        alarm_(loop_) {}

  ~Serving() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;
  Serving(Serving&&) = delete;
  Serving& operator=(Serving&&) = delete;

  // Throws std::system_error.
  void listen() {
    server_.reset();
    server_.emplace(restinio::external_io_context(loop_), settings());
    server_->open_sync();
  }

  // Throws std::system_error. Signals are for the threads of the program.
  void run() {
    watch();
    sigset_t all{};
    sigset_t before{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const auto unblock = [&] { ::pthread_sigmask(SIG_SETMASK, &before, nullptr); };
    try {
      thread_ = std::thread([this] { loop_.run(); });
    } catch (const std::system_error&) {
      unblock();
      throw;
    }
    unblock();
  }

  // Before run().
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

 private:
  Settings settings() {
    const Duration shortest = std::min(limits_.request_max, limits_.answer_max);
    const auto answer_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(limits_.answer_max);
    Settings settings;
    settings.address(endpoint_.address())
        .port(endpoint_.port())
        .timer_manager(std::min<Duration>(shortest / 4, std::chrono::seconds(1)))
        .read_next_http_message_timelimit(limits_.request_max)
        .write_http_response_timelimit(limits_.answer_max)
        .incoming_http_msg_limits(message_limits())
        .connection_state_listener(std::make_unique<Witness>(door_, ++servers_))
        .acceptor_post_bind_hook([this](auto& acceptor) {
          listener_ = acceptor.native_handle();
          endpoint_ = acceptor.local_endpoint();
        })
        .socket_options_setter(
            [this, timeout = static_cast<int>(answer_ms.count())](auto& options) {
              // The one place where a connection can be turned away: RESTinio's own limit counts
              // one that was reset before it was accepted for ever, and its ip_blocker asks such a
              // one for its address where nothing may be thrown.
              if (!door_.admits()) throw std::length_error("too many connections");
              options.set_option(UserTimeout(timeout));
            })
        .request_handler(
            [this](const restinio::request_handle_t& request) { return handle(request, pages_); });
    return settings;
  }

  // RESTinio accepts no more, for good and without a word, once accept() has failed: so look every
  // second whether somebody waits and nobody was let in.
  void watch() {
    alarm_.expires_after(kWatchPause);
    alarm_.async_wait([this](const std::error_code& error) {
      if (error) return;
      const std::optional<std::uint64_t> before = std::exchange(
          seen_while_waiting_, somebody_waits() ? std::optional(door_.seen()) : std::nullopt);
      if (!is_listening_ || (before && before == seen_while_waiting_)) listen_again();
      watch();
    });
  }

  [[nodiscard]] bool somebody_waits() const {
    pollfd item{listener_, POLLIN, 0};
    return is_listening_ && ::poll(&item, 1, 0) > 0;
  }

  void listen_again() {
    seen_while_waiting_.reset();
    try {
      listen();
      is_listening_ = true;
    } catch (const std::exception&) {
      is_listening_ = false;  // Another second, perhaps.
    }
  }

  Endpoint endpoint_;  // With the port that the system chose, once bound.
  Pages pages_;
  HttpLimits limits_;
  Door door_;
  asio::io_context loop_;
  std::optional<restinio::http_server_t<Traits>> server_;
  std::uint64_t servers_ = 0;  // How many there were.
  asio::steady_timer alarm_;
  int listener_ = -1;         // Of the server, while it listens.
  bool is_listening_ = true;  // False after a failed listen_again().
  std::optional<std::uint64_t>
      seen_while_waiting_;  // None unless somebody waited at the last look.
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Serving> serving)
    : serving_(std::move(serving)), address_(text_of(serving_->endpoint())) {}

HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& address, Pages pages,
                                                      const HttpLimits& limits) {
  const auto endpoint = endpoint_of(address);
  if (!endpoint) return tl::unexpected(endpoint.error());
  try {
    auto serving = std::make_unique<Serving>(*endpoint, std::move(pages), limits);
    serving->listen();
    auto server = std::make_unique<HttpServer>(std::move(serving));
    server->serving_->run();
    return server;
  } catch (const std::system_error& error) {
    return tl::unexpected(bind_error(address, error.code()));
  }
}

}  // namespace leat::monitoring
