// Daemons are the broker and the node that run inside this process, or one of them, each in a
// thread of its own. Where both run they meet over inproc: the same logic and the same messages as
// between processes.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "broker/broker_loop.h"
#include "cli/surroundings.h"
#include "core/result.h"
#include "io/socket.h"
#include "io/wait.h"
#include "node/node_loop.h"

namespace leat::cli {

// Where broker, node and client of one process meet.
inline constexpr const char* kInnerFront = "inproc://leat-front";
inline constexpr const char* kInnerResults = "inproc://leat-results";
inline constexpr const char* kInnerInlets = "inproc://leat-inlet-";

class Daemons {
 public:
  struct Options {
    std::optional<broker::BrokerLoop::Options> broker;
    std::optional<node::NodeLoop::Options> node;
  };

  // Starts what there are options for, the broker first. `context` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<Daemons>> start(io::Context& context,
                                                              Options options);

  // Nothing runs yet: start() makes some that do.
  Daemons() = default;

  // Kills what still runs, if stop() was not called.
  ~Daemons();
  Daemons(const Daemons&) = delete;
  Daemons& operator=(const Daemons&) = delete;
  Daemons(Daemons&&) = delete;
  Daemons& operator=(Daemons&&) = delete;

  // Where the broker listens, with the port that the system chose. REQUIRES: there is one.
  [[nodiscard]] const std::string& front_address() const { return front_address_; }

  // Until a signal comes; without a broker also until the node has ended by itself, for it was
  // drained.
  void wait(const Signals& signals) const;

  // Lets the tools end: each has its end-of-file, and its grace. Returns when all are gone. When a
  // signal comes they are killed.
  void stop(const Signals& signals);

  // Kills the tools. Returns when all are gone.
  void abort();

 private:
  // Until it has ended or a signal comes.
  void wait_for_node(const Signals& signals) const;
  void join();

  io::Bell stop_node_;
  io::Bell abort_node_;
  io::Bell stop_broker_;
  io::Bell node_ended_;
  std::string front_address_;
  std::unique_ptr<broker::BrokerLoop> broker_;
  std::unique_ptr<node::NodeLoop> node_;
  std::thread broker_thread_;
  std::thread node_thread_;
};

// The path of a program that lies beside this one, wherever that was installed.
[[nodiscard]] std::string program_beside_us(const char* name);

// A broker and a node that nobody else reaches, for one pipe.
[[nodiscard]] Daemons::Options private_cluster();

// Another for each process: no id of one is ever taken for one of another.
[[nodiscard]] std::uint64_t new_incarnation();

// A node as this process and machine make it: without broker, name and addresses.
[[nodiscard]] node::NodeLoop::Options node_of_this_machine(std::uint64_t incarnation);

}  // namespace leat::cli
