// A client of a test that says what it likes over TCP, byte by byte if it must, and takes answers
// of HTTP apart. Every wait has a deadline.

#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/fd.h"
#include "tests/support/deadline.h"

namespace leat::tests {

struct HttpAnswer {
  int status = 0;
  std::string head;  // With the status line.
  std::string body;
};

class HttpClient {
 public:
  // Has a socket, and no connection.
  HttpClient() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (!fd_.is_open()) throw std::runtime_error("no socket for the test");
  }

  // "127.0.0.1:PORT".
  explicit HttpClient(const std::string& address) : HttpClient() { connect(address); }

  void connect(const std::string& address) const {
    const std::size_t colon = address.find(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    sockaddr generic{};
    static_assert(sizeof generic == sizeof to);
    std::copy_n(reinterpret_cast<const char*>(&to), sizeof to, reinterpret_cast<char*>(&generic));
    if (::connect(fd_.get(), &generic, sizeof generic) != 0) {
      throw std::runtime_error("nobody listens at " + address);
    }
  }

  // All of it; false when the other side takes no more.
  [[nodiscard]] bool send(std::string_view text) const {
    while (!text.empty()) {
      if (!wait_for(fd_.get(), POLLOUT)) return false;
      const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN) return false;
      if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // `path` may bring header fields along: "/metrics HTTP/1.1\r\nA: b". None: no answer came before
  // the connection's end, or the deadline.
  [[nodiscard]] std::optional<HttpAnswer> get(const std::string& path) {
    const bool has_version = path.find(" HTTP/") != std::string::npos;
    if (!send("GET " + path + (has_version ? "" : " HTTP/1.1\r\nHost: test") + "\r\n\r\n")) {
      return std::nullopt;
    }
    return answer();
  }

  [[nodiscard]] std::optional<HttpAnswer> answer() {
    std::size_t head_bytes = std::string::npos;
    while ((head_bytes = received_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return std::nullopt;
    }
    HttpAnswer answer;
    answer.head = received_.substr(0, head_bytes + 4);
    answer.status = std::atoi(answer.head.c_str() + std::string_view("HTTP/1.1 ").size());
    const std::string length = field(answer.head, "Content-Length");
    const std::size_t body_bytes = length.empty() ? 0 : std::stoul(length);
    while (received_.size() < answer.head.size() + body_bytes) {
      if (!receive()) return std::nullopt;
    }
    answer.body = received_.substr(answer.head.size(), body_bytes);
    received_.erase(0, answer.head.size() + body_bytes);
    return answer;
  }

  // What comes until the connection ends; false at the deadline. A reset is an end.
  [[nodiscard]] bool read_to_end(std::string& text) {
    while (receive()) {
    }
    text = std::move(received_);
    received_.clear();
    return has_ended_;
  }

  [[nodiscard]] bool sees_end() {
    std::string ignored;
    return read_to_end(ignored);
  }

  // Ends the connection so that the other side hears of a reset.
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.reset();
  }

  // Without waiting.
  [[nodiscard]] bool has_ended() {
    while (!has_ended_ && wait_for(fd_.get(), POLLIN, Duration(1)) && receive()) {
    }
    return has_ended_;
  }

  [[nodiscard]] static std::string field(const std::string& head, const std::string& name) {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }

 private:
  // False at the end and at the deadline.
  bool receive() {
    std::array<char, 65536> buffer{};
    if (has_ended_ || !wait_for(fd_.get(), POLLIN)) return false;
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    has_ended_ = got <= 0;
    if (got > 0) received_.append(buffer.data(), static_cast<std::size_t>(got));
    return !has_ended_;
  }

  io::Fd fd_;
  std::string received_;
  bool has_ended_ = false;
};

}  // namespace leat::tests
