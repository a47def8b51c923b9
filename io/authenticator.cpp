#include "io/authenticator.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include <zmq.h>

namespace leat::io {

namespace {

constexpr const char* kEndpoint = "inproc://zeromq.zap.01";
constexpr std::string_view kVersion = "1.0";
constexpr int kRequestsPerTurn = 64;

// The frames of a request (ZeroMQ's RFC 27).
constexpr std::size_t kVersionFrame = 0;
constexpr std::size_t kRequestIdFrame = 1;
constexpr std::size_t kDomainFrame = 2;
constexpr std::size_t kMechanismFrame = 5;
constexpr std::size_t kKeyFrame = 6;
constexpr std::size_t kFrameCount = 7;

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kZ85Bytes = kKeyBytes / 4 * 5;

// REQUIRES: kKeyBytes of them.
std::string in_z85(std::string_view bytes) {
  std::array<std::uint8_t, kKeyBytes> key{};
  std::copy(bytes.begin(), bytes.end(), key.begin());
  std::array<char, kZ85Bytes + 1> text{};
  return ::zmq_z85_encode(text.data(), key.data(), key.size());
}

}  // namespace

Authenticator::Authenticator(Socket socket, const Allowed& allowed) : socket_(std::move(socket)) {
  for (const auto& [name, key] : allowed) {
    names_.emplace(key, name);
  }
}

Result<Authenticator> Authenticator::create(Context& context, const Allowed& allowed) {
  Socket socket(context, SocketType::kReply);
  const Result<void> bound = socket.bind(kEndpoint);
  if (!bound) return tl::unexpected(bound.error());
  return Authenticator(std::move(socket), allowed);
}

std::string_view Authenticator::user_of(const Socket::Frames& request) const {
  if (request.size() != kFrameCount) return {};
  const bool is_ours =
      request[kVersionFrame].view() == kVersion && request[kDomainFrame].view() == kZapDomain &&
      request[kMechanismFrame].view() == "CURVE" && request[kKeyFrame].size() == kKeyBytes;
  if (!is_ours) return {};
  const auto name = names_.find(in_z85(request[kKeyFrame].view()));
  return name == names_.end() ? std::string_view() : name->second;
}

void Authenticator::serve() {
  for (int i = 0; i < kRequestsPerTurn; ++i) {
    const std::optional<Socket::Frames> request = socket_.receive();
    if (!request) return;
    const std::string_view user = user_of(*request);
    if (user.empty()) ++refused_count_;
    const std::string_view status = user.empty() ? "400" : "200";
    const Bytes id = request->size() > kRequestIdFrame ? (*request)[kRequestIdFrame] : Bytes();
    // Its last two frames: the name, and properties, of which there are none.
    (void)socket_.send({Bytes::copy(kVersion), id, Bytes::copy(status),
                        Bytes::copy(user.empty() ? "no such key" : "OK"), Bytes::copy(user),
                        Bytes()});
  }
}

}  // namespace leat::io
