// Daemons and clients of Leat in a test: real processes in one scene, with a broker address of
// their own. What a daemon says is collected, and can be waited for.

#pragma once

#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <poll.h>

#include "tests/support/leat_process.h"

namespace leat::tests {

// A command that runs on while the test does other things.
class Daemon {
 public:
  explicit Daemon(const io::SpawnOptions& options) : process_(options) {}

  // Whether it says so, on standard error, before the deadline.
  [[nodiscard]] bool says(std::string_view text) {
    return wait_until(
        [&] {
          said_ += drain(process_.child().from_stderr);
          return said_.find(text) != std::string::npos;
        },
        process_.child().from_stderr.get());
  }

  // All that it has said so far.
  [[nodiscard]] const std::string& said() const { return said_; }

  void signal(int number) const { ::kill(process_.pid(), number); }

  // How it ends, and what it wrote that was not taken before.
  [[nodiscard]] Outcome end(int number) {
    signal(number);
    return end();
  }

  [[nodiscard]] Outcome end() {
    Outcome outcome = finish(process_);
    said_ += outcome.errors;
    outcome.errors = said_;
    return outcome;
  }

  [[nodiscard]] RunningTool& process() { return process_; }

 private:
  static std::string drain(io::Fd& fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (fd.is_open()) {
      const auto got = io::read_some(fd.get(), buffer);
      if (!got || got->state == io::ReadState::kEnd) fd.reset();
      if (!got || got->state != io::ReadState::kBytes) break;
      text.append(buffer.data(), got->bytes);
    }
    return text;
  }

  RunningTool process_;
  std::string said_;
};

class Cluster {
 public:
  Cluster() : address_("ipc://" + scene_.path("broker")) {}

  [[nodiscard]] const Scene& scene() const { return scene_; }

  // Where clients and nodes find the broker.
  [[nodiscard]] const std::string& address() const { return address_; }

  void set_address(std::string address) { address_ = std::move(address); }

  // `leat COMMAND...`, as a process whose LEAT_BROKER is the address.
  [[nodiscard]] io::SpawnOptions leat(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), LEAT_PROGRAM);
    return command(std::move(arguments));
  }

  // To its end.
  [[nodiscard]] Outcome run(std::vector<std::string> arguments, std::string_view input = {}) const {
    RunningTool process(leat(std::move(arguments)));
    return finish(process, input);
  }

  [[nodiscard]] std::unique_ptr<Daemon> start(std::vector<std::string> arguments) const {
    return std::make_unique<Daemon>(leat(std::move(arguments)));
  }

  // A shell's command; "$LEAT" is the program.
  [[nodiscard]] std::unique_ptr<Daemon> start_shell(const std::string& text) const {
    return std::make_unique<Daemon>(command({"/bin/sh", "-c", text}));
  }

  // A broker that listens at the address, or `up`; null when it does not.
  [[nodiscard]] std::unique_ptr<Daemon> start_broker(const std::string& command = "broker") const {
    std::unique_ptr<Daemon> daemon = start({command, "--listen", address_});
    return daemon->says("listening at " + address_) ? std::move(daemon) : nullptr;
  }

  // A node that has joined; null when it has not.
  [[nodiscard]] std::unique_ptr<Daemon> start_node(const std::string& name,
                                                   std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {"node", "--name", name};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::unique_ptr<Daemon> daemon = start(std::move(arguments));
    return daemon->says("joined broker at ") ? std::move(daemon) : nullptr;
  }

  // Deploys the stages as pipeline "scene".
  [[nodiscard]] Outcome deploy(std::string_view stages, std::string_view above = "") const {
    scene_.set_pipeline(stages, above);
    return run({"deploy", "spec.yml"});
  }

  [[nodiscard]] std::string status() const { return run({"status", "--json"}).output; }

  // Whether the status comes to contain this, before the deadline.
  [[nodiscard]] bool shows(std::string_view text) const {
    return wait_until([&] { return status().find(text) != std::string::npos; });
  }

 private:
  [[nodiscard]] io::SpawnOptions command(std::vector<std::string> argv) const {
    io::SpawnOptions options = scene_.command(std::move(argv));
    options.environment.push_back("LEAT_BROKER=" + address_);
    return options;
  }

  Scene scene_;
  std::string address_;
};

}  // namespace leat::tests
