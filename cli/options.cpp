#include "cli/options.h"

#include <chrono>

#include "spec/scalars.h"

namespace leat::cli {

void add_broker_options(CLI::App& command, BrokerArguments& arguments) {
  command
      .add_option("--broker", arguments.address,
                  "where the broker listens: tcp://HOST:PORT or ipc:///PATH; without it, your own "
                  "user's broker on this machine")
      ->envname("LEAT_BROKER")
      ->type_name("ADDRESS");
  command
      .add_option("--keys", arguments.keys, "the cluster's keys (leat keys new), for tcp addresses")
      ->envname("LEAT_KEYS")
      ->type_name("DIR");
}

void add_client_options(CLI::App& command, BrokerArguments& arguments) {
  add_broker_options(command, arguments);
  add_time(command, "--timeout", arguments.patience,
           "how long to wait for the broker's first word (5s)");
}

CLI::Option* add_time(CLI::App& command, const std::string& name, Duration& into,
                      const std::string& description) {
  const auto read = [&into](const std::string& text) {
    const Result<Duration> time =
        spec::parse_duration(text, {std::chrono::milliseconds(1), std::chrono::hours(24)});
    if (!time) throw CLI::ValidationError(time.error().message);
    into = *time;
  };
  return command.add_option_function<std::string>(name, read, description)->type_name("TIME");
}

}  // namespace leat::cli
