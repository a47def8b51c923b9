#include "cli/daemons.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "cli/say.h"

namespace leat::cli {

namespace {

constexpr Duration kForever = std::chrono::hours(24 * 365 * 10);

}  // namespace

std::string program_beside_us(const char* name) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / name).string();
}

Result<std::unique_ptr<Daemons>> Daemons::start(io::Context& context, Options options) {
  auto daemons = std::make_unique<Daemons>();
  Daemons& running = *daemons;
  if (options.broker) {
    auto broker = broker::BrokerLoop::create(context, std::move(*options.broker));
    if (!broker) return tl::unexpected(broker.error());
    running.broker_ = std::move(*broker);
    running.front_address_ = running.broker_->front_address();
  }
  if (options.node) {
    auto node = node::NodeLoop::create(context, std::move(*options.node));
    if (!node) return tl::unexpected(node.error());
    running.node_ = std::move(*node);
  }
  if (running.broker_) {
    running.broker_thread_ =
        std::thread([&running] { running.broker_->run(running.stop_broker_); });
  }
  if (running.node_) {
    running.node_thread_ = std::thread([&running] {
      running.node_->run(running.stop_node_, running.abort_node_);
      running.node_ended_.ring();
    });
  }
  return daemons;
}

Daemons::~Daemons() {
  abort();
}

void Daemons::wait(const Signals& signals) const {
  // A broker serves on without the node beside it, which may have been drained.
  if (!broker_) return wait_for_node(signals);
  io::WaitSet waits;
  waits.add(signals.fd(), POLLIN);
  do {
    waits.wait(std::nullopt);
  } while (!signals.came());
}

void Daemons::wait_for_node(const Signals& signals) const {
  io::WaitSet waits;
  const std::size_t at_signals = waits.add(signals.fd(), POLLIN);
  const std::size_t at_end = waits.add(node_ended_.fd(), POLLIN);
  while (true) {
    waits.wait(std::nullopt);
    if (waits.is_ready(at_end) || (waits.is_ready(at_signals) && signals.came())) return;
  }
}

void Daemons::stop(const Signals& signals) {
  stop_node_.ring();
  if (node_) wait_for_node(signals);
  abort();
}

void Daemons::abort() {
  abort_node_.ring();
  join();
}

void Daemons::join() {
  if (node_thread_.joinable()) node_thread_.join();
  stop_broker_.ring();
  if (broker_thread_.joinable()) broker_thread_.join();
}

Daemons::Options private_cluster() {
  const std::uint64_t incarnation = new_incarnation();
  Daemons::Options options;
  options.broker.emplace();
  options.broker->fronts = {kInnerFront};
  options.broker->results = {kInnerResults};
  options.broker->settings.incarnation = incarnation;
  // In one process nobody gets lost: whoever is silent was stopped together with us.
  options.broker->settings.node_silence_max = kForever;
  options.broker->settings.client_silence_max = kForever;
  // Nobody is there to mend a tool, and whoever waits for the results wants to know at once.
  options.broker->settings.fails_for_good = true;
  // Its only node coming and going is no news here.
  options.broker->say = [](const std::string&) {};
  options.node = node_of_this_machine(incarnation);
  options.node->front = kInnerFront;
  options.node->inlet_prefix = kInnerInlets;
  options.node->settings.name = "local";
  options.node->settings.broker_silence_beats = UINT32_MAX;
  options.node->say = say;
  return options;
}

std::uint64_t new_incarnation() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count());
}

node::NodeLoop::Options node_of_this_machine(std::uint64_t incarnation) {
  node::NodeLoop::Options options;
  options.guardian_program = program_beside_us("leat-guardian");
  options.start_program = program_beside_us("leat-start");
  options.settings.incarnation = incarnation;
  options.settings.seed = incarnation;
  options.settings.cores = std::max(std::thread::hardware_concurrency(), 1U);
  return options;
}

}  // namespace leat::cli
