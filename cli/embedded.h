// EmbeddedCluster is a broker and a node inside this process, each in a thread of its own, reached
// over inproc: the same logic and the same messages as daemons.

#pragma once

#include <memory>
#include <string>
#include <thread>

#include "broker/broker_loop.h"
#include "core/result.h"
#include "io/socket.h"
#include "io/wait.h"
#include "node/node_loop.h"

namespace leat::cli {

class EmbeddedCluster {
 public:
  // Starts both. `context` must outlive the cluster.
  [[nodiscard]] static Result<std::unique_ptr<EmbeddedCluster>> start(io::Context& context);

  // Nothing runs yet: start() makes one that does.
  EmbeddedCluster() = default;

  // Kills what still runs, if stop() was not called.
  ~EmbeddedCluster();
  EmbeddedCluster(const EmbeddedCluster&) = delete;
  EmbeddedCluster& operator=(const EmbeddedCluster&) = delete;
  EmbeddedCluster(EmbeddedCluster&&) = delete;
  EmbeddedCluster& operator=(EmbeddedCluster&&) = delete;

  // Where clients connect.
  [[nodiscard]] static std::string front();

  // Lets the tools end: each has its end-of-file, and its grace. Returns when all are gone. When
  // `signals` becomes readable they are killed.
  void stop(int signals);

  // Kills the tools. Returns when all are gone.
  void abort();

 private:
  void join();

  io::Bell stop_node_;
  io::Bell abort_node_;
  io::Bell stop_broker_;
  io::Bell node_ended_;
  std::unique_ptr<broker::BrokerLoop> broker_;
  std::unique_ptr<node::NodeLoop> node_;
  std::thread broker_thread_;
  std::thread node_thread_;
};

}  // namespace leat::cli
