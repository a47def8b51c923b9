// `leat broker`, `node` and `up` on the command line.

#include <vector>

#include "cli/command_line.h"
#include "cli/options.h"

namespace leat::cli {

namespace {

constexpr std::uint32_t kCoresMax = 65535;
// ZeroMQ knows a peer by at most 255 bytes, of which a node's name is a part.
constexpr std::size_t kNameBytesMax = 200;
constexpr std::size_t kLabelBytesMax = 1000;

void add_security(CLI::App& command, SecurityArguments& security) {
  command
      .add_option("--keys", security.keys, "the cluster's keys (leat keys new), for tcp addresses")
      ->envname("LEAT_KEYS")
      ->type_name("DIR");
  command.add_flag("--insecure", security.may_be_insecure,
                   "tcp without keys: whoever reaches the port may run commands here");
}

void add_listening(CLI::App& command, BrokerDaemonArguments& broker) {
  command
      .add_option("--listen", broker.listen,
                  "where to listen: tcp://HOST:PORT or ipc:///PATH; without it, at your own user's "
                  "address on this machine")
      ->type_name("ADDRESS");
  command
      .add_option("--http", broker.http,
                  "show metrics at http://HOST:PORT/metrics, and /healthz, /readyz")
      ->type_name("HOST:PORT");
  command
      .add_option("--results-port", broker.results_port,
                  "the second port of a tcp broker, for nodes' results (the system chooses)")
      ->type_name("PORT");
  add_security(command, broker.security);
}

// "gpu=true".
void read_labels(const std::vector<std::string>& texts, NodeDaemonArguments& node) {
  for (const std::string& text : texts) {
    const std::size_t at = text.find('=');
    if (at == std::string::npos || at == 0) {
      throw CLI::ValidationError("found '" + text + "', expected NAME=VALUE, such as gpu=true");
    }
    if (text.size() > kLabelBytesMax) {
      throw CLI::ValidationError("a label has " + std::to_string(text.size()) + " bytes, and " +
                                 std::to_string(kLabelBytesMax) + " are the most");
    }
    node.labels[text.substr(0, at)] = text.substr(at + 1);
  }
}

void add_name(CLI::App& command, NodeDaemonArguments& node, const std::string& what) {
  const auto check = [](const std::string& name) {
    if (name.size() <= kNameBytesMax) return std::string();
    return "it has " + std::to_string(name.size()) + " bytes, and " +
           std::to_string(kNameBytesMax) + " are the most";
  };
  command.add_option("--name", node.name, what)->check(check);
}

void add_being(CLI::App& command, NodeDaemonArguments& node) {
  const auto read = [&node](const std::vector<std::string>& texts) { read_labels(texts, node); };
  command
      .add_option_function<std::vector<std::string>>(
          "--label", read, "what stages may ask for with `nodes:`; may be given several times")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--cores", node.cores, "how many cores it has to give (the machine's)")
      ->type_name("N")
      ->check(CLI::Range(std::uint32_t{1}, kCoresMax));
}

void add_broker(CLI::App& program, BrokerDaemonArguments& broker, CommandLine& line) {
  CLI::App* const command =
      program.add_subcommand("broker",
                             "Run a broker, which nodes join and clients talk to.\n"
                             "Example: leat broker --listen tcp://*:5570 --keys /etc/leat/keys");
  add_listening(*command, broker);
  command->callback([&] { line.chosen = [&] { return run_broker(broker); }; });
}

void add_node(CLI::App& program, NodeDaemonArguments& node, CommandLine& line) {
  CLI::App* const command = program.add_subcommand(
      "node",
      "Run a node, which joins a broker and runs tools. It may start before the broker.\n"
      "Example: leat node --broker tcp://big:5570 --name gpu-1 --label gpu=true --keys "
      "/etc/leat/keys");
  command
      ->add_option("--broker", node.broker,
                   "where the broker listens: tcp://HOST:PORT or ipc:///PATH; without it, your own "
                   "user's broker on this machine")
      ->envname("LEAT_BROKER")
      ->type_name("ADDRESS");
  add_name(*command, node, "unique in the cluster (the host's name)");
  add_being(*command, node);
  command
      ->add_option("--advertise", node.advertise,
                   "the host by which the broker reaches this one (the address towards it)")
      ->type_name("HOST");
  command
      ->add_option("--inlet-ports", node.inlet_ports,
                   "ports to listen at for records, one for each stage here (the system chooses)")
      ->type_name("A-B");
  add_security(*command, node.security);
  command->callback([&] { line.chosen = [&] { return run_node(node); }; });
}

void add_up(CLI::App& program, UpArguments& up, CommandLine& line) {
  CLI::App* const command = program.add_subcommand(
      "up",
      "Run a broker and a node in one process: all that one machine needs. In memory: records\n"
      "that were accepted are lost when it ends.\n"
      "Example: leat up");
  add_listening(*command, up.broker);
  add_name(*command, up.node, "the node's name (local)");
  add_being(*command, up.node);
  command->callback([&] { line.chosen = [&] { return run_up(up); }; });
}

}  // namespace

void add_daemon_commands(CLI::App& program, CommandLine& line) {
  add_broker(program, line.broker, line);
  add_node(program, line.node, line);
  add_up(program, line.up, line);
}

}  // namespace leat::cli
