#include "cli/embedded.h"

#include <chrono>
#include <filesystem>
#include <utility>

#include <unistd.h>

#include "cli/say.h"

namespace leat::cli {

namespace {

constexpr const char* kFront = "inproc://leat-front";
constexpr const char* kResults = "inproc://leat-results";
constexpr Duration kForever = std::chrono::hours(24 * 365 * 10);

// Beside this program, wherever that was installed.
std::string guardian_program() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "leat-guardian").string();
}

// Another for each process: no id of one is ever taken for one of another.
std::uint64_t new_incarnation() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count());
}

}  // namespace

Result<std::unique_ptr<EmbeddedCluster>> EmbeddedCluster::start(io::Context& context) {
  const std::uint64_t incarnation = new_incarnation();
  auto cluster = std::make_unique<EmbeddedCluster>();
  broker::Settings settings;
  settings.incarnation = incarnation;
  // In one process nobody gets lost: whoever is silent was stopped together with us.
  settings.node_silence_max = kForever;
  settings.client_silence_max = kForever;
  // Its only node coming and going is no news here.
  const auto say_nothing = [](const std::string&) {};
  auto broker = broker::BrokerLoop::create(
      context, {.front = kFront, .results = kResults, .settings = settings, .say = say_nothing});
  if (!broker) return tl::unexpected(broker.error());
  cluster->broker_ = std::move(*broker);
  node::NodeLoop::Options options;
  options.front = kFront;
  options.inlet_prefix = "inproc://leat-inlet-";
  options.guardian_program = guardian_program();
  options.settings.name = "local";
  options.settings.incarnation = incarnation;
  options.settings.seed = incarnation;
  options.settings.broker_silence_beats = UINT32_MAX;
  options.settings.cores = std::max(std::thread::hardware_concurrency(), 1U);
  options.say = say;
  auto node = node::NodeLoop::create(context, std::move(options));
  if (!node) return tl::unexpected(node.error());
  cluster->node_ = std::move(*node);
  EmbeddedCluster& running = *cluster;
  running.broker_thread_ = std::thread([&running] { running.broker_->run(running.stop_broker_); });
  running.node_thread_ = std::thread([&running] {
    running.node_->run(running.stop_node_, running.abort_node_);
    running.node_ended_.ring();
  });
  return cluster;
}

std::string EmbeddedCluster::front() {
  return kFront;
}

EmbeddedCluster::~EmbeddedCluster() {
  abort_node_.ring();
  join();
}

void EmbeddedCluster::stop(int signals) {
  stop_node_.ring();
  io::WaitSet waits;
  waits.add(node_ended_.fd(), POLLIN);
  const std::size_t at_signals = waits.add(signals, POLLIN);
  waits.wait(std::nullopt);
  if (waits.is_ready(at_signals)) abort_node_.ring();
  join();
}

void EmbeddedCluster::abort() {
  abort_node_.ring();
  join();
}

void EmbeddedCluster::join() {
  if (node_thread_.joinable()) node_thread_.join();
  stop_broker_.ring();
  if (broker_thread_.joinable()) broker_thread_.join();
}

}  // namespace leat::cli
