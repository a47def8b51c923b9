// `leat broker`, `node` and `up`: processes that serve until they are told to end.

#include <array>
#include <cstdio>
#include <utility>

#include <unistd.h>

#include "cli/broker_address.h"
#include "cli/commands.h"
#include "cli/daemons.h"
#include "io/path_lock.h"
#include "io/process.h"
#include "monitoring/http_server.h"

namespace leat::cli {

namespace {

// Where to listen.
Attempt<io::Address> listening_address(const BrokerDaemonArguments& arguments) {
  if (arguments.listen.empty()) return own_place();
  const Result<io::Address> address = io::parse_address(arguments.listen, io::Purpose::kListen);
  if (!address) return trouble(ExitCode::kUsage, address.error());
  return *address;
}

// Over tcp anybody may come, to a node's inlets, too: only with keys, or when the user wants it so.
Attempt<void> check_security(const io::Address& address, const SecurityArguments& security) {
  if (io::is_local(address) || !security.keys.empty() || security.may_be_insecure) return {};
  return trouble(ExitCode::kUsage,
                 io::to_string(address) +
                     " is tcp, by which others can come, and run commands here: give --keys DIR "
                     "(`leat keys new DIR` makes it), or --insecure where the network is trusted");
}

// Where the results of other processes' nodes come in.
Attempt<io::Address> results_address(const io::Address& front, std::uint16_t port) {
  io::Address results = front;
  if (front.transport == io::Transport::kTcp) {
    results.port = port;
    return results;
  }
  if (port > 0) {
    return trouble(ExitCode::kUsage,
                   "--results-port is for tcp, and this listens at " + io::to_string(front));
  }
  results.path += ".results";
  const Result<io::Address> checked =
      io::parse_address(io::to_string(results), io::Purpose::kListen);
  if (!checked) return trouble(ExitCode::kUsage, checked.error());
  return results;
}

// A broker that is about to be started, and what it holds on to besides its loop.
struct BrokerPlan {
  io::Address front;
  std::optional<io::PathLock> lock;
  std::unique_ptr<monitoring::SnapshotBoard> board;
  std::unique_ptr<monitoring::HttpServer> http;  // Reads the board.
  broker::BrokerLoop::Options options;
};

Attempt<void> lock_path(BrokerPlan& plan) {
  if (plan.front.transport != io::Transport::kIpc) return {};
  Result<io::PathLock> lock = io::PathLock::take(plan.front.path);
  if (!lock) return trouble(ExitCode::kBroker, lock.error());
  plan.lock = std::move(*lock);
  return {};
}

Attempt<void> start_http(BrokerPlan& plan, const std::string& address) {
  if (address.empty()) return {};
  plan.board = std::make_unique<monitoring::SnapshotBoard>();
  auto server =
      monitoring::HttpServer::start(address, monitoring::pages_of(*plan.board, kProgramVersion));
  if (!server) {
    const bool is_misspelt = server.error().code == Errc::kInvalidArgument;
    return trouble(is_misspelt ? ExitCode::kUsage : ExitCode::kBroker, server.error());
  }
  plan.http = std::move(*server);
  plan.options.publish = [board = plan.board.get()](const wire::Status& status) {
    board->post(status, io::MonotonicClock().now());
  };
  return {};
}

Attempt<void> read_keys(BrokerPlan& plan, const SecurityArguments& security) {
  // Nobody else can come to a socket in a private directory: it needs no keys.
  if (io::is_local(plan.front) || security.keys.empty()) return {};
  Result<io::BrokerKeys> keys = io::read_broker_keys(security.keys);
  if (!keys) return trouble(ExitCode::kUsage, keys.error());
  plan.options.keys = std::move(*keys);
  return {};
}

Attempt<BrokerPlan> plan_broker(const BrokerDaemonArguments& arguments) {
  BrokerPlan plan;
  Attempt<io::Address> front = listening_address(arguments);
  if (!front) return tl::unexpected(front.error());
  plan.front = std::move(*front);
  plan.options.fronts = {io::to_string(plan.front)};
  const Attempt<io::Address> results = results_address(plan.front, arguments.results_port);
  if (!results) return tl::unexpected(results.error());
  plan.options.results = {io::to_string(*results)};
  plan.options.settings.incarnation = new_incarnation();
  plan.options.say = [](const std::string& text) { say_event("broker: " + text); };
  const Attempt<void> done = check_security(plan.front, arguments.security)
                                 .and_then([&] { return read_keys(plan, arguments.security); })
                                 .and_then([&] { return lock_path(plan); })
                                 .and_then([&] { return start_http(plan, arguments.http); });
  if (!done) return tl::unexpected(done.error());
  return plan;
}

std::string host_name() {
  std::array<char, 65> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) return "node";
  return host.data();
}

void tell_being(const NodeDaemonArguments& arguments, node::NodeLoop::Options& options) {
  options.settings.name = arguments.name;
  options.settings.labels = arguments.labels;
  if (arguments.cores > 0) options.settings.cores = arguments.cores;
  options.say = [name = arguments.name](const std::string& text) {
    say_event("node " + name + ": " + text);
  };
}

// Starts them, and serves until a signal comes. `plan`: of the broker, if there is one.
Attempt<ExitCode> serve(Daemons::Options options, const Signals& signals, const std::string& who,
                        const BrokerPlan* plan) {
  io::Context context;
  Result<std::unique_ptr<Daemons>> daemons = Daemons::start(context, std::move(options));
  if (!daemons) return trouble(ExitCode::kBroker, daemons.error());
  if (plan != nullptr) {
    say_event("broker: listening at " + (*daemons)->front_address());
    say_event("broker: records are kept in memory: what is in it when it ends is lost");
    if (plan->http) say_event("broker: metrics at http://" + plan->http->address() + "/metrics");
  }
  (*daemons)->wait(signals);
  say_event(who + ": ending");
  (*daemons)->stop(signals);
  return ExitCode::kWell;
}

Attempt<ExitCode> serve_broker(const BrokerDaemonArguments& arguments) {
  occupy_standard_error();
  io::prepare_signals();
  const Signals signals;
  Attempt<BrokerPlan> plan = plan_broker(arguments);
  if (!plan) return tl::unexpected(plan.error());
  return serve({.broker = std::move(plan->options)}, signals, "broker", &*plan);
}

Attempt<ExitCode> serve_up(const UpArguments& arguments) {
  occupy_standard_error();
  io::prepare_signals();
  const Signals signals;
  Attempt<BrokerPlan> plan = plan_broker(arguments.broker);
  if (!plan) return tl::unexpected(plan.error());
  // The last ones are those that others are told: nodes may join from elsewhere, too.
  plan->options.fronts.insert(plan->options.fronts.begin(), kInnerFront);
  plan->options.results.insert(plan->options.results.begin(), kInnerResults);
  node::NodeLoop::Options node = node_of_this_machine(plan->options.settings.incarnation);
  tell_being(arguments.node, node);
  node.front = kInnerFront;
  node.results = kInnerResults;
  node.inlet_prefix = kInnerInlets;
  return serve({.broker = std::move(plan->options), .node = std::move(node)}, signals, "up",
               &*plan);
}

// Where this node's inlets listen, for a broker at that address.
Attempt<void> place_inlets(const NodeDaemonArguments& arguments, const io::Address& broker,
                           node::NodeLoop::Options& options) {
  const bool is_tcp = broker.transport == io::Transport::kTcp;
  if (!is_tcp && !(arguments.advertise.empty() && arguments.inlet_ports.empty())) {
    return trouble(ExitCode::kUsage,
                   "--advertise and --inlet-ports are for a broker at a tcp "
                   "address, and it is at " +
                       options.front);
  }
  if (!is_tcp) {
    // Beside the broker, in its private directory. Process ids are not enough: nodes in containers
    // may share the directory and have the same one.
    std::array<char, 20> own{};
    std::snprintf(own.data(), own.size(), ".%08x.",
                  static_cast<unsigned>(options.settings.incarnation & 0xFFFFFFFFU));
    options.inlet_prefix = options.front + own.data();
    return {};
  }
  options.ports = node::NodeLoop::InletPorts{};
  options.ports->advertise = arguments.advertise;
  if (arguments.inlet_ports.empty()) return {};
  const Result<io::PortRange> ports = io::parse_port_range(arguments.inlet_ports);
  if (!ports) return trouble(ExitCode::kUsage, "--inlet-ports: " + ports.error().message);
  options.ports->ports = *ports;
  return {};
}

Attempt<ExitCode> serve_node(NodeDaemonArguments arguments) {
  occupy_standard_error();
  io::prepare_signals();
  const Signals signals;
  if (arguments.name.empty()) arguments.name = host_name();
  const Attempt<io::Address> broker = broker_address(arguments.broker);
  if (!broker) return tl::unexpected(broker.error());
  node::NodeLoop::Options options = node_of_this_machine(new_incarnation());
  tell_being(arguments, options);
  options.front = io::to_string(*broker);
  Attempt<std::optional<io::ClusterKeys>> keys =
      check_security(*broker, arguments.security).and_then([&] {
        return cluster_keys(*broker, arguments.security.keys);
      });
  if (!keys) return tl::unexpected(keys.error());
  options.keys = std::move(*keys);
  if (const Attempt<void> placed = place_inlets(arguments, *broker, options); !placed) {
    return tl::unexpected(placed.error());
  }
  return serve({.node = std::move(options)}, signals, "node " + arguments.name, nullptr);
}

}  // namespace

ExitCode run_broker(const BrokerDaemonArguments& arguments) {
  return conclude(serve_broker(arguments));
}

ExitCode run_up(const UpArguments& arguments) {
  return conclude(serve_up(arguments));
}

ExitCode run_node(const NodeDaemonArguments& arguments) {
  return conclude(serve_node(arguments));
}

}  // namespace leat::cli
