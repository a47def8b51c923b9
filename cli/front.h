// Front is a command's connection to a broker: messages go out in order as soon as there is a
// connection, and come in. What is lost on the way the cores in clients/cpp ask for again.
//
// One thread.

#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "cli/trouble.h"
#include "core/time.h"
#include "io/socket.h"
#include "io/wait.h"
#include "wire/messages.h"

namespace leat::cli {

// What every command that talks to a broker is told.
struct BrokerArguments {
  std::string address;  // Empty: where this user's own broker listens.
  std::string keys;     // A directory; for addresses that leave the machine. Empty: none.
  Duration patience = std::chrono::seconds(5);  // For the broker's first word.
};

class Front {
 public:
  // Returns at once; whether anybody is there shows when something was asked. Refuses an address or
  // keys that are none.
  [[nodiscard]] static Attempt<Front> connect(io::Context& context,
                                              const BrokerArguments& arguments);

  // To a broker in this process.
  [[nodiscard]] static Attempt<Front> connect_within(io::Context& context,
                                                     const std::string& address);

  // Goes now, or as soon as there is a connection. At most kWaitingMax wait; what is beyond that is
  // lost.
  void send(const wire::Message& message);

  // The next message that came; an error for one that cannot be read.
  [[nodiscard]] std::optional<Result<wire::Message>> receive();

  // To wait until something may have changed.
  void watch(io::WaitSet& waits) const { waits.add(socket_.fd(), POLLIN); }

  // Sends what waits, and tells whether there is something to receive. To be called right before
  // waiting: the descriptor tells of changes only, and of none that was seen in here.
  [[nodiscard]] bool serve();

  [[nodiscard]] const BrokerArguments& arguments() const { return arguments_; }

  // How a command that heard nothing for that long ends.
  [[nodiscard]] Trouble unreachable(Duration silence) const;

 private:
  static constexpr std::size_t kWaitingMax = 1024;

  Front(io::Socket socket, BrokerArguments arguments)
      : socket_(std::move(socket)), arguments_(std::move(arguments)) {}

  void flush();

  io::Socket socket_;
  BrokerArguments arguments_;
  std::deque<io::Socket::Frames> waiting_;  // Not sent yet, in order.
};

}  // namespace leat::cli
