#include "cli/front.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include <sys/random.h>

#include "cli/broker_address.h"
#include "spec/scalars.h"
#include "wire/codec.h"

namespace leat::cli {

namespace {

// What the broker knows the connection by, also after it was lost and made anew. Nobody else can
// guess it, and so pass for it.
std::string new_identity() {
  std::array<std::uint64_t, 2> random{};
  if (::getrandom(random.data(), sizeof random, 0) != sizeof random) std::abort();
  return "client-" + std::to_string(random[0]) + "-" + std::to_string(random[1]);
}

}  // namespace

Attempt<Front> Front::connect(io::Context& context, const BrokerArguments& arguments) {
  Front front(io::Socket(context, io::SocketType::kDealer), arguments);
  const Attempt<io::Address> address = broker_address(arguments.address);
  if (!address) return tl::unexpected(address.error());
  front.arguments_.address = io::to_string(*address);
  front.socket_.set_identity(new_identity());
  const Attempt<std::optional<io::ClusterKeys>> keys = cluster_keys(*address, arguments.keys);
  if (!keys) return tl::unexpected(keys.error());
  if (*keys) front.socket_.secure_as_client((*keys)->own, (*keys)->broker_public_key);
  if (const Result<void> connected = front.socket_.connect(front.arguments_.address); !connected) {
    return trouble(ExitCode::kBroker, connected.error());
  }
  return front;
}

Attempt<Front> Front::connect_within(io::Context& context, const std::string& address) {
  Front front(io::Socket(context, io::SocketType::kDealer), {.address = address});
  if (const Result<void> connected = front.socket_.connect(address); !connected) {
    return trouble(ExitCode::kBroker, connected.error());
  }
  return front;
}

void Front::send(const wire::Message& message) {
  flush();
  io::Socket::Frames frames = wire::encode(message);
  if (waiting_.empty() && socket_.send(frames) == io::SendState::kSent) return;
  if (waiting_.size() < kWaitingMax) waiting_.push_back(std::move(frames));
}

void Front::flush() {
  while (!waiting_.empty() && socket_.send(waiting_.front()) == io::SendState::kSent) {
    waiting_.pop_front();
  }
}

bool Front::serve() {
  while (true) {
    const bool has_input = socket_.has_input();
    const std::size_t waited = waiting_.size();
    flush();
    // To look for input may be what makes the connection known, and to send may be what takes
    // notice of input.
    if (waiting_.size() == waited) return has_input;
  }
}

std::optional<Result<wire::Message>> Front::receive() {
  const std::optional<io::Socket::Frames> frames = socket_.receive();
  if (!frames) return std::nullopt;
  return wire::decode(*frames);
}

Trouble Front::unreachable(Duration silence) const {
  const Result<io::Address> address = io::parse_address(arguments_.address, io::Purpose::kConnect);
  const bool needs_keys = address && !io::is_local(*address);
  std::string what_to_check =
      "is it running (`leat broker`, `leat up`)? is that its address "
      "(--broker, or LEAT_BROKER)?";
  if (needs_keys) {
    what_to_check += arguments_.keys.empty()
                         ? " does it want keys (--keys, or LEAT_KEYS)?"
                         : " are the keys in " + arguments_.keys + " of its cluster (--keys)?";
    what_to_check += " It does not answer strangers.";
  }
  return {ExitCode::kBroker, "no word from a broker at " + arguments_.address + " for " +
                                 spec::duration_text(silence) + ": " + what_to_check};
}

}  // namespace leat::cli
